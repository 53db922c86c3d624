"""What CI holds: how figures of one run relate to each other, whatever the machine's pace.

A cycle against one of fewer servers and against a loop in plain Python, our fetch against a call a
guest; and what has to be a constant: statements, queries, messages. The limits leave two or three
times of what was measured when they were set, as machines of CI are noisy.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest import mock

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit import COMMAND
from accounts.models import User
from bench import charts, cycles, population
from bench.peers import proxmoxer_of
from bench.place import Place
from bench.simulators import Simulators
from monitoring import cycle
from servers import clusters, live, registration
from servers.live import channel_layer
from servers.models import Cluster, ClusterToken
from servers.proxmox import tls
from servers.proxmox.gateway import Gateway
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.registration import Credentials
from servers.simulator.adapter import SimulatedAdapter
from servers.simulator.demo import FULL
from servers.simulator.world import SimulatedCluster

FEW, MANY = 200, 2000
FETCHED = 400
WARM_UP, ROUNDS = 3, 15
INTERVAL = 30.0
LOOPS = 60_000
SHORT_LIST, LONG_LIST = 5, 40
GUESTS_ASKED = 100
HISTORY = 800
PAGES = {
    "the list page": "/",
    "the API's list": "/api/v1/servers/?page_size=100",
    "sparklines": "/servers/sparklines/?servers={servers}",
    "the page of alerts": "/alerts/",
}


@dataclass(frozen=True)
class Check:
    name: str
    found: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit


@dataclass(frozen=True)
class Pass:
    """A cycle: CPU seconds without the simulator's, statements, messages to the web processes."""

    cpu: float
    statements: int
    messages: int


def report(place: Place) -> int:
    """Prints each check; 1 where one does not hold."""
    found = [*of_cycles(), *of_pages(), *of_fetching(place), *of_samples()]
    for check in found:
        sign = "≥" if check.at_least else "≤"
        verdict = "ok    " if check.holds else "FAILED"
        print(f"{verdict} {check.name}: {check.found:.4g} ({sign} {check.limit:g})", flush=True)
    return 0 if all(check.holds for check in found) else 1


def of_cycles() -> Iterator[Check]:
    few, many = passes(FEW), passes(MANY)
    cpu = median(each.cpu for each in many)
    yield Check(
        f"CPU of a cycle, {MANY} servers to {FEW}", cpu / median(each.cpu for each in few), 7.0
    )
    yield Check(f"CPU of a cycle of {MANY} servers, in loops of Python", cpu / loop(), 1.2)
    yield Check(
        f"statements of a cycle, more at {MANY} than at {FEW}",
        median(each.statements for each in many) - median(each.statements for each in few),
        5,  # a thousand rows are one statement
    )
    yield Check("statements of a cycle", median(each.statements for each in many), 60)
    # A thousand servers' metrics are one message; states and alerts that change are others.
    yield Check(f"messages of a cycle of {MANY} servers", max(m.messages for m in many), 6)


