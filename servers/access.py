"""The only door to a server for anybody: pages, API and websocket come through here."""

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from accounts.audit import Actor
from accounts.models import User
from servers.models import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class MayNot(PermissionDenied):
    """Who may see the server, but not do this: `str()` says so."""


def server_for(user: "User | AnonymousUser", server_id: int) -> Server:
    """The server if this person may see it, else Server.DoesNotExist, which is a 404.

    Whether it belongs to somebody else or does not exist makes no difference to who asks.
    """
    return (
        Server.objects.visible_to(user).select_related("cluster", "last_sample").get(pk=server_id)
    )


def may(user: "User | AnonymousUser", server: Server, permission: str) -> bool:
    """Whether this person, who may see it, may do this to it: one's own is one's own, on that of
    others the role decides (accounts.roles)."""
    is_own = user.pk is not None and server.owner_id == user.pk
    return is_own or user.has_perm(permission)


def why_not(user: "User | AnonymousUser", server: Server, permission: str) -> str:
    """A sentence where the person's role does not allow it, else empty."""
    return "" if may(user, server, permission) else refusal_words()


def refusal_words() -> str:
    return _("Your role lets you look at servers of others, but not do this.")


def check(actor: Actor, server: Server, permission: str) -> None:
    """Raises MayNot. What the panel does by itself, by a schedule or a command, asks nobody.

    Acting on a customer's behalf takes the right of both: it gives nobody more than their role.
    """
    for person in (actor.user, actor.staff):
        if person is not None and not may(person, server, permission):
            raise MayNot(refusal_words())
