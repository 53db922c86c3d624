"""How cost grows with servers: a small cluster, a large one, and ten of the large ones.

All of the panel's processes take part as docker-compose.yml has them, with one worker for polling
and a thread in it for each of 16 clusters. Simulators are processes of their own. Where there are
several, what looks into guests is left out: its calls cost the simulators more than these cores have.
"""

import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

from django.db import connection
from redis import Redis

from bench.place import Place
from bench.processes import Cost, cost
from bench.simulators import Simulators
from bench.stack import INTERVAL, Stack
from servers.models import Cluster

SECONDS_TO_BEGIN = 300.0
LOOK_EVERY = 0.5


@dataclass
class Result:
    sizes: Sequence[int]
    seconds: float = 0.0
    due: int = 0
    walls: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    failures: int = 0
    begun: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    database_cpu: float | None = None
    simulators: float = 0.0
    memory: dict[str, Cost] = field(default_factory=dict)
    database: Cost | None = None
    simulator: Cost | None = None
    redis_bytes: int = 0
    database_bytes: int = 0
    grown_bytes: int = 0


def run(
    place: Place, minutes: float, sizes: Sequence[list[int]]
) -> Generator[str, None, list[Result]]:
    """The last size for so many minutes, those before it for three at most."""
    *small, last = sizes
    results = [measure(place, each, min(minutes, 3)) for each in small]
    results.append(measure(place, last, minutes))
    yield from table(results)
    return results


def measure(place: Place, sizes: list[int], minutes: float) -> Result:
    """Cycles by beat for so many minutes, after each cluster has had two."""
    result = Result(sizes)
    with Simulators(place, sizes) as simulators:
        clusters = [simulators.register(number).pk for number in range(len(sizes))]
        without = ("guests",) if len(sizes) > 1 else ()
        with Stack("growth", place.database, without) as stack:
            begin(clusters, result)
            watch(clusters, minutes, stack, simulators, result)
    Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    clear()
    return result


def begin(clusters: list[int], result: Result) -> None:
    """The first cycle makes the servers, from the second one on there are rates."""
    started = time.monotonic()
    seen: dict[int, set[datetime]] = {pk: set() for pk in clusters}
    while any(len(moments) < 2 for moments in seen.values()):
        if time.monotonic() - started > SECONDS_TO_BEGIN:
            raise TimeoutError(f"No two cycles of each cluster within {SECONDS_TO_BEGIN:g} s.")
        for pk, at, _, _ in last_cycles(clusters):
            if at is not None:
                seen[pk].add(at)
        time.sleep(LOOK_EVERY)
    result.begun = time.monotonic() - started


def last_cycles(clusters: list[int]) -> list[tuple[int, datetime | None, float | None, str]]:
    rows = Cluster.objects.filter(pk__in=clusters)
    return list(rows.values_list("pk", "last_cycle_at", "last_cycle_seconds", "failure"))


def watch(
    clusters: list[int],
    minutes: float,
    stack: Stack,
    simulators: Simulators,
    result: Result,
) -> None:
    """Counts the cycles that ran. Starts where a round has just ended, and ends likewise."""
    wait_for_pause(clusters)
    size = database_bytes()
    before, simulated = stack.cost(), simulators.cost().cpu
    mine = database_process()
    database = cost(mine).cpu if mine else None
    seen = {pk: at for pk, at, _, _ in last_cycles(clusters)}
    started = time.monotonic()
    ends: dict[int, list[tuple[float, float]]] = {pk: [] for pk in clusters}
    until = started + round(minutes * 60 / INTERVAL) * INTERVAL
    while time.monotonic() < until:
        for pk, at, seconds, failure in last_cycles(clusters):
            if at != seen[pk]:
                seen[pk] = at
                result.walls.append(seconds or 0.0)
                result.failures += bool(failure)
                ends[pk].append((time.monotonic(), seconds or 0.0))
        time.sleep(LOOK_EVERY)
    result.seconds = time.monotonic() - started
    result.due = len(clusters) * round(result.seconds / INTERVAL)
    result.rounds = rounds_of(list(ends.values()))
    result.memory = stack.cost()
    result.cpu = {name: now.cpu - before[name].cpu for name, now in result.memory.items()}
    result.simulators = simulators.cost().cpu - simulated
    if mine and database is not None:
        result.database = cost(mine)
        result.database_cpu = result.database.cpu - database
    result.simulator = simulators.cost()
    result.redis_bytes = int(Redis.from_url(os.environ["REDIS_URL"]).info("memory")["used_memory"])
    result.database_bytes = database_bytes()
    result.grown_bytes = result.database_bytes - size


