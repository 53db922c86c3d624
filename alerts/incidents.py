"""Faults of the hosts: one incident for staff, one message for each customer they concern."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max, Q, QuerySet

from accounts.models import User
from alerts import destinations, letters, outbox
from alerts.metrics import Metric
from alerts.models import Alert, Incident, MaintenanceWindow, Notification
from servers.models import Cluster

Kind = Incident.Kind
# What is over so soon, staff are not told of.
PATIENCE = timedelta(seconds=60)
# After it is over, until servers are where they will be and what still fires is told on its own.
GRACE = timedelta(seconds=120)
AT_ONCE = 1000
LONGEST_NAME = 128

AWAY = frozenset((Metric.STATE.value, Metric.REACHABILITY.value))
# Which alerts come of which fault; that nothing is measured may come of any.
CAUSES: dict[str, frozenset[str]] = {
    Kind.CLUSTER: AWAY,
    Kind.NODE: AWAY,
    Kind.STORAGE: frozenset(
        (
            Metric.STATE.value, Metric.DISK_READ.value, Metric.DISK_WRITE.value,
            Metric.SNAPSHOT_FAILED.value, Metric.SNAPSHOT_AGE.value,
        )
    ),
}  # fmt: skip


class Fault(NamedTuple):
    """What is at fault now; `servers` tells whom it concerns, asked only when it is new."""

    kind: str
    name: str
    why: str
    node: int | None
    servers: Callable[[], Iterable[int]]


def observe(
    cluster: Cluster, faults: Sequence[Fault], *, kinds: Collection[str], now: datetime
) -> None:
    """These are at fault, of those kinds nothing else is. Call it in a transaction."""
    lasts = Incident.objects.filter(cluster=cluster, active=True)
    known = {(incident.kind, incident.name): incident for incident in lasts}
    for fault in faults:
        # Asked of the database, to which names that differ by case alone may be the same.
        if (
            key_of(fault) not in known
            and not lasts.filter(kind=fault.kind, name=fault.name[:LONGEST_NAME]).exists()
        ):
            begin(cluster, fault, now=now)
    lasting = set(map(key_of, faults))
    for key, incident in known.items():
        if incident.kind in kinds and key not in lasting:
            end(incident, now=now)


def key_of(fault: Fault) -> tuple[str, str]:
    return fault.kind, fault.name[:LONGEST_NAME]


def begin(cluster: Cluster, fault: Fault, *, now: datetime) -> None:
    incident = Incident.objects.create(
        cluster=cluster,
        kind=fault.kind,
        name=fault.name[:LONGEST_NAME],
        node_id=fault.node,
        why=fault.why[:255],
        began_at=now,
        tell_at=max(now + PATIENCE, not_before(cluster, fault, now)),
    )
    through = Incident.servers.through
    through.objects.bulk_create(
        [through(incident_id=incident.pk, server_id=server) for server in fault.servers()],
        batch_size=AT_ONCE,
    )


def not_before(cluster: Cluster, fault: Fault, now: datetime) -> datetime:
    """One that comes and goes is told of once in a while, like an alert."""
    interval = timedelta(seconds=settings.ALERT_MAIL_INTERVAL)
    told = Incident.objects.filter(
        cluster=cluster, kind=fault.kind, name=fault.name[:LONGEST_NAME],
        told_at__gt=now - interval, told_at__lte=now,
    ).aggregate(last=Max("told_at"))["last"]  # fmt: skip
    return now if told is None else told + interval


def end(incident: Incident, *, now: datetime) -> None:
    """What still fires of it is told on its own after a while."""
    ended = Incident.objects.filter(pk=incident.pk, active=True).update(
        active=None, ended_at=now, tell_at=now + GRACE
    )
    if ended:
        Alert.objects.firing().filter(incident=incident).update(told_at=None, tell_at=now + GRACE)


def told_lately(incident: Incident, person: User, now: datetime) -> datetime | None:
    """When this person was told that the same host was at fault before, within the interval."""
    told = Notification.objects.filter(
        recipient=person, kind=Notification.Kind.FAULT, created_at__lte=now,
        created_at__gt=now - timedelta(seconds=settings.ALERT_MAIL_INTERVAL),
        incident__cluster=incident.cluster_id, incident__kind=incident.kind,
        incident__name=incident.name,
    ).exclude(incident=incident.pk)  # fmt: skip
    last: datetime | None = told.aggregate(last=Max("created_at"))["last"]
    return last


def covering(servers: Iterable[int]) -> dict[int, list[Incident]]:
    """The open incidents that concern each of these servers."""
    ids = list(servers)
    found: dict[int, list[Incident]] = {}
    through = Incident.servers.through.objects.filter(incident__active=True, server__in=ids)
    for row in through.select_related("incident"):
        found.setdefault(row.server_id, []).append(row.incident)
    return found


def cause_of(alert: Alert, incidents: Iterable[Incident]) -> Incident | None:
    """The fault that this alert most likely comes of: the widest."""
    order = [Kind.CLUSTER.value, Kind.NODE.value, Kind.STORAGE.value]
    for incident in sorted(incidents, key=lambda each: order.index(each.kind)):
        if alert.kind == Alert.Kind.NO_DATA or alert.metric in CAUSES[incident.kind]:
            return incident
    return None


def due(now: datetime) -> "QuerySet[Incident]":
    return Incident.objects.filter(tell_at__lte=now).select_related("cluster", "node")


def put_off(incident: Incident, *, now: datetime) -> None:
    """Something about it is odd; it is tried again."""
    Incident.objects.filter(pk=incident.pk, tell_at=incident.tell_at).update(
        tell_at=now + PATIENCE
    )


def tell(incident: Incident, *, now: datetime) -> None:
    mine = Incident.objects.filter(
        pk=incident.pk, active=incident.active, tell_at=incident.tell_at
    )
    until = under_work(incident, now)
    if incident.active and until:
        mine.update(tell_at=until)
    elif incident.active:
        if mine.update(tell_at=None, told_at=now):
            for person in staff_to_tell():
                send(Notification.Kind.INCIDENT, person, incident, now=now)
    elif mine.update(tell_at=None):
        tell_of_end(incident, now=now)


def under_work(incident: Incident, now: datetime) -> datetime | None:
    """Until when staff work on it, and so know."""
    windows = open_windows(now).filter(
        Q(cluster=incident.cluster_id) | Q(node=incident.node_id, node__isnull=False)
    )
    return max((window.ends_at for window in windows), default=None)


def open_windows(now: datetime) -> "QuerySet[MaintenanceWindow]":
    return MaintenanceWindow.objects.filter(starts_at__lte=now, ends_at__gt=now)


def staff_to_tell() -> "QuerySet[User]":
    wants = Q(alert_preferences=None) | Q(alert_preferences__incidents=True)
    return User.objects.filter(wants, is_staff=True, is_active=True)


def tell_of_end(incident: Incident, *, now: datetime) -> None:
    """Those who were told that it began; customers where their own servers were concerned."""
    for kind, over in (
        (Notification.Kind.INCIDENT, Notification.Kind.INCIDENT_OVER),
        (Notification.Kind.FAULT, Notification.Kind.FAULT_OVER),
    ):
        first = Notification.objects.filter(incident=incident, kind=kind, recipient__isnull=False)
        for notification in first.select_related("recipient", "channel"):
            if notification.recipient is not None:
                reply(notification, over, incident, now=now)


def reply(
    first: Notification, kind: Notification.Kind, incident: Incident, *, now: datetime
) -> None:
    person = first.recipient
    if person is None:
        return
    alerts = list(first.alerts.select_related("server"))
    letter = letters.compose(kind, person, alerts=alerts, incident=incident, now=now)
    outbox.tell(
        person,
        subject=letter.subject,
        body=letter.body,
        key=f"{kind}-{incident.pk}-{person.pk}-{first.channel_id or 0}",
        kind=kind,
        channel=first.channel,
        alerts=alerts,
        incident=incident,
        after=first,
        now=now,
    )


def send(kind: Notification.Kind, person: User, incident: Incident, *, now: datetime) -> None:
    """To where this person is told of everything."""
    letter = letters.compose(kind, person, alerts=[], incident=incident, now=now)
    for channel in destinations.usable(person, [], now=now):
        outbox.tell(
            person,
            subject=letter.subject,
            body=letter.body,
            key=f"{kind}-{incident.pk}-{person.pk}-{channel.pk}",
            kind=kind,
            channel=channel,
            incident=incident,
            now=now,
        )
