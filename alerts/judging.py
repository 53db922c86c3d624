"""Judging what was observed of servers, all rules of all of them at once.

Nearly every server is well at nearly every time, and that is what is quick: a value that does not
cross, where the rule stands at OK, changes nothing by the judge's own rules and is not given to it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from django.db.models import QuerySet

from alerts import judge, rulebook
from alerts.intent import WORK_OF_OTHERS
from alerts.judge import MISSING, OK, VOID, Rule, Standing, State, Value
from alerts.metrics import MEASURED, Metric, Trust
from alerts.models import Alert, AlertStanding
from alerts.rulebook import About, Book, Quick
from servers.models import LastSample, Server

# How old the disk use that a guest agent told may be for a rule that wants fresh values, seconds.
# The agent is asked every two minutes.
FRESH_SECONDS = 300
RUNNING, STOPPED, UNKNOWN = (
    Server.Status.RUNNING.value, Server.Status.STOPPED.value, Server.Status.UNKNOWN.value
)  # fmt: skip
# Nothing is computed or sent there.
AT_REST = frozenset((STOPPED, Server.Status.SUSPENDED.value, Server.Status.PAUSED.value))


class Figures(Protocol):
    """What was measured of a server; units as in LastSample."""

    @property
    def cpu(self) -> float | None: ...
    @property
    def memory_used(self) -> int | None: ...
    @property
    def memory_total(self) -> int | None: ...
    @property
    def memory_source(self) -> str: ...
    @property
    def disk_used(self) -> int | None: ...
    @property
    def disk_total(self) -> int | None: ...
    @property
    def disk_source(self) -> str: ...
    @property
    def disk_measured_at(self) -> int | None: ...


class Observed(NamedTuple):
    """A present server at this time: its owner, its status and lock, and its status before."""

    owner: int | None
    status: str
    before: str
    lock: str


class Last(NamedTuple):
    """When the cluster was judged last, and how many seconds more than between two cycles were
    meant to pass since."""

    judged_at: int | None
    pause: int = 0


NEVER = Last(None)


@dataclass(frozen=True)
class Observation:
    """What one look at a cluster told. Times in Unix seconds.

    `figures` of those that were measured now. `fullest`: the fraction used of each server's fullest
    file system, `fullest_at` which one that is, and `file_systems` of all of them by mount point,
    where `rulebook.Book.by_mountpoint` says that some rule asks for it. `went_down`: who stopped running since the last look, and whether it was asked for.
    """

    cluster: int
    at: int
    servers: Mapping[int, Observed]
    figures: Mapping[int, Any]
    fullest: Mapping[int, float] = field(default_factory=dict)
    fullest_at: Mapping[int, str] = field(default_factory=dict)
    file_systems: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    went_down: Mapping[int, bool] = field(default_factory=dict)
    last: Last = NEVER


class Turn(NamedTuple):
    """A rule stands elsewhere now. `rule` is None where it applies to the server no more, and
    `dismissed` says why. `owner` is whose the server is, or was when it is dismissed."""

    server: int
    owner: int | None
    rule_id: int
    rule: Rule | None
    before: Standing
    after: Standing
    number: float | None
    dismissed: str = ""


class Kept(NamedTuple):
    """A standing as it is judged from, and as it is stored where that is another."""

    standing: Standing
    owner: int | None
    stored: Standing | None = None


AT_OK = Kept(OK, None)
Standings = dict[int, dict[int, Kept]]
Read = Callable[[int, Figures], float | None]


def standings_of(rows: "QuerySet[AlertStanding]") -> Standings:
    found: Standings = {}
    values = rows.values_list(
        "server_id", "rule_id", "owner_id", "state", "since", "missing_since"
    )
    for server, rule, owner, state, since, missing in values:
        standing = Standing(State(state), since, missing)
        found.setdefault(server, {})[rule] = Kept(standing, owner)
    return found


def judge_cluster(seen: Observation) -> list[Turn]:
    """All that changes by what was observed; nothing of it is stored yet."""
    book = rulebook.book()
    rows = AlertStanding.objects.filter(server__cluster_id=seen.cluster)
    standings = after_a_gap(standings_of(rows), seen)
    owners = {server.owner for server in seen.servers.values()} if book.by_label else set()
    labelled = rulebook.labels_of(book, owners)
    slow = in_need_of_a_closer_look(seen, standings, book)
    turns: list[Turn] = []
    quick(seen, book, labelled, slow, turns)
    for server in slow:
        closely(seen, server, book, labelled, standings.get(server, {}), turns)
    for server in standings.keys() - seen.servers.keys():
        turns += (
            dismissed(server, rule_id, kept, Alert.End.GONE)
            for rule_id, kept in standings[server].items()
        )
    return turns


def in_need_of_a_closer_look(seen: Observation, standings: Standings, book: Book) -> set[int]:
    """Those of which something stands open, or which are not simply running and measured."""
    slow = {
        server
        for server, observed in seen.servers.items()
        if observed.status == UNKNOWN
        or observed.lock
        or (observed.status == RUNNING and server not in seen.figures)
    }
    slow |= seen.went_down.keys() | (standings.keys() & seen.servers.keys())
    return slow


def quick(
    seen: Observation,
    book: Book,
    labelled: Mapping[int, Mapping[str, str]],
    slow: Collection[int],
    turns: list[Turn],
) -> None:
    readers: list[Read] = []
    for server, figures in seen.figures.items():
        if server in slow or server not in seen.servers:
            continue
        owner = seen.servers[server].owner
        for quick_rule in book.of(server, owner, labelled).measured:
            if quick_rule.about >= len(readers):
                # A book learns what its rules are about as it chooses them.
                readers += [reader(about, seen) for about in book.abouts[len(readers) :]]
            number = readers[quick_rule.about](server, figures)
            if is_worth_judging(quick_rule, number):
                turn(turns, server, owner, quick_rule.rule, AT_OK, Value(number), seen.at)


def is_worth_judging(rule: Quick, number: float | None) -> bool:
    """Whether a rule that stands at OK could move."""
    if number is None:
        return rule.no_data
    return number > rule.threshold if rule.is_above else number < rule.threshold


def closely(
    seen: Observation,
    server: int,
    book: Book,
    labelled: Mapping[int, Mapping[str, str]],
    standings: Mapping[int, Kept],
    turns: list[Turn],
) -> None:
    observed = seen.servers[server]
    rules = book.of(server, observed.owner, labelled).rules
    applying = {rule.id for rule in rules}
    for rule_id, kept in standings.items():
        if kept.owner != observed.owner:
            turns.append(dismissed(server, rule_id, kept, Alert.End.OWNER_CHANGED))
        elif rule_id not in applying:
            turns.append(dismissed(server, rule_id, kept, Alert.End.RULE_CHANGED))
    for rule in rules:
        kept_one = standings.get(rule.id)
        if kept_one is not None and kept_one.owner != observed.owner:
            # Dismissed just now: for this owner it begins with the next look.
            continue
        value = value_of(rule, server, observed, seen)
        if value is not None:
            applied = patient(rule) if observed.lock else rule
            turn(turns, server, observed.owner, applied, kept_one or AT_OK, value, seen.at)


def turn(
    turns: list[Turn],
    server: int,
    owner: int | None,
    rule: Rule,
    kept: Kept,
    value: Value,
    at: int,
) -> None:
    before = kept.standing
    after = judge.judge(rule, before, value, at)
    if after != (kept.stored or before):
        turns.append(Turn(server, owner, rule.id, rule, before, after, value.number))


def patient(rule: Rule) -> Rule:
    """Under a lock of Proxmox's, going down is noted and not told: a backup that stops a server
    starts it again. Where it does not, it fires once the lock is gone."""
    if rule.metric != Metric.STATE or rule.even_intended or rule.duration > 0:
        return rule
    return rule._replace(duration=1)


def dismissed(server: int, rule_id: int, kept: Kept, why: str) -> Turn:
    """A rule that does not apply to the server any more, or stood for somebody else's."""
    return Turn(server, kept.owner, rule_id, None, kept.standing, OK, None, why)


