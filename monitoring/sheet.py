"""A history as rows: to be downloaded, and to be read where no chart is drawn."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from monitoring.history import SIZES, Point
from servers.templatetags.units import percent, rate, size

# Of each series its unit; a fraction is told in per cent.
UNITS = {
    "cpu": "percent",
    "memory_used": "bytes",
    "disk_used": "bytes",
    "network_in": "bytes_per_second",
    "network_out": "bytes_per_second",
    "disk_read": "bytes_per_second",
    "disk_write": "bytes_per_second",
    "memory_total": "bytes",
    "disk_total": "bytes",
}
PARTS = ("average", "minimum", "maximum")
TIME = "time_utc"


def columns() -> list[tuple[str, str, int]]:
    """(heading, series, which part of a point); what is a size has no least and most."""
    return [
        (f"{name}_{part}_{unit}" if name not in SIZES else f"{name}_{unit}", name, index)
        for name, unit in UNITS.items()
        for index, part in enumerate(PARTS, 1)
        if name not in SIZES or index == 1
    ]


def comma_separated(series: Mapping[str, Sequence[Point | Sequence[object]]]) -> str:
    """One line a bucket under a line of headings. Numbers and times alone: no cell begins a
    formula. What was not measured is empty."""
    text = io.StringIO()
    lines = csv.writer(text)
    listed = columns()
    lines.writerow([TIME, *(heading for heading, _, _ in listed)])
    for index, point in enumerate(series["cpu"]):
        at = datetime.fromtimestamp(int(str(point[0])), UTC)
        values = [written(name, series[name][index][part]) for _, name, part in listed]
        lines.writerow([at.strftime("%Y-%m-%dT%H:%M:%SZ"), *values])
    return text.getvalue()


@dataclass(frozen=True)
class Row:
    """One bucket in words; empty where nothing was measured."""

    at: datetime
    cpu: str
    memory: str
    disk: str
    network_in: str
    network_out: str
    disk_read: str
    disk_write: str


def rows(series: Mapping[str, Sequence[Point]]) -> list[Row]:
    """The averages, newest first."""

    def average(name: str, index: int) -> float | None:
        return series[name][index][1]

    return [
        Row(
            at=datetime.fromtimestamp(point[0], UTC),
            cpu=percent(average("cpu", index)),
            memory=size(average("memory_used", index)),
            disk=size(average("disk_used", index)),
            **{
                name: rate(average(name, index))
                for name in ("network_in", "network_out", "disk_read", "disk_write")
            },
        )
        for index, point in reversed(list(enumerate(series["cpu"])))
    ]


def written(name: str, value: object) -> str:
    if value is None:
        return ""
    number = float(str(value))
    return f"{number * 100:.3f}" if UNITS[name] == "percent" else f"{number:.0f}"
