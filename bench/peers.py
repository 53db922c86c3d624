"""Other ways beside ours, on the same simulated cluster in the same run: what each costs.

- prometheus-pve-exporter, scraped: what many run beside Proxmox, and it stores nothing;
- a call a guest through proxmoxer: what panels usually do;
- python-socketio with Redis between the processes, which is the usual way to live updates.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median

import requests
from django.db import connections
from proxmoxer import ProxmoxAPI

from bench import cycles, sockets
from bench.place import ROOT, Place, free_port
from bench.processes import Helper, cost
from bench.simulators import Simulators, Token
from bench.web_servers import WebServer
from servers.clusters import access_to
from servers.models import ClusterToken
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access

ROUNDS = 5
GUESTS_ASKED = 300
SOCKETS = 1000
SOCKET_IO = "bench.socket_io:application"


@dataclass
class Way:
    """Seconds of each round: wall, and CPU of whoever does it (not the simulator's)."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    calls: float = 0
    note: str = ""


def run(place: Place, servers: int) -> Generator[str, None, list[Way]]:
    with Simulators(place, [servers]) as simulators:
        ways = polling(simulators, servers)
    yield from polling_table(ways, servers)
    yield ""
    yield from fan_out_table(fan_out())
    return ways


def polling(simulators: Simulators, servers: int) -> list[Way]:
    cluster = simulators.register(0)
    cycles.one_cycle(cluster)
    time.sleep(cycles.BETWEEN_CYCLES)
    cycles.one_cycle(cluster)
    fetch = Way("our fetch: one call, decoded and typed", calls=1)
    whole = Way("our whole cycle: fetched, stored, judged, published", calls=1)
    for _ in range(ROUNDS):
        time.sleep(cycles.BETWEEN_CYCLES)
        laps, _ = cycles.timed_cycle(cluster)
        for way, stage in ((fetch, "fetch"), (whole, "whole")):
            way.wall.append(laps[stage].wall)
            way.cpu.append(laps[stage].cpu)
    token, port = simulators.token(0), simulators.ports[0]
    ways = [fetch, whole, *exporter(token, port)]
    ways += a_call_a_guest(token, port, access_to(cluster, ClusterToken.Purpose.READ), servers)
    cycles.clear(cluster)
    return ways


def exporter(token: Token, port: int) -> list[Way]:
    user, _, name = token.id.partition("!")
    way = Way(
        "prometheus-pve-exporter, one scrape",
        note="cluster collectors alone; those of nodes make a call a guest. It stores nothing",
    )
    config = token.authority.with_name("exporter.yml")
    config.write_text(
        f"default:\n  user: {user}\n  token_name: {name}\n  token_value: {token.secret}\n"
        f"  verify_ssl: {token.authority}\n"
    )
    own = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from pve_exporter.cli import main; main()",
            f"--config.file={config}", f"--web.listen-address=127.0.0.1:{own}",
            # The simulator knows no backup jobs and no quorum device.
            "--no-collector.backup-info", "--no-collector.qdevice",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{own}/pve?target=127.0.0.1:{port}&cluster=1&node=0"
    try:
        wait_for(lambda: requests.get(f"http://127.0.0.1:{own}/metrics", timeout=5).ok)
        scrape(address)
        for _ in range(ROUNDS):
            worked, started = cost(process.pid).cpu, time.perf_counter()
            scrape(address)
            way.wall.append(time.perf_counter() - started)
            way.cpu.append(cost(process.pid).cpu - worked)
    finally:
        process.terminate()
        process.wait(20)
    return [way]


def scrape(address: str) -> None:
    answer = requests.get(address, timeout=120)
    if not answer.ok or b"pve_guest_info" not in answer.content:
        raise RuntimeError(f"The exporter answers {answer.status_code}: {answer.text[:300]}")


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if is_so():
                return
        except requests.RequestException:
            if time.monotonic() > until:
                raise
        time.sleep(0.05)


def a_call_a_guest(token: Token, port: int, access: Access, servers: int) -> list[Way]:
    """A sample of guests in turn, on one connection that is kept, multiplied to all of them."""
    guests = Gateway(access).resources().guests
    proxmox = proxmoxer_of(token, port)
    some = Random(5).sample(guests, min(GUESTS_ASKED, len(guests)))
    listed = Way("the same list by proxmoxer, as dictionaries", calls=1)
    for _ in range(ROUNDS):
        with stopwatch(listed):
            proxmox.cluster.resources.get(type="vm")
    way = Way(
        "proxmoxer, a call a guest in turn",
        calls=len(guests),
        note=f"extrapolated from {len(some)} guests in each round",
    )
    share = len(guests) / len(some)
    for _ in range(ROUNDS):
        with stopwatch(way, share):
            for guest in some:
                proxmox.nodes(guest.node)(guest.type)(guest.vmid).status.current.get()
    anew = Way(
        "the same, by a client of its own for each guest",
        calls=len(guests),
        note=f"as a task for each guest makes it; extrapolated from {len(some)} in each round",
    )
    for _ in range(ROUNDS):
        with stopwatch(anew, share):
            for guest in some:
                own = proxmoxer_of(token, port)
                own.nodes(guest.node)(guest.type)(guest.vmid).status.current.get()
    return [listed, way, anew]


def proxmoxer_of(token: Token, port: int) -> ProxmoxAPI:
    """As its documentation has it, with the certificate checked."""
    user, _, name = token.id.partition("!")
    return ProxmoxAPI(
        "127.0.0.1", port=port, user=user, token_name=name, token_value=token.secret,
        verify_ssl=str(token.authority), timeout=30,
    )  # fmt: skip


@contextmanager
def stopwatch(way: Way, share: float = 1.0) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    way.wall.append((time.perf_counter() - wall) * share)
    way.cpu.append((time.process_time() - cpu) * share)


def polling_table(ways: Sequence[Way], servers: int) -> Iterator[str]:
    fetch, whole = ways[0], ways[1]
    yield f"## Beside others: {servers} guests of one cluster, {ROUNDS} rounds"
    yield ""
    yield "| way | wall ms, median (least to most) | CPU ms | × our fetch's CPU | × our whole cycle's CPU |"
    yield "|---|---|---|---|---|"
    for way in ways:
        cpu = median(way.cpu)
        yield (
            f"| {way.name} | {spread(way.wall)} | {spread(way.cpu)} "
            f"| {cpu / median(fetch.cpu):.1f} | {cpu / median(whole.cpu):.1f} |"
        )
    yield ""
    yield from (f"{way.name}: {way.note}" for way in ways if way.note)


@dataclass
class FanOut:
    name: str
    published: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    lost: int = 0
    note: str = ""


def fan_out() -> list[FanOut]:
    """1,000 sockets, each of a server of its own. Ours has 10,000 servers change; for Socket.IO
    only those that somebody follows are published too, which it cannot know.
    """
    ours = sockets.measure(SOCKETS, rounds=ROUNDS)
    here = FanOut("ours on daphne: 10,000 servers in 10 messages", lost=ours.lost)
    here.published = [one.published for one in ours.rounds]
    here.worst = [one.worst for one in ours.rounds]
    here.cpu = [ours.cpu_a_round]
    connections.close_all()
    return [
        here,
        *socket_io(sockets.SERVERS, f"python-socketio on uvicorn: {sockets.SERVERS} emits"),
        *socket_io(SOCKETS, f"the same, for the {SOCKETS} that are followed alone"),
    ]


def socket_io(emits: int, name: str) -> list[FanOut]:
    """An emit to a server's room for each server that changed, as its documentation has it."""
    way = FanOut(name)
    # Those that are followed lie among the others, as with ours.
    followed = Random(7).sample(range(1, emits + 1), SOCKETS)
    with (
        WebServer("uvicorn", application=SOCKET_IO) as web,
        Helper("bench.crowd") as crowd,
        Helper("bench.socket_io") as publisher,
    ):
        made = crowd.ask(
            do="connect", ports=web.ports, dialect="socketio", at_once=sockets.AT_ONCE, tries=1,
            sockets=[["", [number]] for number in followed],
        )  # fmt: skip
        if made["failed"]:
            raise RuntimeError(f"{made['failed']} did not connect: {made['why']}")
        for number in range(ROUNDS + 1):
            taken_at = 1_700_000_000 + number
            crowd.ask(do="expect", mark=f'"taken_at":{taken_at}', updates=SOCKETS, patience=120.0)
            worked, started = web.cost().cpu, time.monotonic()
            told = publisher.ask(rooms=emits, taken_at=taken_at)
            heard = crowd.hear()
            if number:
                way.published.append(told["seconds"])
                way.worst.append(max(heard["arrivals"], default=started + 120) - started)
                way.cpu.append(web.cost().cpu - worked)
                way.lost += heard["missing"]
            settle(web)
    return [way]


def settle(web: WebServer) -> None:
    """Until the web server has dealt with what nobody follows."""
    while True:
        before = web.cost().cpu
        time.sleep(0.5)
        if web.cost().cpu - before < 0.05:
            return


def fan_out_table(ways: Sequence[FanOut]) -> Iterator[str]:
    ours = median(ways[0].worst)
    yield f"## Beside others: {SOCKETS} sockets, each of a server of its own, {ROUNDS} rounds"
    yield ""
    yield "| way | published ms | the last socket's ms, median (least to most) | × ours | web server's CPU ms | lost |"
    yield "|---|---|---|---|---|---|"
    for way in ways:
        yield (
            f"| {way.name} | {spread(way.published)} | {spread(way.worst)} "
            f"| {median(way.worst) / ours:.1f} | {spread(way.cpu)} | {way.lost} |"
        )


def spread(seconds: Sequence[float]) -> str:
    low, high = min(seconds) * 1000, max(seconds) * 1000
    return f"{median(seconds) * 1000:.0f} ({low:.0f} to {high:.0f})"
