"""What a page costs the server: middleware, queries, template, compression. In this process, as a
worker thread of the web server has it; without the network, and without what a browser does then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median, quantiles
from time import perf_counter, process_time

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bench import charts
from monitoring import retention
from servers.models import Address, Cluster, Label, LastSample, Node, Server

RUNS = 120
WARM_UP = 10
GIB = 2**30


@dataclass(frozen=True)
class Page:
    """Times and CPU (this process's own, without the database's) in seconds; `size` and `packed` in bytes, as it stands and as it goes out."""

    name: str
    times: list[float]
    cpu: list[float]
    queries: int
    size: int
    packed: int


def measure(servers: int, of_one: int) -> list[Page]:
    """`servers` of one person each with a filled week, in a panel with `of_one` more."""
    now = datetime.now(UTC).replace(microsecond=0)
    # Pages name static files by their hashes.
    call_command("collectstatic", interactive=False, verbosity=0)
    retention.prune(now=now - timedelta(days=8))
    alice = make(servers, of_one, now)
    first = charts.FIRST
    pages = {
        f"list of {servers} servers": "/",
        "the same, sorted by CPU": "/?sort=cpu",
        "the same, searched": "/?q=server-1",
        "sparklines of the list": sparklines(servers),
        "a server": f"/servers/{first}/",
        "its history of 24 h, for the charts": f"/api/v1/servers/{first}/metrics/",
        "its activity": f"/servers/{first}/history/",
        "its alerts": f"/servers/{first}/alerts/",
        "alerts": "/alerts/",
        "account": "/account/",
    }
    return [timed(name, path, alice) for name, path in pages.items()]


def sparklines(servers: int) -> str:
    numbers = ",".join(str(charts.FIRST + number) for number in range(servers))
    return f"/servers/sparklines/?servers={numbers}"


def make(servers: int, more: int, now: datetime) -> User:
    charts.fill(range(charts.FIRST, charts.FIRST + servers), now)
    alice = User.objects.create_user("bench@example.com", None)
    bob = User.objects.create_user("others@example.com", None)
    cluster = Cluster.objects.create(name="bench", last_cycle_at=now)
    node = Node.objects.create(cluster=cluster, name="pve1")
    chance = Random(3)
    owners = [alice] * servers + [bob] * more
    Server.objects.bulk_create(
        [
            Server(
                pk=charts.FIRST + number,
                cluster=cluster,
                node=node,
                kind="qemu",
                vmid=100 + number,
                identity=f"bench-{number}",
                owner=owner,
                name=f"server-{number}",
                status="running",
                status_since=now - timedelta(days=9),
                cpus=4,
            )
            for number, owner in enumerate(owners)
        ],
        batch_size=1000,
    )
    numbers = range(charts.FIRST, charts.FIRST + len(owners))
    LastSample.objects.bulk_create(
        [last_sample(number, now, chance) for number in numbers], batch_size=1000
    )
    mine = numbers[:servers]
    Label.objects.bulk_create(
        [Label(server_id=number, key="env", value=f"stage{number % 5}") for number in mine]
    )
    Address.objects.bulk_create(
        [
            Address(server_id=number, position=0, address=f"198.51.100.{index % 250 + 1}")
            for index, number in enumerate(mine)
        ]
    )
    return alice


def last_sample(number: int, now: datetime, chance: Random) -> LastSample:
    return LastSample(
        server_id=number,
        taken_at=int(now.timestamp()),
        cpu=chance.random(),
        memory_used=chance.randrange(8 * GIB),
        memory_total=8 * GIB,
        disk_used=chance.randrange(40 * GIB),
        disk_total=40 * GIB,
        network_in=chance.random() * 1e6,
        network_out=chance.random() * 1e6,
        disk_read=chance.random() * 1e6,
        disk_write=chance.random() * 1e6,
        uptime=chance.randrange(10**7),
        memory_source="guest",
        disk_source="agent",
    )


def timed(name: str, path: str, person: User) -> Page:
    browser = Client(headers={"Accept-Encoding": "gzip", "Host": "127.0.0.1"})
    browser.force_login(person)
    for _ in range(WARM_UP):
        get(browser, path)
    with CaptureQueriesContext(connection) as captured:
        whole = Client(headers={"Host": "127.0.0.1"})
        whole.force_login(person)
        before = len(captured)
        size = len(get(whole, path))
        queries = len(captured) - before
    times: list[float] = []
    cpu: list[float] = []
    for _ in range(RUNS):
        with stopwatch(times, cpu):
            packed = get(browser, path)
    return Page(name, times, cpu, queries, size, len(packed))


@contextmanager
def stopwatch(times: list[float], cpu: list[float]) -> Iterator[None]:
    started, worked = perf_counter(), process_time()
    yield
    times.append(perf_counter() - started)
    cpu.append(process_time() - worked)


def get(browser: Client, path: str) -> bytes:
    answer = browser.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answers {answer.status_code}")
    return bytes(answer.content)


def table(pages: list[Page], more: int) -> Iterator[str]:
    yield f"## Pages, with a week of samples, and {more} servers of somebody else's"
    yield ""
    yield "| page | wall ms, median (p95) | CPU ms, median (p95) | queries | kB, of them sent |"
    yield "|---|---|---|---|---|"
    for page in pages:
        yield (
            f"| {page.name} | {spread(page.times)} | {spread(page.cpu)} | {page.queries} "
            f"| {page.size / 1000:.1f} / {page.packed / 1000:.1f} |"
        )


def spread(seconds: list[float]) -> str:
    """Median and 95th percentile, in milliseconds."""
    late = quantiles(seconds, n=20, method="inclusive")[-1]
    return f"{median(seconds) * 1000:.1f} ({late * 1000:.1f})"
