"""A server's history for charts: in as many buckets as a screen can show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _

from monitoring import sizes
from monitoring.buckets import Buckets, bucketed
from monitoring.packing import COLUMNS, plain
from monitoring.recall import recall_one

MEASURED = COLUMNS
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
    samples = recall_one(server_id, series, wanted.start, wanted.end)
    buckets = bucketed(samples, start=wanted.start, step=wanted.step)
    begins = (wanted.start + buckets.places * wanted.step).tolist()
    counts = dict(zip(begins, buckets.counts.tolist(), strict=True))
    times = times_of(wanted, counts)
    found: dict[str, list[Point]] = {}
    for index, name in enumerate(series):
        measured = dict(zip(begins, figures(buckets, index), strict=True))
        found[name] = [(at, *measured.get(at, GAP)) for at in times]
    return History(wanted, found | limits(server_id, wanted, times))


def figures(buckets: Buckets, index: int) -> list[tuple[float | None, float | None, float | None]]:
    """Average, minimum and maximum of one column, bucket by bucket."""
    every = np.concatenate(
        [part[index] for part in (buckets.average, buckets.least, buckets.most)]
    )
    numbers = plain(every)
    count = len(buckets.places)
    return list(
        zip(numbers[:count], numbers[count : 2 * count], numbers[2 * count :], strict=True)
    )


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
