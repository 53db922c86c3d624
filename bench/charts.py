"""A filled week: charts, what a sample takes on disk, packing an hour, dropping a day, and a whole cycle
beside it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from bench import cycles
from bench.place import Place
from monitoring import packer, packing, retention, samples
from monitoring.history import fitting_range, history
from monitoring.packing import HOUR, Samples
from servers.models import Cluster, Server

DAY = 86400
RUNS = 60
CYCLES = 10
FIRST = 1_000_000  # server ids where there are no servers
# So many different hours; no server has the same one twice in a row.
KINDS = 997
GIB = 2**30
TABLES = (retention.ROWS, retention.PACKS)


@dataclass
class Work:
    """What something took, seconds; `longest` is its longest statement."""

    wall: float = 0.0
    cpu: float = 0.0
    statements: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max(self.statements, default=0.0)


@dataclass
class Result:
    """`rows` are samples, packed or not; times in seconds, those in the database alone apart."""

    servers: int
    rows: int
    filling: float
    bytes_per_sample: float
    times: dict[str, list[float]]
    database: dict[str, list[float]]
    empty: list[cycles.Lap]
    full: list[cycles.Lap]
    packed: int
    packing: Work
    dropped: int
    drop: Work


def measure(place: Place, servers: int) -> Result:
    """A week of as many servers as a simulated cluster has, which are polled before and after."""
    cluster = cycles.make_cluster(place, servers)
    for _ in range(2):  # the first one makes the servers, from the second one on there are rates
        cycles.one_cycle(cluster)
        sleep(cycles.BETWEEN_CYCLES)
    empty = laps(cluster)
    known = list(Server.objects.filter(cluster=cluster).values_list("pk", flat=True))
    forget()
    now = datetime.now(UTC).replace(microsecond=0)
    with worked() as filling:
        rows = fill(known, now)
    full = laps(cluster)
    rows += CYCLES * len(known)
    size = bytes_on_disk() / rows
    times: dict[str, list[float]] = {}
    database: dict[str, list[float]] = {}
    for name, seconds in (("24 h", DAY), ("7 d", 7 * DAY), ("1 h", HOUR)):
        works = list(charts(known, int(now.timestamp()), seconds))
        times[name] = [work.wall for work in works]
        database[name] = [sum(work.statements) for work in works]
    with worked() as packed:
        count = packer.pack(clock=lambda: now)
    before = packs()
    with worked() as drop:
        retention.prune(now=now + timedelta(days=1))
    cycles.clear(cluster)
    return Result(
        len(known), rows, filling.wall, size, times, database, empty, full, count, packed,
        before - packs(), drop,
    )  # fmt: skip


def laps(cluster: Cluster) -> list[cycles.Lap]:
    """Whole cycles, each with fresh numbers of Proxmox's collector."""
    found = []
    for _ in range(CYCLES):
        timed, _ = cycles.timed_cycle(cluster)
        found.append(timed["whole"])
        sleep(cycles.BETWEEN_CYCLES)
    return found


def charts(servers: Sequence[int], end: int, seconds: int) -> Iterator[Work]:
    chance = Random(1)
    for _ in range(RUNS):
        wanted = fitting_range(end - seconds, end, None, now=end)
        with worked() as work:
            history(chance.choice(servers), wanted)
        yield work


def bytes_a_sample(servers: int) -> float:
    now = datetime.now(UTC).replace(microsecond=0)
    rows = fill(range(FIRST, FIRST + servers), now)
    return bytes_on_disk() / rows


@contextmanager
def worked() -> Iterator[Work]:
    work = Work()

    def timed(execute: Callable[..., Any], *arguments: Any) -> Any:
        started = perf_counter()
        try:
            return execute(*arguments)
        finally:
            work.statements.append(perf_counter() - started)

    wall, cpu = perf_counter(), process_time()
    with connection.execute_wrapper(timed):
        yield work
    work.wall, work.cpu = perf_counter() - wall, process_time() - cpu


