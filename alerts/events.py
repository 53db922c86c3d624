"""An alert as the API and pages see it, and as it is pushed to them."""

from alerts.models import Alert
from servers import live


def alert_json(alert: Alert) -> dict[str, object]:
    """The JSON form of an alert; times in ISO 8601, units as in alerts.metrics."""
    return {
        "id": alert.pk,
        "server": alert.server_id,
        "rule": alert.rule_id,
        "kind": alert.kind,
        "metric": alert.metric,
        "mountpoint": alert.mountpoint,
        "severity": alert.severity,
        "condition": alert.condition,
        "threshold": alert.threshold,
        "clear_at": alert.clear_at,
        "duration": alert.duration,
        "state": "firing" if alert.active else "ended",
        "since": alert.since.isoformat(),
        "fired_at": alert.fired_at.isoformat(),
        "ended_at": live.iso(alert.ended_at),
        "end_reason": alert.end_reason,
        "value": alert.value,
        "end_value": alert.end_value,
        "detail": alert.detail,
        "acknowledged_at": live.iso(alert.acknowledged_at),
        "found_later": alert.found_later,
    }


def alert_event(alert: Alert) -> live.AlertEvent:
    return {
        "type": "alert",
        "server": alert.server_id,
        "user": alert.owner_id,
        "followers": alert.end_reason != Alert.End.OWNER_CHANGED,
        "alert": alert_json(alert),
    }
