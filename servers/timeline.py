"""What happened to a server at which time, as its charts mark it. Each app tells its own part."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from servers import action_words
from servers.models import Action, Server
from servers.templatetags.acting import outcome, who

# Of each kind within one window: more would be a wall of marks.
MOST = 200


@dataclass(frozen=True)
class Happening:
    """`until` is None while it lasts, and `at` of what was over at once. `outcome` is good,
    info, warning, critical or running; `address` is where it is told in full. `action` is the id
    of the action that it is, or that made it."""

    kind: Literal["action", "alert", "snapshot"]
    at: datetime
    until: datetime | None
    outcome: str
    title: str
    detail: str
    address: str
    action: int | None = None


def actions_of(
    server: Server, viewer: User, *, start: datetime, end: datetime
) -> tuple[list[Happening], bool]:
    """Those that were under way at some time between; and whether there were too many for all."""
    found = list(
        Action.objects.visible_to(viewer)
        .filter(Q(finished_at=None) | Q(finished_at__gte=start), server=server)
        .filter(requested_at__lt=end)
        .order_by("-requested_at", "-id")[: MOST + 1]
    )
    address = reverse("server-history", args=[server.pk])
    return [
        Happening(
            kind="action",
            at=action.requested_at,
            until=action.finished_at,
            outcome=outcome(action),
            title=action_words.label(action.type),
            detail=" ".join((ending(action), _("by %(who)s") % {"who": who(action, viewer)})),
            address=address,
            action=action.pk,
        )
        for action in found[:MOST]
    ], len(found) > MOST


def ending(action: Action) -> str:
    return action_words.doing(action) if action.active else action_words.sentence(action)
