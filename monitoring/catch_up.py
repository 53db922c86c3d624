"""After nobody looked for a while: what Proxmox itself recorded meanwhile is judged, and told.

The judge is that of the cycle. Episodes that began and ended while nobody looked become alerts that
are over already, and one digest for each owner; what still lasts is left to the cycle, which fires
it as anything else. Asking is as gentle as the look into guests, whose claim it takes: two calls a
node at once, and no more than a budget of time allows.
"""

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from time import monotonic

from django.db import transaction
from django.db.models import Q

from accounts.models import AuditEntry
from alerts import digests, rulebook
from alerts.judge import OK, Rule, Standing, State
from alerts.metrics import MEASURED, Metric, Trust
from alerts.models import Alert, AlertRule
from monitoring import look
from monitoring.backtest import Episode, episodes_of, moment
from monitoring.claims import claim_look, release_look
from monitoring.evidence import Point
from servers import inventory
from servers.clusters import access_to
from servers.models import Cluster, ClusterToken, Node, Server
from servers.proxmox.errors import ProxmoxDenied, ProxmoxError, ProxmoxUnreachable
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, Recorded, Timeframe
from servers.queue import enqueue

logger = logging.getLogger(__name__)

HOUR, DAY, WEEK = 3600, 86400, 7 * 86400
ROUND_SECONDS = 60.0
MOST_CALLS = 20_000
# Longer than a round with its last answers.
CLAIM_LASTS = timedelta(seconds=120)
# A look that is under way is waited for, not for ever.
TRY_AGAIN = timedelta(seconds=20)
TRIES = 15
# A cluster that does not answer yet, when the panel is back, may be a while.
SILENT = timedelta(minutes=10)
# Proxmox records by the minute, and further back by half an hour.
LEAST_STEP = 60


@dataclass(frozen=True)
class Asked:
    """A server, whose it is, and the rules about what is recorded of it."""

    server: Server
    node: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Away:
    """From when to when nobody looked, in Unix seconds."""

    start: int
    end: int

    @property
    def timeframe(self) -> Timeframe:
        seconds = self.end - self.start
        # Asked a little later than it ended.
        if seconds < HOUR - 600:
            return "hour"
        return "day" if seconds < DAY - HOUR else "week"


def catch_up(
    cluster_id: int, start: int, end: int, *, clock: Callable[[], datetime], tries: int = TRIES
) -> int:
    """Finds out what happened from `start` to `end`; returns how many alerts that were."""
    now = clock()
    away = Away(max(start, end - WEEK), end)
    claim = claim_look(cluster_id, now=now, lasts=CLAIM_LASTS)
    if claim is None:
        later(cluster_id, start, end, delay=TRY_AGAIN, tries=tries)
        return 0
    try:
        cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=cluster_id)
        asked = to_ask(cluster)
        answers = dict(ask(access_to(cluster, ClusterToken.Purpose.READ), asked, away.timeframe))
    except ProxmoxDenied as error:
        logger.warning("%s: %s", cluster_id, error)
        return 0
    finally:
        release_look(cluster_id, claim)
    if asked and not answers and tries > 1:
        later(cluster_id, start, end, delay=SILENT, tries=tries)
        return 0
    unasked = [each for each in asked if each.server.pk not in answers]
    if unasked:
        logger.warning("%s: of %d servers nothing could be found out.", cluster, len(unasked))
    found = store(cluster, [each for each in asked if each.server.pk in answers], answers, away,
                  now=clock())  # fmt: skip
    digests.note_unasked(Counter(each.server.owner_id for each in unasked if each.server.owner_id))
    return found


def later(cluster_id: int, start: int, end: int, *, delay: timedelta, tries: int) -> None:
    if tries > 1:
        enqueue(
            "monitoring.catch_up", delay=delay, cluster_id=cluster_id, start=start, end=end,
            tries=tries - 1,
        )  # fmt: skip


