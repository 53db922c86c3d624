"""Being let onto a console by a server's owner: asked for with a reason, allowed for an hour.

Support has no console by itself. The row is the truth; whatever ends a permission has the sockets
looked at anew, so that a console that is open by it closes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import audit, roles
from accounts.audit import SYSTEM, Actor
from accounts.models import User
from servers import live
from servers.access import MayNot, may
from servers.models import ConsoleRequest, Server
from servers.queue import enqueue

Answer = ConsoleRequest.Answer

# Without an answer by then nobody waits any more.
WAITS_FOR = timedelta(hours=24)
ALLOWED_FOR = timedelta(hours=1)
LONGEST_REASON = 500


class BadReason(Exception):
    """No reason, or one that is too long: `str()` says which."""


class Over(Exception):
    """Somebody was quicker, or it has ended."""


@dataclass(frozen=True)
class Standing:
    """Where somebody stands with a server's console: `request` is what they asked for, if that is
    open; `may_ask` where they need the owner's word and have not asked."""

    may_open: bool
    may_ask: bool
    request: ConsoleRequest | None


def standing(person: User, server: Server, *, now: datetime) -> Standing:
    if may(person, server, roles.OPEN_CONSOLE):
        return Standing(may_open=True, may_ask=False, request=None)
    request = open_ones(now).filter(server=server, asked_by=person).first()
    may_ask = person.has_perm(roles.ASK_FOR_CONSOLE)
    allowed = request is not None and request.answer == Answer.ALLOWED
    return Standing(may_ask and allowed, may_ask and request is None, request)


def check(actor: Actor, server: Server, *, now: datetime) -> None:
    """Raises MayNot. On a customer's behalf it takes the right of both."""
    for person in (actor.user, actor.staff):
        if person is not None and not standing(person, server, now=now).may_open:
            raise MayNot(_("Ask its owner for the console first."))


def open_to(person: User, server_ids: Collection[int], *, now: datetime) -> set[int]:
    """Those of the servers whose consoles this person may have open now."""
    visible = Server.objects.visible_to(person).filter(pk__in=server_ids)
    if person.has_perm(roles.OPEN_CONSOLE):
        return set(visible.values_list("pk", flat=True))
    owned = set(visible.filter(owner=person).values_list("pk", flat=True))
    if not person.has_perm(roles.ASK_FOR_CONSOLE):
        return owned
    allowed = open_ones(now).filter(asked_by=person, answer=Answer.ALLOWED, server__in=visible)
    return owned | set(allowed.values_list("server_id", flat=True))


def open_ones(now: datetime) -> QuerySet[ConsoleRequest]:
    """Those that wait or are allowed; what a sweep has not ended yet counts by its time."""
    return ConsoleRequest.objects.filter(open=True, until__gt=now)


def waiting_for(owner: User, *, now: datetime) -> QuerySet[ConsoleRequest]:
    """What waits for this person's word."""
    return (
        open_ones(now)
        .filter(server__owner=owner, server__present=True, answer=Answer.WAITING)
        .select_related("server")
        .order_by("asked_at")
    )


# Changes


def ask(server: Server, reason: str, *, actor: Actor, now: datetime) -> ConsoleRequest:
    """Asked for again while it is open, it is the same one. Raises MayNot, BadReason.

    Where there is no owner to ask, the reason is enough.
    """
    person = actor.user
    if person is None or not person.has_perm(roles.ASK_FOR_CONSOLE):
        raise MayNot(_("Your role does not open consoles of others."))
    reason = reason_of(reason)
    sweep(now)
    with transaction.atomic():
        # Asked for twice at once: the second waits, and finds what the first has made. Whose it is
        # counts as of now: it may have got another owner since it was read.
        owner_id = Server.objects.select_for_update().only("owner_id").get(pk=server.pk).owner_id
        has_owner = owner_id is not None
        before = ConsoleRequest.objects.filter(server=server, asked_by=person, open=True).first()
        if before is not None:
            return before
        request = ConsoleRequest.objects.create(
            server=server,
            asked_by=person,
            owner_id=owner_id,
            asked_by_email=person.email,
            reason=reason,
            asked_at=now,
            until=now + (WAITS_FOR if has_owner else ALLOWED_FOR),
            answer=Answer.WAITING if has_owner else Answer.ALLOWED,
            answered_at=None if has_owner else now,
        )
        note(request, "console.asked", actor=actor, now=now, reason=reason)
        if has_owner:
            enqueue("alerts.tell_console_request", request_id=request.pk)
        else:
            note(request, "console.allowed", actor=SYSTEM, now=now, why="no_owner")
        publish([request.server_id])
    return request