def fill(servers: Sequence[int], now: datetime) -> int:
    """A week at the interval as the panel leaves it, in the order in which it writes it: hour by hour
    packed for all servers, what is not due yet and the hour that is due next as rows. Returns how many
    samples that is."""
    make_partitions(now)
    end = int(now.timestamp())
    start = end - settings.RETENTION_DAYS * DAY
    unpacked = packer.due_until(now) - HOUR
    hours = [hour_of(Random(kind)) for kind in range(KINDS)]
    blobs = [packing.pack(one, 0) for one in hours]
    first = start + -start % HOUR
    for hour in range(first, unpacked, HOUR):
        for some in batched(servers, 1000):
            with transaction.atomic():
                write_packs({(n, hour): blobs[(n + hour // HOUR) % KINDS] for n in some})
    texts = [text_of(one) for one in hours]
    ticks = range(unpacked, end, settings.POLL_INTERVAL)
    for tick, at in enumerate(ticks):
        write_cycle(servers, at, tick, texts)
    each_hour = HOUR // settings.POLL_INTERVAL
    return len(servers) * (len(range(first, unpacked, HOUR)) * each_hour + len(ticks))


def make_partitions(now: datetime) -> None:
    """As they would have been made before the first row that is not packed yet."""
    retention.extend(now=datetime.fromtimestamp(packer.due_until(now) - HOUR, UTC))
    retention.extend(now=now)


def hour_of(chance: Random) -> Samples:
    """As in life: CPU and rates are noise upon a level, memory wanders, the disk fills up in steps,
    and a third of them hardly does anything. Seconds from 0."""
    count = HOUR // settings.POLL_INTERVAL
    noise = np.random.default_rng(chance.randrange(2**32))
    busy = chance.random() > 1 / 3
    cpu = noise.beta(2, 10, count) if busy else noise.random(count) * 0.004
    memory = 4 * GIB + np.cumsum(noise.integers(-(2**20), 2**20, count))
    disk = 20 * GIB + 4096 * np.cumsum(noise.integers(0, 200, count) * (noise.random(count) < 0.2))
    # Bytes that passed, by the seconds that passed between two looks of Proxmox's collector.
    seconds = noise.choice([20, 30, 40], count, p=[0.1, 0.8, 0.1])
    levels = (13, 13, 12, 14) if busy else (5, 5, 0, 8)
    rates = [np.floor(noise.lognormal(level, 1, count)) / seconds for level in levels]
    values = np.array([cpu, memory, disk, *rates], dtype=np.float32)
    times = np.arange(count) * settings.POLL_INTERVAL + noise.integers(0, 2, count)
    return Samples(times.astype(np.int64), values)


def text_of(hour: Samples) -> list[str]:
    """Each sample as a cycle writes its values."""
    rows = hour.values.astype(np.float64).T.tolist()
    return [",".join(map(samples.number, row)) for row in rows]


def write_packs(blobs: Mapping[tuple[int, int], bytes]) -> None:
    values: list[int | bytes] = []
    for (server, hour), blob in blobs.items():
        values += (server, hour, blob)
    packer.upsert(values)


def batched(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for begin in range(0, len(numbers), size):
        yield numbers[begin : begin + size]


def write_cycle(servers: Sequence[int], at: int, tick: int, texts: list[list[str]]) -> None:
    rows = []
    for server in servers:
        text = texts[(server + tick // 100) % KINDS]
        rows.append(f"({server},{at},{text[tick % len(text)]})")
    with transaction.atomic():
        samples.insert(retention.ROWS, samples.SAMPLE_COLUMNS, rows, "")


def forget() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"TRUNCATE TABLE {table}")


def bytes_on_disk() -> int:
    """The files of both tables' partitions: what they really take of the disk."""
    total = 0
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"FLUSH TABLES {table} FOR EXPORT")
            cursor.execute("UNLOCK TABLES")
            cursor.execute(
                "SELECT SUM(allocated_size) FROM information_schema.innodb_sys_tablespaces"
                " WHERE name LIKE %s",
                [f"{connection.settings_dict['NAME']}/{table}#%"],
            )
            total += int(cursor.fetchone()[0])
    return total


def packs() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {retention.PACKS}")
        return int(cursor.fetchone()[0])
