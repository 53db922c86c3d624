"""The console's relay against a direct connection, in turns: throughput, round trips, CPU.

    python -m bench.console

A guest whose screen is a source of bytes; the same websocket client takes them directly from the
simulated Proxmox over TLS, and through a real daphne process. Each round trip is a key's worth of
bytes up and the same down.
"""

import argparse
import asyncio
import json
import os
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any

from bench.place import ROOT, Place, cpu_seconds, free_port

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

VMID = 100
KEY_BYTES = 64
MIB = 1024 * 1024
FLOOD, ECHO = b"F", b"E"
PIECE = 64 * 1024
# Bytes a second that a gigabit carries, and none at all: as fast as it goes.
GIGABIT, UNBOUNDED = 125_000_000, 0


@dataclass
class Way:
    """What was measured of one of the two ways, a value for each round."""

    throughput: list[float] = field(default_factory=list)  # MiB/s
    gigabit: list[float] = field(default_factory=list)  # MiB/s, where the link gives no more
    trip: list[float] = field(default_factory=list)  # ms, the median of a round
    trip_p95: list[float] = field(default_factory=list)


@dataclass
class Result:
    direct: Way = field(default_factory=Way)
    relayed: Way = field(default_factory=Way)
    relay_cpu: float = 0.0  # seconds for each GiB
    unread: float = 0.0  # MiB that the relay grows by for a client that does not read


async def source(port: int) -> None:
    """`F`, a number and a rate: so many bytes. `E` and 64 bytes: the same back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        piece = os.urandom(PIECE)
        try:
            while True:
                if await reader.readexactly(1) == FLOOD:
                    count, rate = struct.unpack(">QQ", await reader.readexactly(16))
                    await pour(writer, piece, count, rate)
                else:
                    writer.write(await reader.readexactly(KEY_BYTES))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


async def pour(writer: asyncio.StreamWriter, piece: bytes, count: int, rate: int) -> None:
    began, sent = perf_counter(), 0
    while sent < count:
        writer.write(piece[: count - sent])
        sent += len(piece[: count - sent])
        await writer.drain()
        ahead = sent / rate - (perf_counter() - began) if rate else 0.0
        if ahead > 0.002:
            await asyncio.sleep(ahead)


class Viewer:
    """Either connection, reading to the end of what it asked for."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def take(self, count: int) -> None:
        while count > 0:
            message = await self.socket.recv()
            if isinstance(message, bytes):
                count -= len(message)
            elif (said := json.loads(message))["type"] == "mark":
                await self.socket.send(json.dumps({"type": "ack", "mark": said["mark"]}))

    async def flood(self, count: int, rate: int = UNBOUNDED) -> float:
        """MiB/s"""
        began = perf_counter()
        await self.socket.send(FLOOD + struct.pack(">QQ", count, rate))
        await self.take(count)
        return count / MIB / (perf_counter() - began)

    async def trips(self, count: int) -> list[float]:
        """Milliseconds"""
        times = []
        for _ in range(count):
            began = perf_counter()
            await self.socket.send(ECHO + bytes(KEY_BYTES))
            await self.take(KEY_BYTES)
            times.append((perf_counter() - began) * 1000)
            await asyncio.sleep(0.002)
        return times


