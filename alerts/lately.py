"""What an owner was told before, of an alert and of others of its rule and server."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max

from accounts.models import User
from alerts.decide import FLAPPING_WITHIN
from alerts.models import Alert, Notification

# What tells that an alert fires; of its recovery is told where these went.
FIRSTS = (
    Notification.Kind.FIRED, Notification.Kind.FLAPPING, Notification.Kind.REMINDER
)  # fmt: skip


@dataclass(frozen=True)
class Episodes:
    """Of a rule on a server: when its owner was told last, if lately, and how often it fired."""

    last_told: datetime | None = None
    lately: int = 0


def episodes_of(
    owner: User, servers: set[int], now: datetime
) -> dict[tuple[int, int | None], Episodes]:
    """By server and rule. What an owner before was told is nothing to this one."""
    # What a clock that ran ahead has left in the future counts for nothing.
    recently = now - timedelta(seconds=settings.ALERT_MAIL_INTERVAL)
    told = (
        Alert.objects.filter(owner=owner, server__in=servers)
        .filter(told_at__gt=recently, told_at__lte=now)
        .values_list("server_id", "rule_id")
        .annotate(last=Max("told_at"))
        .order_by()
    )
    last = {(server, rule): at for server, rule, at in told}
    lately = (
        Alert.objects.filter(owner=owner, server__in=servers, fired_at__gt=now - FLAPPING_WITHIN)
        .values_list("server_id", "rule_id")
        .annotate(count=Count("pk"))
        .order_by()
    )
    counts = {(server, rule): count for server, rule, count in lately}
    return {
        key: Episodes(last.get(key), counts.get(key, 0)) for key in last.keys() | counts.keys()
    }


def firsts_of(alerts: Iterable[int]) -> dict[int, list[Notification]]:
    """By alert, what told of it that may still arrive, the newest of each channel."""
    ids = list(alerts)
    if not ids:
        return {}
    told = (
        Notification.alerts.through.objects.filter(alert__in=ids, notification__kind__in=FIRSTS)
        .exclude(notification__status=Notification.Status.GIVEN_UP)
        .select_related("notification__channel")
        .defer("notification__body")
        .order_by("notification_id")
    )
    found: dict[int, dict[int | None, Notification]] = defaultdict(dict)
    for row in told:
        found[row.alert_id][row.notification.channel_id] = row.notification
    return {alert: list(by_channel.values()) for alert, by_channel in found.items()}


def is_of_fault(alert: Alert) -> bool:
    """Whether the end of the host's fault tells of its end: not where it outlasted that, and was
    told on its own."""
    incident = alert.incident
    if incident is None:
        return False
    return not (alert.told_at and incident.ended_at and alert.told_at >= incident.ended_at)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other
