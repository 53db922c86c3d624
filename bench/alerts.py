"""Alerts: what judging costs a cycle, how long a mail takes, and 2,000 mails under a kill.

The mail server is aiosmtpd in a thread of the bench; mails are handed to it by the worker's real
SMTP. The rest are the processes of production: beat, one worker for polling and telling, one for
delivery, and the simulator.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from statistics import median
from typing import Any

from aiosmtpd.controller import Controller
from django.db import connection, transaction

from accounts.models import User
from alerts import episodes, judging, outbox, rulebook, telling
from alerts.judging import Last, Observation, Observed
from alerts.models import Alert, AlertRule, AlertStanding, Notification
from bench.actions import Proxmox, wait_for
from bench.cycles import clear, make_cluster, one_cycle
from bench.place import ROOT, Place, free_port
from monitoring.readings import Measured
from servers.models import Cluster, LastSample, Server

ROUNDS = 20
CROSSINGS = 20
SPREAD_OVER = 90.0
OWNERS = 500


@dataclass
class Judged:
    """CPU milliseconds of each round, and what a round reads and writes."""

    servers: int
    rules: int
    own: bool
    cpu: list[float] = field(default_factory=list)
    reads: int = 0
    writes: int = 0
    pending: int = 0


@dataclass
class Result:
    judged: list[Judged] = field(default_factory=list)
    # All at once: alerts, seconds until they are stored and until their owners are told.
    alerts: int = 0
    stored: float = 0.0
    told: float = 0.0
    letters: int = 0
    statements: int = 0
    crossed: list[float] = field(default_factory=list)
    # From the cycle that saw it.
    seen: list[float] = field(default_factory=list)
    mails: int = 0
    arrived: int = 0
    doubled: int = 0
    seconds: float = 0.0
    most: float = 0.0


class Mailbox:
    """Takes every mail, and notes when and which."""

    def __init__(self) -> None:
        self.got: list[tuple[float, str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content)
        self.got.append((time.time(), envelope.rcpt_tos[0], str(message["Message-ID"])))
        return "250 2.0.0 Ok: queued"


def run(place: Place, servers: int, mails: int) -> Iterator[str]:
    result = Result()
    judge_all(place, servers, result)
    yield from judged_lines(result)
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        cross_and_wait(place, mailbox, result)
        yield crossed_line(result)
        many_mails(mailbox, mails, result)
        yield mails_line(result)
    finally:
        controller.stop()


# What judging costs


def judge_all(place: Place, servers: int, result: Result) -> None:
    cluster = make_cluster(place, servers)
    one_cycle(cluster)
    people = User.objects.bulk_create(
        [User(email=f"owner{n}@example.com", password="!") for n in range(OWNERS)]
    )
    people = list(User.objects.filter(email__startswith="owner").order_by("pk"))
    ids = list(Server.objects.filter(cluster=cluster).values_list("pk", flat=True))
    for n, person in enumerate(people):
        Server.objects.filter(pk__in=ids[n::OWNERS]).update(owner=person)
    seen = observed(cluster)
    rulebook.book()
    result.judged.append(rounds(seen, servers, own=False))
    own_rules(cluster)
    result.judged.append(rounds(seen, servers, own=True))
    AlertRule.objects.filter(owner__isnull=False).delete()
    rulebook.changed()
    go_dark(seen, result)
    clear(cluster)


def go_dark(seen: Observation, result: Result) -> None:
    """No server can be reached: each of the owners has so many alerts at once."""
    AlertStanding.objects.all().delete()
    Alert.objects.all().delete()
    AlertRule.objects.filter(metric="reachability").update(duration=0)
    rulebook.changed()
    dark = {server: one._replace(status="unknown") for server, one in seen.servers.items()}
    result.stored = timed(lambda: one_round(replace(seen, servers=dark, figures={})))
    with counted() as statements:
        result.told = timed(lambda: telling.tell_due(lambda: datetime.now(UTC)))
    result.alerts, result.statements = Alert.objects.count(), len(statements)
    result.letters = Notification.objects.count()
    Notification.objects.all().delete()


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def own_rules(cluster: Cluster) -> None:
    """Three of each server's owner's own, in place of the defaults."""
    now = datetime.now(UTC)
    defaults = list(AlertRule.objects.filter(owner=None, metric__in=("cpu", "memory", "disk")))
    AlertRule.objects.bulk_create(
        [
            AlertRule(
                owner_id=owner, server_id=server, replaces=default, metric=default.metric,
                threshold=0.93, clear_at=0.9, duration=300, created_at=now, updated_at=now,
            )
            for server, owner in Server.objects.filter(cluster=cluster).values_list("pk", "owner")
            for default in defaults
        ],
        batch_size=1000,
    )  # fmt: skip
    rulebook.changed()


def observed(cluster: Cluster) -> Observation:
    """All run and are measured, one in a hundred above 90 % of its CPU."""
    chance = random.Random(5)
    at = int(time.time())
    servers, figures = {}, {}
    for server, owner in Server.objects.filter(cluster=cluster).values_list("pk", "owner"):
        servers[server] = Observed(owner, "running", "running", "")
        cpu = 0.95 if chance.random() < 0.01 else chance.random() * 0.85
        gib = 2**30
        figures[server] = Measured(
            cpu, int(chance.random() * 6 * gib), 8 * gib, int(chance.random() * 80 * gib),
            100 * gib, 1e5, 1e5, 1e5, 1e5, 1000, LastSample.Source.GUEST, LastSample.Source.AGENT,
            at,
        )  # fmt: skip
    return Observation(cluster.pk, at, servers, figures, last=Last(at - 30))


def rounds(seen: Observation, servers: int, *, own: bool) -> Judged:
    AlertStanding.objects.all().delete()
    Alert.objects.all().delete()
    found = Judged(servers, 3 * servers, own)
    one_round(seen)
    found.pending = AlertStanding.objects.count()
    with counted() as statements:
        one_round(seen)
    found.reads = sum(sql.startswith("SELECT") for sql in statements)
    found.writes = len(statements) - found.reads
    for _ in range(ROUNDS):
        started = time.process_time()
        one_round(seen)
        found.cpu.append((time.process_time() - started) * 1000)
    return found


def one_round(seen: Observation) -> None:
    with transaction.atomic():
        episodes.apply(judging.judge_cluster(seen), now=datetime.now(UTC))


@contextmanager
def counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE")):
            statements.append(sql.lstrip().upper())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield statements


# From the crossing to the mail


def cross_and_wait(place: Place, mailbox: Mailbox, result: Result) -> None:
    """Guests that become busy at random moments, each with an owner and a rule of its own."""
    guests = CROSSINGS * 4
    cluster = make_cluster(place, guests)
    proxmox = Proxmox(place.port, place.folder / f"simulator-{guests}")
    one_cycle(cluster)
    servers = list(
        Server.objects.filter(cluster=cluster, kind="qemu", status="running", lock="")[:CROSSINGS]
    )
    now = datetime.now(UTC)
    for n, server in enumerate(servers):
        owner = User.objects.create_user(f"crossing{n}@example.com", "!")
        Server.objects.filter(pk=server.pk).update(owner=owner)
        AlertRule.objects.create(
            owner=owner, metric="cpu", threshold=0.9, created_at=now, updated_at=now
        )
    rulebook.changed()
    chance = random.Random(9)
    with workers("poll,default,guests", "deliver"), beat():
        time.sleep(45)
        began: dict[str, float] = {}
        starts = sorted(chance.uniform(0, SPREAD_OVER) for _ in servers)
        first = time.time()
        for n, (server, start) in enumerate(zip(servers, starts, strict=True)):
            time.sleep(max(0.0, first + start - time.time()))
            began[f"crossing{n}@example.com"] = time.time()
            inflict(proxmox, fault="busy", vmid=server.vmid, cpu=0.99)
        wait_for(lambda: began.keys() <= {to for _, to, _ in mailbox.got}, "all the mails")
    arrived = {to: at for at, to, _ in reversed(mailbox.got)}
    result.crossed = [arrived[to] - at for to, at in began.items()]
    fired = Alert.objects.filter(owner__email__in=began).values_list("owner__email", "fired_at")
    result.seen = [arrived[to] - at.timestamp() for to, at in fired]
    clear(cluster)


def inflict(proxmox: Proxmox, **fault: object) -> None:
    answer = proxmox.http.post(
        f"{proxmox.base}/simulator/faults", data=json.dumps(fault), timeout=30,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    answer.raise_for_status()


@contextmanager
def beat() -> Iterator[None]:
    process = start(
        "beat", f"--schedule={os.environ['PANEL_VAR']}/beat-alerts", "--loglevel=ERROR"
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def workers(*queues: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    running = [start_worker(each) for each in queues]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def start_worker(queues: str) -> subprocess.Popen[bytes]:
    return start(
        "worker", f"--hostname={queues.split(',')[0]}@bench", f"--queues={queues}",
        "--pool=threads", "--concurrency=8", "--without-gossip", "--without-mingle",
        "--loglevel=CRITICAL",
    )  # fmt: skip


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "celery", "--quiet", "--app=panel", *arguments]
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, cwd=ROOT, env=env)


# Many mails and a kill


def many_mails(mailbox: Mailbox, count: int, result: Result) -> None:
    """All due at once; the worker is killed when a third has arrived. Beat sweeps."""
    mailbox.got.clear()
    User.objects.bulk_create(
        [User(email=f"reader{n}@example.com", password="!") for n in range(count)], batch_size=500
    )
    readers = list(User.objects.filter(email__startswith="reader"))
    result.mails = count
    running = [start_worker("deliver")]
    try:
        with workers("default"), beat():
            time.sleep(4)
            for reader in readers:
                outbox.tell(
                    reader, subject="The bench", body="Text.", key=None, now=datetime.now(UTC)
                )
            started = time.time()
            wait_for(lambda: len(mailbox.got) >= count // 3, "a third")
            running[-1].send_signal(signal.SIGKILL)
            running[-1].wait()
            running.append(start_worker("deliver"))
            wait_for(lambda: unsent() == 0, "all")
            result.seconds = time.time() - started
    finally:
        running[-1].terminate()
        running[-1].wait(60)
    arrivals = sorted(at for at, _, _ in mailbox.got)
    result.most = arrivals[len(arrivals) * 99 // 100] - started
    times = Counter(message_id for _, _, message_id in mailbox.got)
    result.arrived = len(times)
    result.doubled = sum(count - 1 for count in times.values())


def unsent() -> int:
    return Notification.objects.exclude(status=Notification.Status.SENT).count()


def judged_lines(result: Result) -> Iterator[str]:
    yield "## Alerts"
    yield ""
    yield "| judging in one cycle | CPU ms, median (worst) | statements that read | that write |"
    yield "|---|---|---|---|"
    for judged in result.judged:
        whose = "rules of their owners'" if judged.own else "default rules"
        yield (
            f"| {judged.servers} servers, {judged.rules} {whose}, {judged.pending} pending "
            f"| {median(judged.cpu):.0f} ({max(judged.cpu):.0f}) "
            f"| {judged.reads} | {judged.writes} |"
        )
    yield ""
    yield (
        f"{result.alerts} alerts of {OWNERS} owners at once: stored in {result.stored:.1f} s, "
        f"decided and put into the outbox, {result.letters} messages, in {result.told:.1f} s with "
        f"{result.statements} statements"
    )


def crossed_line(result: Result) -> str:
    return (
        "from a crossing in the guest to its mail at the mail server, s: "
        f"{median(result.crossed):.1f} median, {max(result.crossed):.1f} slowest "
        f"of {len(result.crossed)}; from the cycle that saw it: {median(result.seen):.2f} median, "
        f"{max(result.seen):.2f} slowest"
    )


def mails_line(result: Result) -> str:
    return (
        f"{result.mails} mails at once, the worker killed at a third: {result.arrived} arrived, "
        f"{result.doubled} of them twice; 99 % after {result.most:.0f} s, the last after "
        f"{result.seconds:.0f} s"
    )
