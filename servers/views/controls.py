"""What may be done to a server, what is being done to it, and how the last thing ended.

One piece of a page tells all of it; modules fetch that piece anew whenever something changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import get_random_string

from accounts.models import User
from servers import action_words, console_requests, operations, power
from servers.models import Action, ConsoleRequest, Server
from servers.operations import Offers
from servers.power import Refusal
from servers.views.door import of_server, person

RECENT = 10
# For so long the end of an action stands beside the buttons; the history keeps it.
TOLD_FOR = timedelta(minutes=10)
KEY_LENGTH = 24
# In sight where there is room, in this order; everything else is in the menu.
FIRST = (power.START, power.SHUTDOWN, power.REBOOT)
ICONS = {
    power.START: "play",
    power.SHUTDOWN: "shutdown",
    power.REBOOT: "restart",
    power.STOP: "plug",
    power.RESET: "bolt",
    power.SUSPEND: "pause",
    power.RESUME: "play",
}


@dataclass(frozen=True)
class Button:
    """`why_not` is empty where it can be pressed; `asks` is whether it asks once more."""

    type: str
    label: str
    icon: str
    why_not: str
    asks: bool


@of_server
def server_controls(request: HttpRequest, server: Server) -> HttpResponse:
    """The piece alone, for modules."""
    return answer(request, server)


def answer(
    request: HttpRequest, server: Server, *, status: int = 200, error: str = ""
) -> HttpResponse:
    context = {**context_of(server, person(request)), "error": error}
    return render(request, "servers/pieces.html", context, status=status)


def context_of(server: Server, viewer: User) -> dict[str, object]:
    recent = list(
        Action.objects.visible_to(viewer)
        .filter(server=server)
        .select_related("requested_by")[:RECENT]
    )
    active = next((action for action in recent if action.active), None)
    offers = operations.offers(server, active, viewer)
    last = None if active else ended_lately(recent, now=datetime.now(UTC))
    return {
        "server": server,
        **buttons_of(server, offers),
        "lock_reason": action_words.lock_words(server.lock) if server.lock else "",
        "active": active,
        "last": last,
        "can_cut": can_cut(offers, last),
        "recent": recent,
        "console_asked": console_asked(server, viewer),
        "password_is_pending": operations.password_is_pending(server),
        "reboot_is_offered": offers.refusals[power.REBOOT] is None
        and not was_started(server, last),
        "key": new_key(),
    }


def console_asked(server: Server, viewer: User) -> list[ConsoleRequest]:
    """What its owner has to say something to, and what the viewer asked for."""
    asked = console_requests.open_ones(datetime.now(UTC)).filter(server=server)
    if server.owner_id != viewer.pk:
        asked = asked.filter(asked_by=viewer)
    return list(asked.select_related("asked_by").order_by("asked_at"))


def new_key() -> str:
    """What a form is sent with, so that sending it twice does nothing twice."""
    return get_random_string(KEY_LENGTH)


def ended_lately(actions: list[Action], *, now: datetime) -> Action | None:
    """The last one that ended, while it is news."""
    ended = next((action for action in actions if action.finished_at), None)
    if ended is None or ended.finished_at is None:
        return None
    return ended if now - ended.finished_at < TOLD_FOR else None


def can_cut(offers: Offers, last: Action | None) -> bool:
    """Whether pulling the plug is what is left: the guest did not do what it was asked to."""
    ignored = last is not None and last.error_code == "guest_ignored_it"
    return ignored and offers.refusals[power.STOP] is None


def was_started(server: Server, last: Action | None) -> bool:
    """Whether what waits for a start has just had one, which the next sample will tell."""
    if last is None or server.password_set_at is None:
        return False
    starts = last.type in (power.START, power.REBOOT) and last.status == Action.Status.SUCCESS
    return starts and last.requested_at > server.password_set_at


def buttons_of(server: Server, offers: Offers) -> dict[str, object]:
    """Those in sight and those in the menu. Of starting and resuming one is in sight."""
    verbs = [type for type in power.VERBS if type in offers.refusals]
    first = list(FIRST)
    if server.status == Server.Status.PAUSED and power.RESUME in verbs:
        first[0] = power.RESUME
    return {
        "bar": [button(type, offers.refusals) for type in first],
        "menu": [
            (button(type, offers.refusals), type in first)
            for type in [*first, *(type for type in verbs if type not in first)]
        ],
    }


def button(type: str, refusals: Mapping[str, Refusal | None]) -> Button:
    return Button(
        type=type,
        label=action_words.label(type),
        icon=ICONS[type],
        why_not=action_words.reason(refusals[type]),
        asks=type in action_words.CONSEQUENCES,
    )
