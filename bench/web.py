"""The same application behind each web server: requests, sockets, memory, and how it ends."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any

from django.core.management import call_command
from django.db import connections
from django.test import Client

from accounts.models import User
from bench import population, sockets
from bench.processes import Cost, Helper
from bench.web_servers import WebServer

OWN, OTHERS = 100, 1000
ROUNDS = 3
SECONDS = 4.0
# As many as browsers ask at a time here, and one alone: what a request takes without a queue.
CROWDED, ALONE = 16, 1
SOCKETS = 1000


@dataclass
class Answers:
    """One path: requests a second and times in seconds, of each round."""

    rates: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    errors: int = 0
    size: int = 0


@dataclass
class Result:
    kind: str
    processes: int
    alone: Answers
    answers: dict[str, Answers]
    before: Cost
    after: Cost
    ended: float


def run(
    kinds: Sequence[str], counts: Sequence[int], with_sockets: int
) -> Generator[str, None, list[Result]]:
    paths = prepare()
    results = [measure(kind, count, paths) for kind in kinds for count in counts]
    population.forget()
    yield from table(results)
    if with_sockets:
        yield ""
        # One process is what a socket is in; two share them.
        yield from sockets.table(
            [sockets.measure(with_sockets, kind, count) for kind in kinds for count in counts]
        )
    return results


def prepare() -> dict[str, tuple[str, dict[str, str]]]:
    """What is asked for, by name: path and headers."""
    # Pages name static files by their hashes.
    call_command("collectstatic", interactive=False, verbosity=0)
    now = datetime.now(UTC)
    person = User.objects.create_user("web@example.com", None)
    other = User.objects.create_user("others@example.com", None)
    population.make_servers([person] * OWN + [other] * OTHERS, OWN + OTHERS, now)
    token = population.access_tokens([person], now)[0]
    browser = Client()
    browser.force_login(person)
    cookie = "; ".join(f"{name}={each.value}" for name, each in browser.cookies.items())
    connections.close_all()
    return {
        "API list of 100": (
            "/api/v1/servers/?page_size=100",
            {"Authorization": f"Bearer {token}"},
        ),
        "list page": ("/", {"Cookie": cookie}),
        "/health/live": ("/health/live", {}),
    }


def measure(kind: str, count: int, paths: dict[str, tuple[str, dict[str, str]]]) -> Result:
    with WebServer(kind, count) as web:
        before = web.cost()
        alone = Answers()
        answers = {name: Answers() for name in paths}
        first = next(iter(paths))
        for _ in range(ROUNDS):
            ask(web, *paths[first], ALONE, alone)
            for name, (path, headers) in paths.items():
                ask(web, path, headers, CROWDED, answers[name])
        after = web.cost()
        ended = web.stop()
    return Result(kind, count, alone, answers, before, after, ended)


def ask(
    web: WebServer, path: str, headers: dict[str, str], connections: int, into: Answers
) -> None:
    cpu = web.cost().cpu
    with Helper("bench.load") as load:
        heard: dict[str, Any] = load.ask(
            ports=web.ports, path=path, headers=headers, connections=connections, seconds=SECONDS
        )
    times = heard["times"]
    into.rates.append(len(times) / heard["seconds"])
    into.medians.append(median(times))
    into.late.append(quantiles(times, n=20, method="inclusive")[-1])
    into.cpu.append((web.cost().cpu - cpu) / len(times))
    into.errors += heard["errors"]
    into.size = heard["bytes"]


def table(results: Sequence[Result]) -> Iterator[str]:
    names = list(results[0].answers)
    yield f"## Web servers: {CROWDED} connections, medians of {ROUNDS} rounds of {SECONDS:g} s (least to most)"
    yield ""
    yield (
        "| web server, processes | path | requests/s | median ms | p95 ms | server's CPU ms each "
        "| errors |"
    )
    yield "|---|---|---|---|---|---|---|"
    for one in results:
        title = f"{one.kind}, {one.processes}"
        yield f"| {title} | {names[0]}, one at a time | {' | '.join(cells(one.alone))} |"
        for name in names:
            yield f"| {title} | {name} | {' | '.join(cells(one.answers[name]))} |"
    yield ""
    yield "| web server, processes | of them running | MiB RSS (PSS) after start | after the load | ends in s |"
    yield "|---|---|---|---|---|"
    for one in results:
        yield (
            f"| {one.kind}, {one.processes} | {one.after.processes} | {memory(one.before)} "
            f"| {memory(one.after)} | {one.ended:.1f} |"
        )


def cells(one: Answers) -> list[str]:
    return [
        f"{median(one.rates):.0f} ({min(one.rates):.0f} to {max(one.rates):.0f})",
        milliseconds(one.medians),
        milliseconds(one.late),
        # The first tenth of each round is not counted as answers, but its CPU is.
        f"{median(one.cpu) * 900:.1f}",
        f"{one.errors}",
    ]


def milliseconds(seconds: Sequence[float]) -> str:
    low, high = min(seconds) * 1000, max(seconds) * 1000
    return f"{median(seconds) * 1000:.1f} ({low:.1f} to {high:.1f})"


def memory(cost: Cost) -> str:
    return f"{cost.rss / 2**20:.0f} ({cost.pss / 2**20:.0f})"
