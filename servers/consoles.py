"""Console sessions: one-time tickets, and who had which console open for how long.

The times when a console was last seen open are kept, so that one whose process died is closed with
the time that is true.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from django.db import transaction

from accounts import audit, tokens
from accounts.audit import Actor
from accounts.models import Source, User
from accounts.tokens import Credential
from servers import console_ends, console_requests
from servers.console_ends import End
from servers.facts import Facts
from servers.models import ConsoleSession, Server

Kind = ConsoleSession.Kind

TICKET_LASTS = timedelta(seconds=30)
TICKET_BYTES = 32
LONGEST_TICKET = 64
# Each holds a connection to Proxmox and some of our memory.
MOST_OPEN = 10
SEEN_EVERY = timedelta(seconds=60)
VANISHED_AFTER = 3 * SEEN_EVERY
UNUSED_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Traffic:
    """Bytes to the person and from the person."""

    sent: int = 0
    received: int = 0


def offers(server: Server, facts: Facts | None) -> tuple[Kind, ...]:
    """The consoles that a server has, the usual one first. What is not known may be tried."""
    if server.kind == Server.Kind.LXC:
        return (Kind.TEXT,)
    if facts is None:
        return (Kind.VNC,)
    found = ((Kind.VNC, facts.has_screen), (Kind.TEXT, facts.has_serial))
    return tuple(kind for kind, is_there in found if is_there)


def usual(server: Server, facts: Facts | None) -> Kind:
    """The one to open where none is named; of a server that has none, trying tells why."""
    return next(iter(offers(server, facts)), Kind.VNC)


def lack(kind: Kind, *, has_screen: bool, has_serial: bool) -> End | None:
    """Why there is no console of this kind; None where there is one."""
    if has_screen if kind == Kind.VNC else has_serial:
        return None
    if not has_screen and not has_serial:
        return console_ends.NO_CONSOLE
    return console_ends.NO_SCREEN if kind == Kind.VNC else console_ends.NO_SERIAL


def make_ticket(
    server: Server, user: User, kind: Kind, credential: Credential, actor: Actor, *, now: datetime
) -> tuple[str, ConsoleSession]:
    """The ticket, which is told once and never stored, and its session. Raises MayNot."""
    console_requests.check(actor, server, now=now)
    ticket = token_urlsafe(TICKET_BYTES)
    session = ConsoleSession.objects.create(
        server=server,
        user=user,
        kind=kind,
        source=actor.source,
        address=actor.address,
        ticket_hash=hash_of(ticket),
        session_key=credential.session_key or "",
        api_session=credential.api_session,
        auth_hash=credential.auth_hash,
        staff=actor.staff,
        created_at=now,
        expires_at=now + TICKET_LASTS,
    )
    return ticket, session


def redeem(
    ticket: str, *, user_id: int | None, server_id: int | None, now: datetime
) -> ConsoleSession:
    """Whoever comes second gets nothing. Raises Over.

    A person and a server are given where they are known: they must be the ticket's. The person
    must still be let in, and may still see the server.
    """
    wanted = ConsoleSession.objects.filter(
        ticket_hash=hash_of(ticket[:LONGEST_TICKET]), used_at=None, expires_at__gt=now
    )
    if user_id is not None:
        wanted = wanted.filter(user_id=user_id)
    if server_id is not None:
        wanted = wanted.filter(server_id=server_id)
    found = wanted.first()
    if found is None or not wanted.filter(pk=found.pk).update(used_at=now):
        raise console_ends.Over(console_ends.BAD_TICKET)
    session = ConsoleSession.objects.select_related("user", "staff", "server__node").get(
        pk=found.pk
    )
    if not tokens.still_good([credential_of(session)], now=now):
        raise console_ends.Over(console_ends.SIGNED_OUT)
    hands = [person for person in (session.user, session.staff) if person is not None]
    if not all(console_requests.open_to(each, [session.server_id], now=now) for each in hands):
        raise console_ends.Over(console_ends.NO_ACCESS)
    if open_now(session.user, now=now) >= MOST_OPEN:
        raise console_ends.Over(console_ends.TOO_MANY)
    return session


def credential_of(session: ConsoleSession) -> Credential:
    return Credential(
        session.user_id,
        session.auth_hash,
        session_key=session.session_key or None,
        api_session=session.api_session,
        staff_id=session.staff_id,
        staff_hash=session.staff.get_session_auth_hash() if session.staff else "",
    )


def open_now(user: User, *, now: datetime) -> int:
    seen = ConsoleSession.objects.filter(user=user, closed_at=None, opened_at__isnull=False)
    return seen.filter(seen_at__gt=now - VANISHED_AFTER).count()


def note_opened(session: ConsoleSession, *, now: datetime) -> None:
    with transaction.atomic():
        opened = ConsoleSession.objects.filter(pk=session.pk, opened_at=None).update(
            opened_at=now, seen_at=now
        )
        if opened:
            session.opened_at = now
            record("console.opened", session, now=now)


def note_seen(session: ConsoleSession, *, now: datetime) -> None:
    ConsoleSession.objects.filter(pk=session.pk, closed_at=None).update(seen_at=now)


def note_closed(
    session: ConsoleSession, end: End, *, now: datetime, traffic: Traffic | None = None
) -> bool:
    """Ends the session, once. One that never opened ends without an entry."""
    with transaction.atomic():
        closed = ConsoleSession.objects.filter(pk=session.pk, closed_at=None).update(
            closed_at=now, close_reason=end.reason
        )
        if closed and session.opened_at is not None:
            details: dict[str, object] = {
                "seconds": max(0, round((now - session.opened_at).total_seconds())),
                "reason": end.reason,
            }
            if traffic is not None:
                details |= {"bytes_sent": traffic.sent, "bytes_received": traffic.received}
            record("console.closed", session, now=now, **details)
    return bool(closed)


def close_orphans(*, now: datetime) -> int:
    """Ends sessions whose process died, with the time at which they were last seen open; forgets
    tickets that nobody used. Returns how many were ended."""
    still_open = ConsoleSession.objects.filter(opened_at__isnull=False, closed_at=None)
    vanished = still_open.filter(seen_at__lt=now - VANISHED_AFTER).select_related("user")
    ended = sum(
        note_closed(session, console_ends.VANISHED, now=session.seen_at or now)
        for session in vanished
    )
    unused = ConsoleSession.objects.filter(opened_at=None, expires_at__lt=now - UNUSED_KEPT)
    unused.delete()
    return ended


def record(event: str, session: ConsoleSession, *, now: datetime, **details: object) -> None:
    actor = Actor(session.user, Source(session.source), session.address, session.staff)
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="server",
        object_id=session.server_id,
        details={"session": session.pk, "kind": session.kind, **details},
    )


def hash_of(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()
