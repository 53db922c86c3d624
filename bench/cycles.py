"""The cycle: its stages in this process, and the whole of it in a real Celery worker."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time, sleep
from typing import Any
from unittest import mock

from django.db import connection

from bench.place import ROOT, Place, cpu_seconds
from monitoring import cycle, faults, judging, samples
from monitoring.models import CycleMemory, Sample
from monitoring.reconcile import reconcile
from panel import demo
from servers import inventory, live
from servers.models import Cluster, Node, Server
from servers.proxmox.gateway import Gateway
from servers.proxmox.session import ProxmoxSession
from servers.queue import send

# Proxmox's collector refreshes every ten seconds; sooner there is nothing new to store.
BETWEEN_CYCLES = 10.5
STAGES = ("fetch", "read", "decide", "store", "judge", "publish")


@dataclass
class Lap:
    wall: float = 0.0
    cpu: float = 0.0


@dataclass
class Result:
    servers: int
    samples: int = 0
    calls: float = 0
    first: float = 0.0
    worker: float = 0.0
    simulator: float = 0.0
    laps: list[dict[str, Lap]] = field(default_factory=list)


class Stopwatch:
    def __init__(self) -> None:
        self.laps = {stage: Lap() for stage in (*STAGES, "whole")}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.laps[name].wall += perf_counter() - wall
            self.laps[name].cpu += process_time() - cpu

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        return timed


def measure(place: Place, servers: int, count: int) -> Result:
    result = Result(servers)
    cluster = make_cluster(place, servers)
    started = perf_counter()
    one_cycle(cluster)
    result.first = perf_counter() - started
    sleep(BETWEEN_CYCLES)
    one_cycle(cluster)  # warms up, and from now on there are rates
    calls, simulator = 0, place.simulator_seconds()
    before = Sample.objects.count()
    for _ in range(count):
        sleep(BETWEEN_CYCLES)
        laps, called = timed_cycle(cluster)
        result.laps.append(laps)
        calls += called
    result.calls = calls / count
    result.samples = Sample.objects.count() - before
    result.simulator = (place.simulator_seconds() - simulator) / count
    result.worker = in_worker(cluster, count)
    clear(cluster)
    return result


def make_cluster(place: Place, servers: int) -> Cluster:
    state = place.start_simulator(servers)
    with mock.patch.object(demo, "only_embedded"):
        cluster = demo.seed_cluster(
            f"https://127.0.0.1:{place.port}", state, now=datetime.now(UTC)
        )
    return cluster


def later() -> Callable[[], datetime]:
    """Our clock runs as the interval asks, whatever the pause between two cycles was."""
    at = datetime.now(UTC) + timedelta(seconds=0)
    return lambda: at


def one_cycle(cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(last_cycle_at=None)
    assert cycle.poll(cluster.pk, clock=later())
    cluster.refresh_from_db()
    assert not cluster.failure, cluster.failure_message


def timed_cycle(cluster: Cluster) -> tuple[dict[str, Lap], int]:
    watch = Stopwatch()
    calls: list[str] = []
    real_send = ProxmoxSession.send

    def counted(session: ProxmoxSession, method: str, url: str, *rest: Any) -> Any:
        calls.append(url)
        return real_send(session, method, url, *rest)

    with (
        mock.patch.object(ProxmoxSession, "send", counted),
        mock.patch.object(Gateway, "resources", watch.wrap("fetch", Gateway.resources)),
        mock.patch.object(cycle, "known_servers", watch.wrap("read", cycle.known_servers)),
        mock.patch.object(cycle, "remembered", watch.wrap("read", cycle.remembered)),
        mock.patch.object(cycle, "disk_uses", watch.wrap("read", cycle.disk_uses)),
        mock.patch("monitoring.cycle.reconcile", watch.wrap("decide", reconcile)),
        mock.patch.object(samples, "store", watch.wrap("store", samples.store)),
        mock.patch.object(inventory, "change", watch.wrap("store", inventory.change)),
        mock.patch.object(inventory, "save_nodes", watch.wrap("store", inventory.save_nodes)),
        mock.patch.object(judging, "judge_cycle", watch.wrap("judge", judging.judge_cycle)),
        mock.patch.object(judging, "went_down", watch.wrap("judge", judging.went_down)),
        mock.patch.object(faults, "note", watch.wrap("judge", faults.note)),
        mock.patch.object(live, "send", watch.wrap("publish", live.send)),
        watch.stage("whole"),
    ):
        one_cycle(cluster)
    return watch.laps, len(calls)


def in_worker(cluster: Cluster, count: int) -> float:
    """CPU seconds a cycle in a worker process, Celery and all, after one to warm up."""
    worker = subprocess.Popen(
        [
            sys.executable, "-m", "celery", "--quiet", "--app=panel", "worker", "--pool=solo",
            "--queues=poll", "--loglevel=ERROR", "--without-gossip", "--without-mingle",
        ],
        cwd=ROOT,
    )  # fmt: skip
    try:
        poll_in_worker(cluster)
        before = cpu_seconds(worker.pid)
        for _ in range(count):
            sleep(BETWEEN_CYCLES)
            poll_in_worker(cluster)
        return (cpu_seconds(worker.pid) - before) / count
    finally:
        worker.terminate()
        worker.wait(20)


def poll_in_worker(cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(last_cycle_at=None)
    send("monitoring.poll_cluster", {"cluster_id": cluster.pk})
    for _ in range(600):
        sleep(0.05)
        cluster.refresh_from_db()
        if cluster.last_cycle_at:
            return
    raise TimeoutError("The worker did not run the cycle within 30 s.")


def clear(cluster: Cluster) -> None:
    """Nothing of this size is in the way of the next one."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE TABLE monitoring_sample")
    CycleMemory.objects.all().delete()
    Server.objects.filter(cluster=cluster).delete()
    Node.objects.filter(cluster=cluster).delete()
    cluster.delete()
