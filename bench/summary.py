"""The figures that have an aim, of all parts that ran, in one table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench import charts, cycles, growth, pages, peers, sockets, web

MILLISECONDS = 1000
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Figure:
    """`values` of each run, in `unit`; `aim` in words."""

    name: str
    unit: str
    values: Sequence[float]
    aim: str = ""


def table(figures: Sequence[Figure]) -> Iterator[str]:
    if not figures:
        return
    yield "## All of it"
    yield ""
    yield "| figure | median | least to most | runs | aim |"
    yield "|---|---|---|---|---|"
    for one in figures:
        yield (
            f"| {one.name}, {one.unit} | {short(median(one.values))} "
            f"| {short(min(one.values))} to {short(max(one.values))} | {len(one.values)} "
            f"| {one.aim} |"
        )


def short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def of_cycles(result: cycles.Result) -> Iterator[Figure]:
    name = f"cycle of {result.servers} servers"
    whole = [laps["whole"] for laps in result.laps]
    yield Figure(name, "ms of wall", scaled(lap.wall for lap in whole), "500 at p95, of 10,000")
    yield Figure(name, "ms of CPU", scaled(lap.cpu for lap in whole), "250, of 10,000")
    in_worker = [result.worker * MILLISECONDS]
    yield Figure(f"{name} in a Celery worker", "ms of CPU", in_worker, "250, of 10,000")


def of_pages(measured: Sequence[pages.Page]) -> Iterator[Figure]:
    aims = {"a server": "30 at p95"}
    for page in measured:
        aim = "50 at p95, of 100" if page.name.startswith("list of") else aims.get(page.name, "")
        yield Figure(f"page: {page.name}", "ms", scaled(page.times), aim)


def of_charts(result: charts.Result) -> Iterator[Figure]:
    aims = {"24 h": "5", "7 d": "20"}
    for name, times in result.database.items():
        yield Figure(f"chart of {name}, in the database", "ms", scaled(times), aims.get(name, ""))
    yield Figure("a sample", "bytes on disk", [result.bytes_per_sample], "50")
    before = median(lap.wall for lap in result.empty)
    beside = [lap.wall / before for lap in result.full]
    yield Figure("cycle beside a week, to one with empty tables", "times the wall", beside, "1.5")
    pruning = scaled(result.drop.statements)
    yield Figure("a statement of the prune", "ms", pruning, "200, of the longest")


def of_sockets(results: Sequence[sockets.Result]) -> Iterator[Figure]:
    aims = {1000: "100", 5000: "400"}
    for one in results:
        name = f"{one.sockets} sockets on {one.kind}, {one.processes}"
        last = scaled(each.worst for each in one.rounds)
        yield Figure(f"{name}: the last one's update", "ms", last, aims.get(one.sockets, ""))
        yield Figure(f"{name}: each", "KiB", [one.bytes_a_socket / 1024], "40")
        yield Figure(f"{name}: lost", "updates", [one.lost], "0")
        yield Figure(f"{name}: let in", "a second", [(one.sockets - one.failed) / one.connected])


def of_web(results: Sequence[web.Result]) -> Iterator[Figure]:
    for one in results:
        title = f"{one.kind}, {one.processes}"
        alone = scaled(one.alone.late)
        yield Figure(f"{title}: API list of 100, p95 one at a time", "ms", alone, "25")
        for name, answers in one.answers.items():
            aim = "300" if name.startswith("API") else ""
            yield Figure(f"{title}: {name}", "a second", answers.rates, aim)


def of_growth(results: Sequence[growth.Result]) -> Iterator[Figure]:
    for one in results:
        name = f"{sum(one.sizes)} servers in {len(one.sizes)} clusters"
        yield Figure(f"{name}: cycles left out", "", [one.due - len(one.walls)], "0")
        yield Figure(f"{name}: a round", "s", one.rounds, "30")
        memory = sum(each.pss for each in one.memory.values()) / MEBIBYTE
        yield Figure(f"{name}: the panel's memory", "MiB", [memory], "1,024, of 10,000")


def of_peers(ways: Sequence[peers.Way]) -> Iterator[Figure]:
    """The first two are ours: the fetch and the whole cycle."""
    ours = median(ways[1].cpu)
    aims = {"prometheus": "10", "proxmoxer, a": "100", "the same, by a client": "100"}
    for way in ways[2:]:
        aim = next((aim for start, aim in aims.items() if way.name.startswith(start)), "")
        ratios = [cpu / ours for cpu in way.cpu]
        yield Figure(f"{way.name}, to our whole cycle", "times the CPU", ratios, aim)


def scaled(seconds: Iterator[float] | Sequence[float]) -> list[float]:
    return [each * MILLISECONDS for each in seconds]