def wait_for_pause(clusters: list[int]) -> None:
    """Until nothing has ended for three seconds: between two rounds, so that both ends are alike."""
    known, since = last_cycles(clusters), time.monotonic()
    begun = since
    while time.monotonic() - since < 3 and time.monotonic() - begun < 2 * INTERVAL:
        time.sleep(0.1)
        if (now := last_cycles(clusters)) != known:
            known, since = now, time.monotonic()


def rounds_of(ends: Sequence[Sequence[tuple[float, float]]]) -> list[float]:
    """Seconds from the first cycle's begin to the last one's end, of each round that all ran in.

    `ends` has (when it was seen to have ended, how long it took) of each cluster's cycles.
    """
    return [
        max(at for at, _ in each) - min(at - took for at, took in each)
        for each in zip(*ends, strict=False)
    ]


def database_process() -> int | None:
    """MariaDB's process, where it is of this machine and tells its number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@pid_file")
        told = Path(cursor.fetchone()[0])
    try:
        return int(told.read_text())
    except OSError:
        return None


def database_bytes() -> int:
    """The files of all tables, as InnoDB counts them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces"
            " WHERE name LIKE %s",
            [f"{connection.settings_dict['NAME']}/%"],
        )
        return int(cursor.fetchone()[0])


def clear() -> None:
    """Raw, as deleting 100,000 servers by the ORM takes minutes."""
    with connection.cursor() as cursor:
        cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
        for table in tables():
            cursor.execute(f"TRUNCATE TABLE `{table}`")
        cursor.execute("SET FOREIGN_KEY_CHECKS = 1")


def tables() -> list[str]:
    """All that a cycle writes or a cluster has. The default rules, which a migration made, stay."""
    alerts = {"alerts_alert", "alerts_alertevent", "alerts_alertstanding", "alerts_incident"}
    apps = ("servers_", "monitoring_", "snapshots_")
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    return [name for name in names if name.startswith(apps) or name in alerts]


def table(results: Sequence[Result]) -> Iterator[str]:
    yield f"## Growth: all of the panel's processes, beat every {INTERVAL} s"
    yield ""
    yield (
        "| servers, clusters | cycles due, run, failed | a cycle's wall ms, median (worst) "
        "| all clusters' in s, median (worst) | first two cycles, s | Redis MiB | database MiB "
        "| grown by, bytes a server and cycle |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for one in results:
        share = one.grown_bytes / max(1, len(one.walls)) / (sum(one.sizes) / len(one.sizes))
        yield (
            f"| {name_of(one)} | {one.due}, {len(one.walls)}, {one.failures} "
            f"| {median(one.walls) * 1000:.0f} ({max(one.walls) * 1000:.0f}) "
            f"| {median(one.rounds):.1f} ({max(one.rounds):.1f}) | {one.begun:.0f} "
            f"| {one.redis_bytes / 2**20:.1f} | {one.database_bytes / 2**20:.0f} | {share:.0f} |"
        )
    yield ""
    yield "| process | " + " | ".join(
        f"{name_of(one)}: CPU ms a cycle | MiB PSS (RSS)" for one in results
    ) + " |"  # fmt: skip
    yield "|---|" + "---|---|" * len(results)
    for name in results[0].memory:
        yield f"| {name} | " + " | ".join(
            f"{a_cycle(one.cpu[name], one)} | {mebibytes(one.memory[name])}"
            if name in one.memory
            else "left out | "
            for one in results
        ) + " |"  # fmt: skip
    yield "| the panel together | " + " | ".join(
        f"{a_cycle(sum(one.cpu.values()), one)} | {mebibytes(*one.memory.values())}"
        for one in results
    ) + " |"  # fmt: skip
    for name, costs in (
        ("MariaDB", [(one.database_cpu, one.database) for one in results]),
        ("simulators", [(one.simulators, one.simulator) for one in results]),
    ):
        yield f"| {name} | " + " | ".join(
            f"{a_cycle(cpu, one)} | {mebibytes(memory) if memory else '?'}"
            for one, (cpu, memory) in zip(results, costs, strict=True)
        ) + " |"  # fmt: skip


def name_of(one: Result) -> str:
    return f"{sum(one.sizes)}, {len(one.sizes)}"


def a_cycle(seconds: float | None, one: Result) -> str:
    return "?" if seconds is None else f"{seconds / max(1, len(one.walls)) * 1000:.0f}"


def mebibytes(*costs: Cost) -> str:
    pss, rss = sum(each.pss for each in costs), sum(each.rss for each in costs)
    return f"{pss / 2**20:.0f} ({rss / 2**20:.0f})"
