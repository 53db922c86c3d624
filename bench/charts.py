"""Charts over a filled week, what a sample takes on disk, and how a day is dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter

from django.conf import settings
from django.db import connection, transaction

from monitoring import retention, samples
from monitoring.history import fitting_range, history

DAY = 86400
RUNS = 60
FIRST = 1_000_000  # server ids of the bench, apart from real ones
GIB = 2**30


@dataclass
class Result:
    servers: int
    rows: int
    bytes_per_sample: float
    times: dict[str, list[float]]
    dropped: int
    drop: float


def measure(servers: int) -> Result:
    now = datetime.now(UTC).replace(microsecond=0)
    retention.prune(now=now - timedelta(days=settings.RETENTION_DAYS))
    rows = fill(servers, now)
    chance = Random(1)
    end = int(now.timestamp())

    def chart(seconds: int) -> Callable[[], object]:
        def query() -> object:
            server = FIRST + chance.randrange(servers)
            return history(server, fitting_range(end - seconds, end, None, now=end))

        return query

    times = {
        "24 h": timed(chart(DAY)),
        "7 d": timed(chart(7 * DAY)),
        "1 h": timed(chart(3600)),
    }
    size = bytes_on_disk()
    before = count()
    started = perf_counter()
    retention.prune(now=now + timedelta(days=1))
    drop = perf_counter() - started
    return Result(servers, rows, size / rows, times, before - count(), drop)


def fill(servers: int, now: datetime) -> int:
    """A week at the interval, in the order in which cycles write it: all servers at a time."""
    chance = Random(2)
    step = settings.POLL_INTERVAL
    start = now - timedelta(days=settings.RETENTION_DAYS)
    ticks = range(int(start.timestamp()), int(now.timestamp()), step)
    for day in range(settings.RETENTION_DAYS):
        retention.extend(now=start + timedelta(days=day))
    for begin in range(0, len(ticks), 100):
        with transaction.atomic():
            for at in ticks[begin : begin + 100]:
                write(servers, at, chance)
    return len(ticks) * servers


def write(servers: int, at: int, chance: Random) -> None:
    rows = [
        f"({FIRST + n},{at},{','.join(map(samples.number, made(chance)))})" for n in range(servers)
    ]
    samples.insert("monitoring_sample", samples.SAMPLE_COLUMNS, rows, "")


def made(chance: Random) -> tuple[float, ...]:
    """CPU, memory, disk, network in and out, disk read and written. No two alike, as in life."""
    used = chance.randrange(8 * GIB), chance.randrange(40 * GIB)
    return (chance.random(), *used, *(chance.random() * 1e6 for _ in range(4)))


def timed(query: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(RUNS):
        started = perf_counter()
        query()
        times.append(perf_counter() - started)
    return times


def bytes_on_disk() -> int:
    """The files of the table's partitions, as InnoDB itself counts them."""
    with connection.cursor() as cursor:
        cursor.execute("FLUSH TABLES monitoring_sample FOR EXPORT")
        cursor.execute("UNLOCK TABLES")
        cursor.execute(
            "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces"
            " WHERE name LIKE %s",
            [f"{connection.settings_dict['NAME']}/monitoring_sample#%"],
        )
        return int(cursor.fetchone()[0])


def count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM monitoring_sample")
        return int(cursor.fetchone()[0])