def passes(guests: int) -> list[Pass]:
    with simulated(guests) as (cluster, clock):
        found = [one_pass(cluster, clock) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
        cycles.clear(cluster)
    return found


class Clock:
    """Of the simulator and of the cycle alike, so that nothing has to be waited for."""

    def __init__(self) -> None:
        self.seconds = datetime.now(UTC).timestamp()

    def unix(self) -> float:
        return self.seconds

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@contextmanager
def simulated(guests: int) -> Iterator[tuple[Cluster, Clock]]:
    """A cluster in this process, below our real gateway."""
    clock = Clock()
    world = SimulatedCluster(seed=1, nodes=3, guests=guests, started_at=clock.seconds - 3600)
    adapter = SimulatedAdapter(world, clock.unix)
    secret = world.access.authorization(FULL).split("=", 2)[-1]
    tokens = {Purpose.READ: Credentials(FULL, secret)}
    endpoints = (Endpoint("pve.example.com"),)
    with (
        mock.patch.object(tls, "adapter_for", return_value=adapter),
        mock.patch.object(clusters, "kept", threading.local()),
    ):
        cluster, _ = registration.register(
            name="bench",
            endpoints=endpoints,
            ca_pem="",
            tokens=tokens,
            examination=registration.examine(endpoints, "", tokens),
            actor=COMMAND,
            now=clock(),
        )
        yield cluster, clock


class CountingLayer:
    """The channel layer, with the messages counted."""

    def __init__(self) -> None:
        self.messages = 0

    async def group_send(self, group: str, message: dict[str, object]) -> None:
        self.messages += 1
        await channel_layer().group_send(group, message)


def one_pass(cluster: Cluster, clock: Clock) -> Pass:
    """One cycle counts, and the next one is timed: counting takes time too."""
    layer = CountingLayer()
    clock.seconds += INTERVAL
    with (
        mock.patch.object(live, "channel_layer", return_value=layer),
        CaptureQueriesContext(connection) as captured,
    ):
        assert cycle.poll(cluster.pk, clock=clock)
    clock.seconds += INTERVAL
    simulator = Simulator()
    with mock.patch.object(SimulatedAdapter, "send", simulator.timed(SimulatedAdapter.send)):
        started = process_time()
        assert cycle.poll(cluster.pk, clock=clock)
        cpu = process_time() - started - simulator.seconds
    return Pass(cpu, len(captured), layer.messages)


class Simulator:
    """What it takes, in seconds of CPU: it is in this process here, and not ours."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        def answered(*args: Any, **options: Any) -> Any:
            started = process_time()
            try:
                return answer(*args, **options)
            finally:
                self.seconds += process_time() - started

        return answered


def loop() -> float:
    """CPU seconds of a loop that any change of ours leaves as it is."""
    times = []
    for _ in range(ROUNDS):
        started = process_time()
        rows = [(str(number), {"cpu": number / 7}) for number in range(LOOPS)]
        sorted(rows, key=lambda row: row[0])
        times.append(process_time() - started)
    return median(times)


def of_pages() -> Iterator[Check]:
    """A page of more servers asks no more: none is asked for each of them."""
    call_command("collectstatic", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    few = User.objects.create_user("few@example.com", None)
    many = User.objects.create_user("many@example.com", None)
    owners = [few] * SHORT_LIST + [many] * LONG_LIST
    ids = population.make_servers(owners, len(owners), now)
    for name, path in PAGES.items():
        short = queries(few, path, ids[:SHORT_LIST])
        long = queries(many, path, ids[SHORT_LIST:])
        yield Check(
            f"queries of {name}, more for {LONG_LIST} servers than for {SHORT_LIST}",
            long - short,
            0,
        )
        yield Check(f"queries of {name}", long, 30)
    population.forget()


def queries(person: User, path: str, servers: list[int]) -> int:
    browser = Client(headers={"Host": "127.0.0.1"})
    browser.force_login(person)
    address = path.format(servers=",".join(map(str, servers)))
    # What is made once in a process is made by the first request.
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = browser.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answers {answer.status_code}")
    return len(captured)


def of_fetching(place: Place) -> Iterator[Check]:
    """One call for all guests, against a call a guest, over the same TLS."""
    with Simulators(place, [FETCHED]) as simulators:
        cluster = simulators.register(0)
        gateway = Gateway(clusters.access_to(cluster, ClusterToken.Purpose.READ))
        guests = gateway.resources().guests
        fetch = quickest(gateway.resources) / len(guests)
        proxmox = proxmoxer_of(simulators.token(0), simulators.ports[0])

        def ask_each() -> None:
            for guest in guests[:GUESTS_ASKED]:
                proxmox.nodes(guest.node)(guest.type)(guest.vmid).status.current.get()

        each = quickest(ask_each) / GUESTS_ASKED
    cluster.delete()
    yield Check("a guest by a call of its own, to one in our fetch", each / fetch, 20, True)


def quickest(act: Callable[[], object], tries: int = 5) -> float:
    """Wall seconds of the try that others disturbed least."""
    times = []
    for _ in range(tries):
        started = perf_counter()
        act()
        times.append(perf_counter() - started)
    return min(times)


def of_samples() -> Iterator[Check]:
    """Of a week, with the megabytes that each file has anyway: a third at so few servers."""
    yield Check("bytes a sample on disk", charts.bytes_a_sample(HISTORY), 65)