def to_ask(cluster: Cluster) -> list[Asked]:
    """Servers of owners, with rules about what Proxmox records, on nodes that are there."""
    book = rulebook.book()
    servers = list(
        Server.objects.filter(cluster=cluster, present=True, owner__isnull=False)
        .exclude(Q(node=None) | Q(node__status=Node.Status.OFFLINE))
        .select_related("node")
        .order_by("pk")[:MOST_CALLS]
    )
    labelled = rulebook.labels_of(book, {server.owner_id for server in servers})
    found: list[Asked] = []
    for server in servers:
        rules = book.of(server.pk, server.owner_id, labelled).rules
        recorded = tuple(rule for rule in rules if is_recorded(rule, server))
        if recorded and server.node:
            found.append(Asked(server, server.node.name, recorded))
    return found


def is_recorded(rule: Rule, server: Server) -> bool:
    """Of a VM's disk, of single file systems, and of who told, nothing is."""
    if rule.metric not in MEASURED or rule.trust == Trust.GUEST:
        return False
    if rule.metric == Metric.DISK:
        return server.kind == Server.Kind.LXC and not rule.mountpoint
    return True


# Asking


def ask(
    access: Access, asked: Sequence[Asked], timeframe: Timeframe
) -> Iterator[tuple[int, list[Recorded]]]:
    """Node by node, in threads of their own; those that did not answer in time are left out."""
    by_node: dict[str, list[Asked]] = defaultdict(list)
    for each in asked:
        by_node[each.node].append(each)
    deadline = monotonic() + ROUND_SECONDS
    with ThreadPoolExecutor(look.CALLS_AT_ONCE) as pool:
        rounds = []
        for waiting in by_node.values():
            silent = threading.Event()
            rounds += [
                pool.submit(
                    ask_in_turn, access, waiting[at :: look.CALLS_PER_NODE], timeframe, silent,
                    deadline,
                )
                for at in range(look.CALLS_PER_NODE)
            ]  # fmt: skip
        for finished in as_completed(rounds):
            yield from finished.result()


def ask_in_turn(
    access: Access,
    line: Iterable[Asked],
    timeframe: Timeframe,
    silent: threading.Event,
    deadline: float,
) -> list[tuple[int, list[Recorded]]]:
    gateway = Gateway(access)
    answers: list[tuple[int, list[Recorded]]] = []
    for each in line:
        if silent.is_set() or monotonic() > deadline:
            break
        server = each.server
        try:
            recorded = gateway.history(
                node=each.node, kind=server.guest_kind, vmid=server.vmid, timeframe=timeframe
            )
        except ProxmoxUnreachable:
            silent.set()
        except ProxmoxError as error:
            logger.info("%s: its history was not told: %s", server, error)
        else:
            answers.append((server.pk, recorded))
    return answers


# Judging


def store(
    cluster: Cluster,
    asked: Sequence[Asked],
    answers: dict[int, list[Recorded]],
    away: Away,
    *,
    now: datetime,
) -> int:
    with transaction.atomic():
        # Held by cycles as well, and by whoever else does the same.
        inventory.lock(cluster.pk)
        ids = [each.server.pk for each in asked]
        known = alerts_of(ids, away)
        theirs_since = assigned_at(ids, away)
        terms = AlertRule.objects.in_bulk({rule.id for each in asked for rule in each.rules})
        owners = dict(
            Server.objects.filter(pk__in=ids, present=True).values_list("pk", "owner_id")
        )
        alerts = [
            alert_of(each.server, terms[rule.id], episode)
            for each in asked
            # One that changed hands meanwhile is nobody's to be told of.
            if owners.get(each.server.pk) == each.server.owner_id
            for rule in each.rules
            if rule.id in terms
            for episode in missed(
                rule,
                answers[each.server.pk],
                cut(away, terms[rule.id], theirs_since.get(each.server.pk, away.start)),
                known.get((each.server.pk, rule.id), []),
            )
        ]
        digests.store(alerts, now=now)
    return len(alerts)


