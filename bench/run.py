"""All measurements, in order, into lines of a table."""

import platform
from collections.abc import Iterator
from statistics import median, quantiles

from django.db import connection

from bench import charts, cycles
from bench.place import Place


def run(place: Place, sizes: list[int], count: int, history: int) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        version = cursor.fetchone()[0]
    yield f"# {platform.python_implementation()} {platform.python_version()}, {version}"
    yield ""
    for size in sizes:
        yield from cycle_table(cycles.measure(place, size, count))
        yield ""
    yield from chart_table(charts.measure(history))


def cycle_table(result: cycles.Result) -> Iterator[str]:
    yield f"## One cycle at {result.servers} servers ({result.samples} samples stored)"
    yield ""
    yield "| stage | wall ms, median (p95) | CPU ms, median (p95) |"
    yield "|---|---|---|"
    for stage in (*cycles.STAGES, "whole"):
        walls = [laps[stage].wall * 1000 for laps in result.laps]
        cpus = [laps[stage].cpu * 1000 for laps in result.laps]
        yield f"| {stage} | {spread(walls)} | {spread(cpus)} |"
    yield ""
    yield f"calls to Proxmox a cycle: {result.calls}"
    yield f"first cycle, which makes the servers: {result.first * 1000:.0f} ms wall"
    yield f"the same in a Celery worker (solo pool): {result.worker * 1000:.0f} ms CPU a cycle"
    yield f"the simulator's own cost: {result.simulator * 1000:.0f} ms CPU a cycle"


def chart_table(result: charts.Result) -> Iterator[str]:
    yield f"## Charts over a week of {result.servers} servers ({result.rows} samples)"
    yield ""
    yield "| query | ms, median (p95) |"
    yield "|---|---|"
    for name, times in result.times.items():
        yield f"| {name} | {spread([t * 1000 for t in times])} |"
    yield ""
    yield f"bytes a sample on disk: {result.bytes_per_sample:.1f}"
    yield f"dropping a day of {result.dropped} samples: {result.drop * 1000:.0f} ms"


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    return f"{median(values):.1f} ({quantiles(values, n=20, method='inclusive')[-1]:.1f})"
