"""A server's history for charts: bucketed in SQL to what a screen can show."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from monitoring import sizes

MEASURED = (
    "cpu",
    "memory_used",
    "disk_used",
    "network_in",
    "network_out",
    "disk_read",
    "disk_write",
)
SIZES = ("memory_total", "disk_total")
SERIES = (*MEASURED, *SIZES)
POINTS = 300
MOST_POINTS = 2000
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)

# [time, avg, min, max]; time in Unix seconds, the bucket's beginning
Point = tuple[int, float | None, float | None, float | None]
GAP = (None, None, None)


class BadRange(ValueError):
    """The range or step makes no sense; `str()` says why, `field` which one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Range:
    """Buckets of `step` seconds from `start` to `end`, both multiples of it. Unix seconds."""

    start: int
    end: int
    step: int


@dataclass(frozen=True)
class History:
    range: Range
    series: dict[str, list[Point]]


def fitting_range(start: int, end: int, step: int | None, *, now: int) -> Range:
    """The whole buckets that cover start to end; the end is never later than now.

    Without a step, the finest one that gives about 300 points and no less than one sample each.
    """
    end = min(end, now)
    if start >= end:
        raise BadRange("start", _("The start must lie before the end, and in the past."))
    if step is None:
        least = max(settings.POLL_INTERVAL, (end - start) / POINTS)
        step = next((nice for nice in STEPS if nice >= least), STEPS[-1])
    if step < 1:
        raise BadRange("step", _("The step must be at least one second."))
    fitting = Range(start - start % step, end + -end % step, step)
    if (fitting.end - fitting.start) // step > MOST_POINTS:
        text = _("That would be more than %(most)s points: take larger steps.")
        raise BadRange("step", text % {"most": MOST_POINTS})
    return fitting


def history(server_id: int, wanted: Range, series: Sequence[str] = MEASURED) -> History:
    """Average, minimum and maximum of each bucket; a bucket without samples is a gap."""
    divide = "DIV" if connection.vendor == "mysql" else "/"
    aggregates = ", ".join(f"AVG({name}), MIN({name}), MAX({name})" for name in series)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT taken_at {divide} %s AS bucket, COUNT(*), {aggregates}"  # noqa: S608
            " FROM monitoring_sample"
            " WHERE server_id = %s AND taken_at >= %s AND taken_at < %s"
            " GROUP BY bucket ORDER BY bucket",
            [wanted.step, server_id, wanted.start, wanted.end],
        )
        rows = cursor.fetchall()
    buckets = {int(row[0]) * wanted.step: row for row in rows}
    counts = {at: int(row[1]) for at, row in buckets.items()}
    times = times_of(wanted, counts)
    found: dict[str, list[Point]] = {
        name: [
            (at, *(buckets[at][2 + 3 * index : 5 + 3 * index] if at in buckets else GAP))
            for at in times
        ]
        for index, name in enumerate(series)
    }
    return History(wanted, found | limits(server_id, wanted, times))


def limits(server_id: int, wanted: Range, times: Sequence[int]) -> dict[str, list[Point]]:
    """How much there was to use at each time: lines, also where nothing was measured."""
    known = sizes.until(server_id, wanted.end)
    lines: dict[str, list[Point]] = {name: [] for name in SIZES}
    for time in times:
        sized = sizes.at(known, time + wanted.step - 1)
        for name in SIZES:
            size = None if sized is None else getattr(sized, name)
            lines[name].append((time, size, size, size))
    return lines


def times_of(wanted: Range, counts: dict[int, int]) -> list[int]:
    """The buckets to show. One without a sample beside one with two is no gap: a cycle came a
    little early or late."""
    return [
        at
        for at in range(wanted.start, wanted.end, wanted.step)
        if at in counts
        or not (counts.get(at - wanted.step, 0) > 1 or counts.get(at + wanted.step, 0) > 1)
        or wanted.step > settings.POLL_INTERVAL
    ]
