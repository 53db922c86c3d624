"""Many snapshot schedules due at one moment, on one worker, and whether polling feels it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from bench.actions import Proxmox, identify, wait_for
from bench.cycles import BETWEEN_CYCLES, clear, make_cluster, one_cycle
from bench.place import ROOT, Place
from servers.models import Action, Cluster, Server
from snapshots import tend
from snapshots.models import Snapshot, SnapshotSchedule

GUESTS_PER_SCHEDULE = 2
CYCLES = 3
WATCHED_FOR = 60.0


@dataclass
class Result:
    due: int
    requested: float = 0.0
    first: float = 0.0
    taken: int = 0
    seconds: float = 0.0
    calls: float = 0.0
    quiet: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


def measure(place: Place, due: int) -> Result:
    result = Result(due)
    guests = due * GUESTS_PER_SCHEDULE + 40
    cluster = make_cluster(place, guests)
    proxmox = Proxmox(place.port, place.folder / f"simulator-{guests}")
    identify(cluster)
    servers = Server.objects.filter(cluster=cluster, kind="qemu", lock="").exclude(identity="")
    now = datetime.now(UTC)
    SnapshotSchedule.objects.bulk_create(
        [
            SnapshotSchedule(server=server, kind="daily", next_run_at=now)
            for server in servers[:due]
        ]
    )
    result.quiet = [timed_cycle(cluster) for _ in range(CYCLES)]
    worker = start_worker()
    try:
        time.sleep(4)
        ask_for_all(result)
        watch(cluster, proxmox, result)
    finally:
        worker.terminate()
        worker.wait(60)
    Action.objects.all().delete()
    clear(cluster)
    return result


def timed_cycle(cluster: Cluster) -> float:
    time.sleep(BETWEEN_CYCLES)
    started = time.perf_counter()
    one_cycle(cluster)
    return time.perf_counter() - started


def start_worker() -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "celery", "--quiet", "--app=panel", "worker", "--hostname=bench@b",
        "--queues=actions,guests", "--pool=threads", "--concurrency=8", "--without-gossip",
        "--without-mingle", "--loglevel=CRITICAL",
    ]  # fmt: skip
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, cwd=ROOT, env=env)


def ask_for_all(result: Result) -> None:
    """One tick, as beat has it."""
    started = time.perf_counter()
    asked = tend.run_schedules(datetime.now(UTC))
    result.requested = time.perf_counter() - started
    assert asked == result.due, f"{asked} of {result.due}"


def watch(cluster: Cluster, proxmox: Proxmox, result: Result) -> None:
    """The worker's first minute at it, with cycles meanwhile."""
    calls, started = proxmox.calls(), time.monotonic()
    wait_for(lambda: Snapshot.objects.filter(taken_at__isnull=False).exists(), "the first one")
    result.first = time.monotonic() - started
    cycles = 0
    while time.monotonic() - started < WATCHED_FOR:
        result.busy.append(timed_cycle(cluster))
        cycles += 1
    result.seconds = time.monotonic() - started
    ended = Action.objects.filter(active=None, status="success")
    result.taken = ended.count()
    result.calls = (proxmox.calls() - calls - cycles) / max(1, result.taken)


def milliseconds(times: list[float]) -> float:
    return median(times) * 1000