def after_a_gap(standings: Standings, seen: Observation) -> Standings:
    """Nobody looked for a while: neither did what was pending hold, nor was it missing, as far as
    anybody saw. Both begin anew."""
    last = seen.last
    if last.judged_at is None or seen.at - last.judged_at - last.pause <= rulebook.patience():
        return standings
    for of_server in standings.values():
        for rule, kept in of_server.items():
            standing = kept.standing
            if standing.state in (State.PENDING, State.MISSING):
                anew = Standing(standing.state, seen.at)
                of_server[rule] = kept._replace(standing=anew, stored=standing)
    return standings


def value_of(rule: Rule, server: int, observed: Observed, seen: Observation) -> Value | None:
    """What the rule looks at; None where this observation has nothing to say of its metric."""
    if rule.metric in MEASURED:
        return measured_value(rule, server, observed, seen)
    if rule.metric == Metric.STATE:
        return state_value(rule, server, observed, seen)
    if rule.metric == Metric.REACHABILITY:
        return judge.flag(observed.status == UNKNOWN)
    return None


def measured_value(rule: Rule, server: int, observed: Observed, seen: Observation) -> Value:
    if observed.status in AT_REST:
        # Its disk is as full as it was.
        return Value(None, begins=False) if rule.metric == Metric.DISK else VOID
    if observed.lock and rule.metric in WORK_OF_OTHERS and not rule.even_intended:
        return Value(None, begins=False)
    figures = seen.figures.get(server)
    if figures is None:
        return MISSING
    told = seen.file_systems.get(server)
    by_agent = figures.disk_source == LastSample.Source.AGENT
    if rule.mountpoint and told and by_agent and rule.mountpoint not in told:
        # The agent tells of others: this one is not mounted any more.
        return VOID
    read = reader((rule.metric, rule.trust, rule.mountpoint), seen)
    return Value(read(server, figures))


