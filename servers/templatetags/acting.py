"""Actions in the words of a page: what, by whom, for how long, how it ended."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from django import template
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from servers import action_words
from servers.models import Action, Label

register = template.Library()

OUTCOMES = {
    Action.Status.PENDING: "running",
    Action.Status.RUNNING: "running",
    Action.Status.SUCCESS: "good",
    Action.Status.FAILED: "critical",
    Action.Status.LOST: "warning",
}

register.filter("sentence", action_words.sentence)
register.filter("doing", action_words.doing)
register.filter("own_words", action_words.details)


@register.filter
def action_label(type: str) -> str:
    return action_words.label(type)


@register.filter
def outcome(action: Action) -> str:
    """running, good, critical or warning: for its mark."""
    return OUTCOMES[Action.Status(action.status)]


@register.filter
def who(action: Action, viewer: User) -> str:
    """Customers are not told which of the staff it was, nor who had the server before them."""
    if action.requested_by_id == viewer.pk:
        return _("you")
    if viewer.is_staff:
        return action.requested_by_email or _("the panel")
    if action.by_staff:
        return _("staff")
    return _("a former owner") if action.requested_by_email else _("the panel")


@register.filter
def source(action: Action) -> str:
    return capfirst(action.get_source_display())


@register.filter
def elapsed(since: datetime) -> int:
    """Seconds that it runs; static/js/controls.js counts on."""
    return max(0, int((datetime.now(UTC) - since).total_seconds()))


@register.filter
def took(action: Action) -> int | None:
    if action.finished_at is None:
        return None
    return max(0, int((action.finished_at - action.requested_at).total_seconds()))


@register.filter
def steps_done(action: Action) -> Iterable[tuple[str, int | None]]:
    """The steps before the present one, with how long each took."""
    return [(step_label(str(step["step"])), seconds_of(step)) for step in action.steps]


STEPS = {"destroy": "delete", "agent": "password.reset", "cloud_init": "password.reset"}


def step_label(step: str) -> str:
    return action_words.label(STEPS.get(step, step))


def seconds_of(step: dict[str, str | None]) -> int | None:
    begun, over = step.get("started_at"), step.get("finished_at")
    if not begun or not over:
        return None
    return int((datetime.fromisoformat(over) - datetime.fromisoformat(begun)).total_seconds())


@register.filter
def log_lines(action: Action) -> list[str]:
    return action.log.splitlines()[-12:]


@register.filter
def label_query(label: Label) -> str:
    """The list's address for what bears this label."""
    return urlencode({"label": str(label)})
