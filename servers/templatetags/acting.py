"""Actions in the words of a page: what, by whom, for how long, how it ended."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from django import template
from django.template import RequestContext
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from servers import action_words
from servers.models import Action, ConsoleRequest, Label, Server
from servers.views import controls

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


@register.inclusion_tag("servers/controls_place.html", takes_context=True)
def controls_of(context: RequestContext, server: Server) -> dict[str, object]:
    """What can be done to a server, on whichever of its pages this is. A page that shows more than
    the controls names in `controls_url` what modules shall fetch in their place."""
    known = {str(name): value for name, value in context.flatten().items()}
    filled = {} if "bar" in known else controls.context_of(server, context["user"])
    url = reverse("server-controls", args=[server.pk])
    return {"controls_url": url, **filled, **known}


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
def asker(asked: ConsoleRequest, viewer: User) -> str:
    """Of the staff that names itself to customers; staff see the address."""
    if asked.asked_by_id == viewer.pk:
        return capfirst(_("you"))
    if viewer.is_staff:
        return asked.asked_by_email
    name = str(asked.asked_by.get_full_name()) if asked.asked_by else ""
    return _("%(name)s of the staff") % {"name": name} if name else _("One of the staff")


@register.filter
def asked_answer(asked: ConsoleRequest) -> str:
    if asked.answer == ConsoleRequest.Answer.WAITING and not asked.open:
        return _("Not answered")
    return str(capfirst(asked.get_answer_display()))


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
def label_query(label: Label | str) -> str:
    """The list's address for what bears this label."""
    return urlencode({"label": str(label)})