def reason_of(text: str) -> str:
    """One line of plain text. Raises BadReason."""
    reason = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not reason:
        raise BadReason(_("Say why: its owner reads it."))
    if len(reason) > LONGEST_REASON:
        raise BadReason(_("It must have at most %(most)s characters.") % {"most": LONGEST_REASON})
    return reason


def answer(request: ConsoleRequest, *, allow: bool, actor: Actor, now: datetime) -> None:
    """By the owner alone, in person. The same word again, as by a second press, changes nothing.
    Raises MayNot; Over where it does not wait any more."""
    if actor.user is None or actor.user.pk != request.server.owner_id or actor.staff is not None:
        raise MayNot(_("That is for the server's owner to say."))
    with transaction.atomic():
        decided = (
            open_ones(now)
            .filter(pk=request.pk, answer=Answer.WAITING, server__owner=actor.user)
            .update(
                answer=Answer.ALLOWED if allow else Answer.DENIED,
                answered_by=actor.user,
                answered_at=now,
                until=now + ALLOWED_FOR if allow else now,
                open=True if allow else None,
            )
        )
        if not decided:
            word = Answer.ALLOWED if allow else Answer.DENIED
            said = ConsoleRequest.objects.filter(
                pk=request.pk, answered_by=actor.user, answer=word
            )
            if (said & open_ones(now) if allow else said).exists():
                return
            raise Over
        note(request, "console.allowed" if allow else "console.denied", actor=actor, now=now)
        publish([request.server_id])


def end(request: ConsoleRequest, *, actor: Actor, now: datetime) -> None:
    """Taken back: by the owner, or by who asked. Raises MayNot, Over."""
    person = actor.user
    if person is None or person.pk not in (request.server.owner_id, request.asked_by_id):
        raise MayNot(_("That is for the server's owner to say."))
    by = "owner" if person.pk == request.server.owner_id else "who_asked"
    if not end_all(open_ones(now).filter(pk=request.pk), by, actor=actor, now=now):
        raise Over


def owner_changed(server_ids: Iterable[int], *, actor: Actor, now: datetime) -> None:
    """What one owner allowed, the next did not. In the transaction of the change."""
    found = ConsoleRequest.objects.filter(open=True, server__in=list(server_ids))
    end_all(found, "owner_changed", actor=actor, now=now)


def sweep(now: datetime) -> int:
    """Ends those whose time is over; returns how many."""
    over = ConsoleRequest.objects.filter(open=True, until__lte=now)
    return end_all(over, "time", actor=SYSTEM, now=now)


def end_all(requests: QuerySet[ConsoleRequest], why: str, *, actor: Actor, now: datetime) -> int:
    found = list(requests)
    if not found:
        return 0
    with transaction.atomic():
        ended = [each for each in found if end_one(each, why, actor=actor, now=now)]
        publish({each.server_id for each in ended})
    return len(ended)


def end_one(request: ConsoleRequest, why: str, *, actor: Actor, now: datetime) -> bool:
    mine = ConsoleRequest.objects.filter(pk=request.pk, open=True)
    if not mine.update(open=None, until=min(request.until, now)):
        return False
    note(request, "console.permission_ended", actor=actor, now=now, why=why)
    return True


def publish(server_ids: Iterable[int]) -> None:
    """Pages get what they show of it anew, and sockets that were open by it are looked at."""
    for server_id in server_ids:
        live.publish([live.consoles_event(server_id), {"type": "access", "server": server_id}])


def note(
    request: ConsoleRequest, event: str, *, actor: Actor, now: datetime, **details: object
) -> None:
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="server",
        object_id=request.server_id,
        details={"request": request.pk, "asked_by": request.asked_by_email, **details},
    )
