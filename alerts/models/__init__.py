"""The tables of alerts, a module for each kind of thing."""

from alerts.models.alert import Alert, AlertEvent, AlertQuerySet
from alerts.models.channel import AlertPreferences, NotificationChannel
from alerts.models.incident import Incident, MaintenanceWindow
from alerts.models.notification import DeliveryAttempt, Notification
from alerts.models.rule import (
    AlertRule,
    AlertRuleQuerySet,
    AlertStanding,
    Metric,
    Mute,
    RuleBook,
    Severity,
)

__all__ = [
    "Alert",
    "AlertEvent",
    "AlertPreferences",
    "AlertQuerySet",
    "AlertRule",
    "AlertRuleQuerySet",
    "AlertStanding",
    "DeliveryAttempt",
    "Incident",
    "MaintenanceWindow",
    "Metric",
    "Mute",
    "Notification",
    "NotificationChannel",
    "RuleBook",
    "Severity",
]
