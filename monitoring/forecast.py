"""When disks will be full, if they fill up as they did lately: a straight line, and nothing finer.

Only servers that some rule about it applies to are looked at, each with one read of its history.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from alerts import reports, rulebook
from alerts.judge import Value
from alerts.metrics import KINDS, Metric
from monitoring.buckets import bucketed
from monitoring.recall import recall_one
from servers.models import Server

HOUR = 3600
# How far back the line goes, and what it takes at least: a day tells nights from trends.
WINDOW_HOURS = 72
LEAST_HOURS = 24
# What was not measured for so long says nothing of now.
STALE_SECONDS = 2 * HOUR
# "Never", as far as anybody can see.
NEVER = KINDS[Metric.DISK_FULL_IN].highest
AT_ONCE = 200

# The beginning of an hour in Unix seconds, and the bytes used on average.
Point = tuple[int, float]


def forecast(clock: Callable[[], datetime]) -> int:
    """Reports for every server that is asked about when its disk will be full; of how many."""
    now = clock()
    asked = list(asked_about())
    told = 0
    for start in range(0, len(asked), AT_ONCE):
        values = dict(left_of(asked[start : start + AT_ONCE], at=int(now.timestamp())))
        reports.report(Metric.DISK_FULL_IN, values, now=clock())
        told += len(values)
    return told


def asked_about() -> Iterator[int]:
    """Servers to which a rule about it applies."""
    book = rulebook.book()
    present = list(Server.objects.filter(present=True).values_list("pk", "owner_id"))
    labelled = rulebook.labels_of(book, {owner for _server, owner in present})
    for server, owner in present:
        if any(
            rule.metric == Metric.DISK_FULL_IN for rule in book.of(server, owner, labelled).rules
        ):
            yield server


def left_of(servers: Sequence[int], *, at: int) -> Iterator[tuple[int, Value]]:
    """Those of which it can be said."""
    rows = Server.objects.filter(pk__in=servers, last_sample__taken_at__gte=at - STALE_SECONDS)
    sizes = rows.values_list("pk", "last_sample__disk_used", "last_sample__disk_total")
    for server, used, total in sizes:
        if used is None or not total:
            continue
        left = seconds_left(hourly(server, at), used=used, total=total)
        if left is not None:
            yield server, Value(left)


def hourly(server: int, at: int) -> list[Point]:
    start = at - WINDOW_HOURS * HOUR
    buckets = bucketed(
        recall_one(server, ["disk_used"], start, at), start=start - start % HOUR, step=HOUR
    )
    begins = start - start % HOUR + buckets.places * HOUR
    averages = zip(begins.tolist(), buckets.average[0].tolist(), strict=True)
    return [(hour, used) for hour, used in averages if not math.isnan(used)]


def seconds_left(points: Sequence[Point], *, used: float, total: float) -> float | None:
    """Until all is used; NEVER where it does not grow, None where that cannot be said yet."""
    if used >= total:
        return 0.0
    if len(points) < LEAST_HOURS:
        return None
    growth = slope(points)
    return min((total - used) / growth, NEVER) if growth * NEVER > total - used else NEVER


def slope(points: Sequence[Point]) -> float:
    """Of the least-squares line through them, bytes a second."""
    count = len(points)
    middle = sum(at for at, _used in points) / count
    level = sum(used for _at, used in points) / count
    spread = sum((at - middle) ** 2 for at, _used in points)
    return sum((at - middle) * (used - level) for at, used in points) / spread if spread else 0.0
