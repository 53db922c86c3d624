"""All measurements, in order, into lines of a table."""

import platform
from argparse import Namespace
from collections.abc import Iterator
from statistics import median, quantiles

from django.db import connection

from bench import (
    actions,
    alerts,
    charts,
    cycles,
    groups,
    growth,
    pages,
    peers,
    schedules,
    sockets,
    summary,
    web,
)
from bench.place import Place


def run(place: Place, wanted: Namespace) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        version = cursor.fetchone()[0]
    yield f"# {platform.python_implementation()} {platform.python_version()}, {version}"
    yield ""
    figures: list[summary.Figure] = []
    if "cycles" in wanted.only:
        for size in wanted.servers:
            cycle = cycles.measure(place, size, wanted.cycles)
            figures += summary.of_cycles(cycle)
            yield from cycle_table(cycle)
            yield ""
    if "actions" in wanted.only:
        yield from action_table(actions.measure(place, wanted.actions))
        yield ""
    if "schedules" in wanted.only:
        yield from schedule_table(schedules.measure(place, wanted.schedules))
        yield ""
    if "alerts" in wanted.only:
        yield from alerts.run(place, max(wanted.servers), wanted.mails)
        yield ""
    if "pages" in wanted.only:
        measured = pages.measure(wanted.list, wanted.others)
        figures += summary.of_pages(measured)
        yield from pages.table(measured, wanted.others)
        yield ""
    if "charts" in wanted.only:
        week = charts.measure(place, wanted.history)
        figures += summary.of_charts(week)
        yield from chart_table(week)
        yield ""
    yield from beside_and_beyond(place, wanted, figures)
    yield from summary.table(figures)


def beside_and_beyond(
    place: Place, wanted: Namespace, figures: list[summary.Figure]
) -> Iterator[str]:
    """Many sockets, other web servers, other ways, and many more servers."""
    largest = max(wanted.servers)
    if "sockets" in wanted.only:
        followed = yield from sockets.run(wanted.sockets, wanted.rounds, wanted.pause)
        figures += summary.of_sockets(followed)
        yield ""
    if "web" in wanted.only:
        served = yield from web.run(wanted.web_servers, wanted.processes, min(wanted.sockets))
        figures += summary.of_web(served)
        yield ""
    if "peers" in wanted.only:
        ways = yield from peers.run(place, largest)
        figures += summary.of_peers(ways)
        yield ""
    if "growth" in wanted.only:
        sizes = [[size] for size in wanted.servers] + [[largest] * wanted.clusters]
        grown = yield from growth.run(place, wanted.minutes, sizes)
        figures += summary.of_growth(grown)
        yield ""
    if "groups" in wanted.only:
        guests = wanted.group_guests
        yield from groups.table(groups.measure(place, guests, wanted.group_databases), guests)
        yield ""


def action_table(result: actions.Result) -> Iterator[str]:
    yield f"## Actions, on one worker, up to {result.at_once} at once"
    yield ""
    yield "| from … to … | ms, median (p95) | slowest |"
    yield "|---|---|---|"
    for name, times in (
        ("a click to the 202", result.clicks),
        ("a task's end to its event, at rest", result.rest),
        (f"the same with {result.at_once} at once", result.crowd),
    ):
        yield f"| {name} | {spread([t * 1000 for t in times])} | {max(times) * 1000:.0f} |"
    yield ""
    yield f"calls to Proxmox an action, in the crowd: {result.calls_an_action:.2f}"
    yield f"calls a second for each action that is followed: {result.calls_a_second:.3f}"
    yield ""
    yield (
        f"{sum(result.killed.values())} actions under {result.kills} kills of the worker and "
        f"{result.flushes} of Redis forgetting:"
    )
    for outcome, count in result.killed.most_common():
        yield f"- {outcome}: {count}"
    yield f"- done twice: {result.doubled}, not as said: {len(result.lies)} {result.lies or ''}"
    yield f"- the last one ended {result.slowest_end:.0f} s after the last was asked for"


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


def schedule_table(result: schedules.Result) -> Iterator[str]:
    yield f"## {result.due} snapshot schedules due at once, on one worker"
    yield ""
    yield f"all asked for in: {result.requested:.1f} s, the first one taken after {result.first:.1f} s"
    yield (
        f"in the first {result.seconds:.0f} s: {result.taken} taken, "
        f"{result.calls:.1f} calls to Proxmox for each"
    )
    yield (
        f"a cycle, wall: {schedules.milliseconds(result.quiet):.0f} ms before, "
        f"{schedules.milliseconds(result.busy):.0f} ms meanwhile (medians)"
    )


def chart_table(result: charts.Result) -> Iterator[str]:
    yield f"## Charts over a week of {result.servers} servers ({result.rows} samples)"
    yield ""
    yield f"filled in {result.filling:.0f} s"
    yield ""
    yield "| chart | ms, median (p95) | in the database alone |"
    yield "|---|---|---|"
    for name, times in result.times.items():
        alone = spread([t * 1000 for t in result.database[name]])
        yield f"| {name} | {spread([t * 1000 for t in times])} | {alone} |"
    yield ""
    yield f"bytes a sample on disk: {result.bytes_per_sample:.1f}"
    empty, full = result.empty, result.full
    for unit, before, beside in (
        ("wall", [lap.wall for lap in empty], [lap.wall for lap in full]),
        ("CPU", [lap.cpu for lap in empty], [lap.cpu for lap in full]),
    ):
        yield (
            f"a whole cycle, ms of {unit}: {spread([t * 1000 for t in before])} with empty tables, "
            f"{spread([t * 1000 for t in beside])} beside this history, "
            f"{median(beside) / median(before):.2f} times"
        )
    for what, work in (
        (f"packing an hour of {result.packed} samples", result.packing),
        (f"pruning with a day of {result.dropped} packs to drop", result.drop),
    ):
        yield (
            f"{what}: {work.wall:.2f} s wall, {work.cpu:.2f} s CPU here, {len(work.statements)} "
            f"statements, the longest {work.longest * 1000:.0f} ms"
        )


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    return f"{median(values):.1f} ({quantiles(values, n=20, method='inclusive')[-1]:.1f})"
