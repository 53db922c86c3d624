"""The small lines of a list: CPU of the last hour, many servers at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from monitoring.buckets import bucketed
from monitoring.recall import recall

HOUR = 3600
LEAST_STEP = 120

# Shares of a server's vCPUs, oldest first; None where nothing was measured.
Line = list[float | None]


@dataclass(frozen=True)
class Window:
    """An hour in whole steps; the last one is the present one. Unix seconds."""

    start: int
    step: int
    points: int

    @property
    def end(self) -> int:
        return self.start + self.step * self.points


def window(now: int, *, interval: int) -> Window:
    """`interval` is how often samples are taken, seconds: a step holds two, so that a late one
    leaves no gap."""
    step = max(LEAST_STEP, 2 * interval)
    points = max(1, HOUR // step)
    end = now - now % step + step
    return Window(end - step * points, step, points)


def cpu_lines(server_ids: Sequence[int], wanted: Window) -> dict[int, Line]:
    """One read for all of them; a server without samples has a line of gaps."""
    lines: dict[int, Line] = {server_id: [None] * wanted.points for server_id in server_ids}
    found = recall(list(lines), ["cpu"], wanted.start, wanted.end)
    for server_id, samples in found.items():
        buckets = bucketed(samples, start=wanted.start, step=wanted.step)
        averages = zip(buckets.places.tolist(), buckets.average[0].tolist(), strict=True)
        for place, cpu in averages:
            lines[server_id][place] = None if math.isnan(cpu) else round(cpu, 3)
    return lines


def present(now: int) -> Window:
    return window(now, interval=settings.POLL_INTERVAL)
