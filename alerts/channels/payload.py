"""A notification as programs read it. docs/alerts.md describes it; fields are only ever added."""

from datetime import datetime

from alerts.channels.base import Message
from alerts.models import Alert, Notification

Json = dict[str, object]


def of(message: Message) -> Json:
    notification = message.notification
    return {
        "id": message.event,
        "type": notification.kind,
        "created_at": stamp(notification.created_at),
        "subject": notification.subject,
        "text": notification.body,
        "alerts": [of_alert(alert) for alert in alerts_of(notification)],
    }


def alerts_of(notification: Notification) -> list[Alert]:
    """Those of the recipient's, whoever else's have come to be in there."""
    person = notification.recipient_id
    mine = notification.alerts.filter(owner=person, server__owner=person)
    return list(mine.select_related("server").order_by("pk"))


def of_alert(alert: Alert) -> Json:
    return {
        "id": alert.pk,
        "rule": alert.rule_id,
        "server": {"id": alert.server_id, "name": alert.server.name},
        "kind": alert.kind,
        "metric": alert.metric,
        "mountpoint": alert.mountpoint,
        "condition": alert.condition,
        "threshold": alert.threshold,
        "clear_at": alert.clear_at,
        "duration": alert.duration,
        "severity": alert.severity,
        "since": stamp(alert.since),
        "fired_at": stamp(alert.fired_at),
        "ended_at": stamp(alert.ended_at),
        "end_reason": alert.end_reason or None,
        "value": alert.value,
        "end_value": alert.end_value,
        "detail": alert.detail,
    }


def stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