def alerts_of(servers: Sequence[int], away: Away) -> dict[tuple[int, int | None], list[Alert]]:
    """What is known of that time already, by server and rule."""
    start, end = moment(away.start), moment(away.end)
    found: dict[tuple[int, int | None], list[Alert]] = defaultdict(list)
    rows = Alert.objects.filter(server__in=servers, fired_at__lte=end)
    for alert in rows.filter(Q(active=True) | Q(ended_at__gte=start)):
        found[alert.server_id, alert.rule_id].append(alert)
    return found


def assigned_at(servers: Sequence[int], away: Away) -> dict[int, int]:
    """When those that changed hands in that time did: what was before is not their owner's."""
    entries = AuditEntry.objects.filter(
        event="server.assigned", object_type="server", at__gt=moment(away.start)
    )
    wanted = set(servers)
    return {
        server: int(at.timestamp())
        for server, at in entries.order_by("at").values_list("object_id", "at")
        if server in wanted
    }


def cut(away: Away, rule: AlertRule, theirs_since: int) -> Away:
    """What was before the server was theirs, or the rule was as it is, is left out."""
    made, changed = (int(at.timestamp()) for at in (rule.created_at, rule.updated_at))
    as_it_is = changed if changed <= away.end else made
    return Away(min(away.end, max(away.start, theirs_since, as_it_is)), away.end)


def missed(
    rule: Rule, recorded: Sequence[Recorded], away: Away, known: Sequence[Alert]
) -> Iterator[Episode]:
    """Episodes that began and ended while nobody looked, and are not stored yet."""
    if any(alert.found_later for alert in known):
        # Done before: this message came twice.
        return
    points = points_of(rule, recorded, away)
    step = step_of(points)
    fired_before = any(alert.fired_at <= moment(away.start) for alert in known)
    standing = Standing(State.FIRING, away.start) if fired_before else OK
    patient = rule._replace(no_data=False, patience=max(rule.patience, 3 * step))
    for episode in episodes_of(patient, points, interval=step, end=away.end, standing=standing):
        if episode.ended_at is not None:
            yield episode


def points_of(rule: Rule, recorded: Sequence[Recorded], away: Away) -> list[Point]:
    return [
        (point.time, value_of(rule.metric, point))
        for point in recorded
        if away.start <= point.time <= away.end
    ]


def value_of(metric: Metric, point: Recorded) -> float | None:
    match metric:
        case Metric.MEMORY:
            return fraction(point.mem, point.maxmem)
        case Metric.DISK:
            return fraction(point.disk, point.maxdisk) if point.cpu is not None else None
        case Metric.DISK_READ:
            return point.diskread
        case Metric.DISK_WRITE:
            return point.diskwrite
        case Metric.NETWORK_IN:
            return point.netin
        case Metric.NETWORK_OUT:
            return point.netout
    return point.cpu


def fraction(used: float | None, total: float | None) -> float | None:
    return used / total if used is not None and total else None


def step_of(points: Sequence[Point]) -> int:
    """After an upgrade of Proxmox, minutes and half hours may stand in one answer: the longer."""
    steps = [after - before for (before, _), (after, _) in pairwise(points)]
    return max(LEAST_STEP, sorted(steps)[len(steps) // 2] if steps else LEAST_STEP)


def alert_of(server: Server, rule: AlertRule, episode: Episode) -> Alert:
    return Alert(
        rule=rule,
        server=server,
        owner_id=server.owner_id,
        kind=Alert.Kind.THRESHOLD,
        metric=rule.metric,
        severity=rule.severity,
        condition=rule.condition,
        mountpoint=rule.mountpoint,
        threshold=rule.threshold,
        clear_at=rule.clear_at,
        duration=rule.duration,
        since=moment(episode.since),
        fired_at=moment(episode.fired_at),
        ended_at=moment(episode.ended_at) if episode.ended_at else None,
        end_reason=episode.end_reason,
        value=episode.peak,
    )
