"""The small lines of a list: CPU of the last hour, many servers at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

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
    """One query for all of them; a server without samples has a line of gaps."""
    lines: dict[int, Line] = {server_id: [None] * wanted.points for server_id in server_ids}
    if not lines:
        return lines
    places = ", ".join(["%s"] * len(lines))
    divide = "DIV" if connection.vendor == "mysql" else "/"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT server_id, (taken_at - %s) {divide} %s AS place, AVG(cpu)"  # noqa: S608
            " FROM monitoring_sample"
            f" WHERE server_id IN ({places}) AND taken_at >= %s AND taken_at < %s"
            " GROUP BY server_id, place",
            [wanted.start, wanted.step, *lines, wanted.start, wanted.end],
        )
        for server_id, place, cpu in cursor.fetchall():
            lines[server_id][int(place)] = None if cpu is None else round(cpu, 3)
    return lines


def present(now: int) -> Window:
    return window(now, interval=settings.POLL_INTERVAL)