def state_value(rule: Rule, server: int, observed: Observed, seen: Observation) -> Value | None:
    if observed.status == RUNNING:
        return judge.flag(False)
    if observed.status not in AT_REST:
        return MISSING._replace(begins=False)
    asked_for = seen.went_down.get(server)
    if observed.lock and not rule.even_intended and asked_for is not False:
        return MISSING._replace(begins=False)
    # It holds what has begun; only going down begins it.
    begins = asked_for is not None and (rule.even_intended or not asked_for)
    return judge.flag(True, begins=begins)


def reader(about: About, seen: Observation) -> Read:
    """How a measured number is found among a server's figures."""
    metric, trust, mountpoint = about
    match metric:
        case Metric.MEMORY:
            return memory_of_guest if trust == Trust.GUEST else memory
        case Metric.DISK:
            return disk_reader(trust, mountpoint, seen)
    get = attrgetter(metric.value)
    return lambda server, figures: get(figures)


def memory(server: int, figures: Figures) -> float | None:
    used, total = figures.memory_used, figures.memory_total
    return used / total if used is not None and total else None


def memory_of_guest(server: int, figures: Figures) -> float | None:
    return memory(server, figures) if figures.memory_source == LastSample.Source.GUEST else None


def disk_reader(trust: Trust, mountpoint: str, seen: Observation) -> Read:
    """Of one file system, or of the fullest; as a whole where nobody tells of file systems."""
    fresh = max(FRESH_SECONDS, rulebook.patience())
    oldest = seen.at - fresh if trust == Trust.FRESH else 0
    by_agent = trust == Trust.GUEST or bool(mountpoint)

    def read(server: int, figures: Figures) -> float | None:
        if figures.disk_used is None or not figures.disk_total:
            return None
        if by_agent and figures.disk_source != LastSample.Source.AGENT:
            return None
        if oldest and (figures.disk_measured_at or 0) < oldest:
            return None
        if mountpoint:
            return seen.file_systems.get(server, {}).get(mountpoint)
        return seen.fullest.get(server, figures.disk_used / figures.disk_total)

    return read
