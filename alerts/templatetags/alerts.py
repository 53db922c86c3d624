"""Alerts and rules in the words of a page."""

from datetime import UTC, datetime

from django import template
from django.db.models import Count, F, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from alerts import failings, rule_words, wording
from alerts.channels import CHANNELS
from alerts.models import Alert, Notification, Severity
from servers.models import Label, Server

register = template.Library()

register.filter("condition", rule_words.condition_of)
register.filter("end_reason", wording.end_reason)
register.filter("span", wording.duration)
register.filter("scope", rule_words.scope_of)
register.filter("sentence", rule_words.sentence)
register.filter("channel_name", rule_words.name_of)
register.filter("where", rule_words.where)

ICONS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}
CHANNEL_ICONS = {"mail": "mail", "webhook": "link", "telegram": "chat"}
MOST_LABELS = 2000
# How a notification stands, as the mark before it.
OUTCOMES = {
    Notification.Status.SENT: "good",
    Notification.Status.GIVEN_UP: "critical",
    Notification.Status.FAILED: "warning",
}
# How long something is muted, hours; nought is until it is taken back.
MUTES = (
    (1, gettext_lazy("for 1 hour")),
    (24, gettext_lazy("for 24 hours")),
    (168, gettext_lazy("for 7 days")),
    (0, gettext_lazy("until I take it back")),
)


@register.filter
def severity_icon(severity: str) -> str:
    return ICONS.get(Severity(severity), "info")


@register.filter
def severity_label(severity: str) -> str:
    return capfirst(str(Severity(severity).label))


@register.filter
def value_of(alert: Alert) -> str:
    """What was measured when it fired, with where; empty where a number tells nothing."""
    if alert.value is None or alert.threshold is None:
        return alert.detail
    text = wording.value_text(alert.metric, alert.value)
    return f"{text} ({alert.detail})" if alert.detail and not alert.mountpoint else text


@register.filter
def lasted(alert: Alert) -> str:
    return wording.lasted(alert, datetime.now(UTC))


@register.filter
def by_whom(person: User | None, viewer: User) -> str:
    """Customers are not told which of the staff it was."""
    if person is None:
        return _("somebody")
    if person.pk == viewer.pk:
        return _("you")
    if viewer.is_staff:
        return person.email
    return _("staff") if person.is_staff else person.email


@register.simple_tag
def mute_times() -> tuple[tuple[int, object], ...]:
    return MUTES


@register.filter
def channel_icon(kind: str) -> str:
    return CHANNEL_ICONS.get(kind, "bell")


@register.filter
def channel_kind(kind: str) -> str:
    """In words; as it is where a channel of that kind is known no more."""
    return str(CHANNELS[kind].label) if kind in CHANNELS else kind


@register.filter
def outcome_of(notification: Notification) -> str:
    return OUTCOMES.get(Notification.Status(notification.status), "running")


@register.simple_tag
def firing_by_server(servers: list[Server]) -> dict[int, int]:
    """How many alerts fire at each of these servers, in one query."""
    counts = (
        Alert.objects.firing()
        .filter(server__in=[server.pk for server in servers])
        .filter(Q(owner=None) | Q(owner=F("server__owner")))
        .order_by()
        .values_list("server_id")
        .annotate(Count("pk"))
    )
    return dict(counts)


@register.filter
def said(words: str) -> str:
    """Why something failed: what is of ours in the language of now."""
    return failings.shown(words)


@register.simple_tag
def alerting_labels(user: User) -> set[str]:
    """The labels, as `env=prod`, of this person's servers at which an alert fires."""
    firing = Alert.objects.firing().filter(Q(owner=None) | Q(owner=F("server__owner")))
    mine = Server.objects.visible_to(user).filter(pk__in=firing.order_by().values("server_id"))
    labels = Label.objects.filter(server__in=mine.order_by().values("pk"))
    return {str(label) for label in labels.order_by().only("key", "value")[:MOST_LABELS]}


@register.filter
def at(found: dict[int, int], key: int) -> int:
    return found.get(key, 0)