class Bench:
    def __init__(self, place: Place, panel_port: int) -> None:
        from servers.models import Server

        self.panel_port = panel_port
        self.server = Server.objects.select_related("cluster", "node", "owner").get(vmid=VMID)

    def access(self) -> Any:
        from servers.clusters import access_to
        from servers.models import Cluster, ClusterToken

        cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get()
        return access_to(cluster, ClusterToken.Purpose.ACT)

    @asynccontextmanager
    async def direct(self) -> AsyncIterator[Viewer]:
        from servers.proxmox import websocket
        from servers.proxmox.gateway import Gateway

        def ask() -> Any:
            access = self.access()
            node = self.server.node.name if self.server.node else ""
            return access, Gateway(access).vnc_proxy(node=node, kind="qemu", vmid=VMID)

        socket = await websocket.open_console(*await asyncio.to_thread(ask))
        try:
            yield Viewer(socket)
        finally:
            await socket.close()

    @asynccontextmanager
    async def relayed(self) -> AsyncIterator[Viewer]:
        from websockets.asyncio.client import connect

        ticket = await asyncio.to_thread(self.ticket)
        address = f"ws://127.0.0.1:{self.panel_port}/ws/console/"
        async with connect(address, compression=None, proxy=None, max_size=None) as socket:
            await socket.send(json.dumps({"type": "open", "ticket": ticket}))
            said = json.loads(await socket.recv())
            if said["type"] != "ready":
                raise SystemExit(f"The console does not open: {said}")
            yield Viewer(socket)

    async def unread(self, size: int, web: int) -> float:
        async with self.relayed() as viewer:
            before = resident(web)
            await viewer.socket.send(FLOOD + struct.pack(">QQ", size, UNBOUNDED))
            await asyncio.sleep(5)
            return (resident(web) - before) / MIB

    def ticket(self) -> str:
        from datetime import UTC, datetime

        from accounts.audit import Actor
        from accounts.models import Source
        from accounts.tokens import Credential
        from servers import consoles

        owner = self.server.owner
        if owner is None:
            raise SystemExit("Nobody owns the server.")
        credential = Credential(owner.pk, owner.get_session_auth_hash())
        ticket, _ = consoles.make_ticket(
            self.server, owner, consoles.Kind.VNC, credential, Actor(owner, Source.COMMAND),
            now=datetime.now(UTC),
        )  # fmt: skip
        return ticket

    async def measure(self, rounds: int, size: int, trips: int, web: int) -> Result:
        """In turns, after one that is not counted."""
        result = Result()
        spent = 0.0
        for number in range(rounds + 1):
            for way, opened in ((result.direct, self.direct), (result.relayed, self.relayed)):
                async with opened() as viewer:
                    times = await viewer.trips(trips)
                    before = cpu_seconds(web)
                    speed = await viewer.flood(size)
                    after = cpu_seconds(web)
                    slower = await viewer.flood(size // 2, GIGABIT)
                    if number:
                        way.throughput.append(speed)
                        way.gigabit.append(slower)
                        way.trip.append(median(times))
                        way.trip_p95.append(quantiles(times, n=20)[-1])
                        spent += after - before if way is result.relayed else 0.0
        result.unread = await self.unread(size * 4, web)
        result.relay_cpu = spent / (rounds * size) * 1024 * MIB
        return result


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def program(*command: str, **env: str) -> Any:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def settle(place: Place, state: Path, screen: int) -> None:
    """A cluster, a server of somebody's, and the source of bytes as its screen."""
    from datetime import UTC, datetime

    import requests

    from accounts.audit import COMMAND
    from accounts.models import User
    from monitoring import cycle, look
    from panel import demo
    from servers import ownership
    from servers.models import Server

    def clock() -> datetime:
        return datetime.now(UTC)

    demo.only_embedded = lambda: None
    cluster = demo.seed_cluster(f"https://127.0.0.1:{place.port}", state, now=clock())
    cycle.poll(cluster.pk, clock=clock)
    look.look_into(cluster.pk, clock=clock)
    owner = User.objects.create_user("bench@example.com")
    server = Server.objects.get(vmid=VMID)
    ownership.assign([server], owner, actor=COMMAND, now=clock())
    token = json.loads((state / "token.json").read_text())
    requests.post(
        f"https://127.0.0.1:{place.port}/simulator/faults",
        json={"fault": "attach_vnc", "vmid": VMID, "address": f"127.0.0.1:{screen}"},
        headers={"Authorization": f"PVEAPIToken={token['token_id']}={token['secret']}"},
        verify=str(state / "ca.pem"),
        timeout=10,
    ).raise_for_status()


def run(place: Place, rounds: int, size: int, trips: int) -> Result:
    screen, panel = free_port(), free_port()
    state = place.start_simulator(12)
    with (
        program("-m", "bench.console", "--source", str(screen)) as bytes_source,
        program(
            "-m", "daphne", "--bind", "127.0.0.1", "--port", str(panel), "--verbosity", "0",
            "panel.asgi:application",
        ) as web,
    ):  # fmt: skip
        bytes_source.stdout.readline()
        settle(place, state, screen)
        wait_for(panel)
        bench = Bench(place, panel)
        return asyncio.run(bench.measure(rounds, size, trips, web.pid))


def wait_for(port: int) -> None:
    import socket

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    sys.exit("daphne did not start.")


def table(result: Result) -> list[str]:
    def row(name: str, values: list[float]) -> str:
        spread = f"{min(values):.2f} to {max(values):.2f}"
        return f"| {name} | {median(values):.2f} ({spread}) |"

    def ratios(relayed: list[float], direct: list[float]) -> list[float]:
        return [one / other for one, other in zip(relayed, direct, strict=True)]

    added = [
        relayed - direct
        for relayed, direct in zip(result.relayed.trip, result.direct.trip, strict=True)
    ]
    return [
        "| console | median of the rounds (least to most) |",
        "|---|---|",
        row("direct, MiB/s", result.direct.throughput),
        row("relayed, MiB/s", result.relayed.throughput),
        row("ratio of a round", ratios(result.relayed.throughput, result.direct.throughput)),
        row("direct at a gigabit, MiB/s", result.direct.gigabit),
        row("relayed at a gigabit, MiB/s", result.relayed.gigabit),
        row("ratio of a round", ratios(result.relayed.gigabit, result.direct.gigabit)),
        row("direct round trip, ms", result.direct.trip),
        row("relayed round trip, ms", result.relayed.trip),
        row("added, ms", added),
        row("relayed round trip, 95th percentile, ms", result.relayed.trip_p95),
        "",
        f"CPU of the relay: {result.relay_cpu:.1f} s for each GiB",
        f"memory for a client that does not read: {result.unread:.1f} MiB",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mib", type=int, default=128, help="bytes of a round")
    parser.add_argument("--trips", type=int, default=300, help="round trips of a round")
    parser.add_argument("--source", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.source:
        asyncio.run(source(arguments.source))
        return 0
    with Place() as place:
        result = run(place, arguments.rounds, arguments.mib * MIB, arguments.trips)
    print("\n".join(table(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
