"""Live updates to many sockets: connecting, memory, and a cycle's changes until all have them.

The web server and the sockets' clients are processes of their own; this one publishes as a cycle
does, through servers.live. All of them share the machine.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from statistics import median

from django.db import connections

from bench import population
from bench.processes import Cost, Helper, raise_file_limit
from bench.web_servers import WebServer
from servers import live

SERVERS = 10_000
ROUNDS = 7
AT_ONCE = 100
TRIES = 50
PATIENCE = 30.0
BETWEEN = 1.0
# Files beside the sockets' own, in each of the two processes.
SPARE_FILES = 200


@dataclass
class Round:
    """Seconds from the start of publishing: until it returned, a median socket's and the last's."""

    published: float
    median: float
    worst: float


@dataclass
class Result:
    kind: str
    processes: int
    sockets: int
    connected: float = 0.0
    connect_cpu: float = 0.0
    client_cpu: float = 0.0
    failed: int = 0
    bytes_a_socket: float = 0.0
    rounds: list[Round] = field(default_factory=list)
    cpu_a_round: float = 0.0
    lost: int = 0
    twice: int = 0
    closed: int = 0
    storm: float = 0.0
    storm_failed: int = 0
    storm_again: int = 0
    memory: Cost | None = None
    why: str = ""


def run(
    counts: Sequence[int], rounds: int = ROUNDS, pause: float = BETWEEN
) -> Generator[str, None, list[Result]]:
    """Each count on one daphne, as docker-compose.yml starts it; seconds between two rounds."""
    results = [measure(count, rounds=rounds, pause=pause) for count in counts]
    yield from table(results)
    return results


def measure(
    count: int,
    kind: str = "daphne",
    processes: int = 1,
    *,
    rounds: int = ROUNDS,
    pause: float = BETWEEN,
    total: int = SERVERS,
) -> Result:
    """`count` people, each with a socket that follows a server of their own among `total`."""
    check_file_limit(count)
    now = datetime.now(UTC)
    people = population.make_people(count)
    servers = population.make_servers(people, total, now)
    tokens = population.access_tokens(people, now)
    connections.close_all()
    wanted = [[token, [server]] for token, server in zip(tokens, servers, strict=False)]
    result = Result(kind, processes, count)
    with WebServer(kind, processes) as web:
        with Helper("bench.crowd") as crowd:
            connect(web, crowd, wanted, result)
            time.sleep(BETWEEN)
            for number in range(rounds + 1):
                time.sleep(pause)
                one = publish(
                    web, crowd, servers, count, int(now.timestamp()) + number, result, rounds
                )
                if number:  # the first one warms up
                    result.rounds.append(one)
            result.memory = web.cost()
        with Helper("bench.crowd") as crowd:
            storm(web, crowd, wanted, result)
    population.forget()
    return result


def check_file_limit(count: int) -> None:
    allowed = raise_file_limit()
    if count + SPARE_FILES > allowed:
        raise SystemExit(f"{count} sockets need more than the {allowed} files of `ulimit -n`.")


def connect(web: WebServer, crowd: Helper, wanted: Sequence[object], result: Result) -> None:
    before = web.cost()
    made = crowd.ask(
        do="connect", ports=web.ports, dialect="panel", sockets=wanted, at_once=AT_ONCE, tries=1
    )
    after = web.cost()
    result.connected = made["seconds"]
    result.connect_cpu = after.cpu - before.cpu
    result.client_cpu = made["cpu"]
    result.failed, result.why = made["failed"], made["why"]
    result.bytes_a_socket = (after.rss - before.rss) / max(1, made["subscribed"])


def publish(
    web: WebServer,
    crowd: Helper,
    servers: Sequence[int],
    count: int,
    taken_at: int,
    result: Result,
    rounds: int,
) -> Round:
    """One cycle's changes: every server has a new sample."""
    rows = made_up(servers, taken_at)
    crowd.ask(
        do="expect",
        mark=f'"taken_at":{taken_at}',
        updates=count - result.failed,
        patience=PATIENCE,
    )
    cpu = web.cost().cpu
    started = time.monotonic()
    live.publish(metrics=rows)
    published = time.monotonic() - started
    heard = crowd.hear()
    result.cpu_a_round += (web.cost().cpu - cpu) / rounds
    result.lost += heard["missing"]
    result.twice += heard["twice"]
    result.closed = heard["closed"]
    delays = [arrival - started for arrival in heard["arrivals"]] or [PATIENCE]
    return Round(published, median(delays), max(delays))


def made_up(servers: Sequence[int], taken_at: int) -> list[live.MetricsRow]:
    """As a cycle hands them over, those that are followed among the others at random."""
    chance = Random(taken_at)
    words = {"memory_source": "guest", "disk_source": "agent"}
    rows: list[live.MetricsRow] = [
        [
            server,
            taken_at,
            *(words.get(name) or chance.randrange(2**33) / 8 for name in live.METRICS),
        ]
        for server in servers
    ]
    chance.shuffle(rows)
    return rows


def storm(web: WebServer, crowd: Helper, wanted: Sequence[object], result: Result) -> None:
    """All of them have just gone, and all come back at the same moment, until they are let in."""
    made = crowd.ask(
        do="connect",
        ports=web.ports,
        dialect="panel",
        sockets=wanted,
        at_once=len(wanted),
        tries=TRIES,
    )
    result.storm, result.storm_failed, result.storm_again = (
        made["seconds"],
        made["failed"],
        made["again"],
    )
    result.why = result.why or made["why"]


def table(results: Sequence[Result]) -> Iterator[str]:
    yield f"## Sockets, each following a server of its own; {SERVERS} servers change at once"
    yield ""
    yield (
        "| web server, processes | sockets | connects/s (CPU ms each) | KiB a socket | published ms "
        "| a median socket's ms: median (worst round) | the last socket's ms: median (worst round) "
        "| CPU ms a round | lost, twice, closed | all back at once, s (turned away meanwhile, for good) |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for one in results:
        yield "| " + " | ".join(cells(one)) + " |"
    for one in results:
        if one.why:
            yield f"{one.kind}, {one.sockets}: {one.failed} not connected: {one.why}"


def cells(one: Result) -> list[str]:
    subscribed = max(1, one.sockets - one.failed)
    return [
        f"{one.kind}, {one.processes}",
        f"{one.sockets}",
        f"{subscribed / one.connected:.0f} ({one.connect_cpu / subscribed * 1000:.1f})",
        f"{one.bytes_a_socket / 1024:.1f}",
        f"{median(each.published for each in one.rounds) * 1000:.0f}",
        spread([each.median for each in one.rounds]),
        spread([each.worst for each in one.rounds]),
        f"{one.cpu_a_round * 1000:.0f}",
        f"{one.lost}, {one.twice}, {one.closed}",
        f"{one.storm:.1f} ({one.storm_again}, {one.storm_failed})",
    ]


def spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1000:.0f} ({max(seconds) * 1000:.0f})"
