"""A ticket opens one console once, within seconds, for one person and one server."""

from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from servers import console_ends, consoles, ownership
from servers.console_ends import Over
from servers.facts import Facts
from servers.models import ConsoleSession, Server
from tests.consoles.conftest import session_key_of, ticket_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(alice, clock, db):
    from servers.models import Cluster

    cluster = Cluster.objects.create(name="fra1")
    return Server.objects.create(
        cluster=cluster, kind="qemu", vmid=100, name="web1", owner=alice, status="running",
        status_since=clock(),
    )  # fmt: skip


def redeem(ticket, *, now, user_id=None, server_id=None):
    return consoles.redeem(ticket, user_id=user_id, server_id=server_id, now=now)


def refusal(ticket, **known):
    with pytest.raises(Over) as raised:
        redeem(ticket, **known)
    return raised.value.end


def test_it_is_stored_as_a_hash_alone(server, alice, clock):
    ticket, session = ticket_for(server, alice, now=clock())
    session.refresh_from_db()
    stored = [str(getattr(session, field.attname)) for field in session._meta.fields]
    assert len(ticket) >= 43
    assert not any(ticket in value for value in stored)


def test_it_is_good_once(server, alice, clock):
    ticket, session = ticket_for(server, alice, now=clock())
    assert redeem(ticket, now=clock()).pk == session.pk
    assert refusal(ticket, now=clock()) is console_ends.BAD_TICKET


def test_it_is_good_for_seconds(server, alice, clock):
    ticket, _ = ticket_for(server, alice, now=clock())
    assert refusal(ticket, now=clock.pass_by(30)) is console_ends.BAD_TICKET


def test_it_is_the_persons_own(server, alice, bob, clock):
    ticket, _ = ticket_for(server, alice, now=clock())
    assert refusal(ticket, now=clock(), user_id=bob.pk) is console_ends.BAD_TICKET
    # Somebody else's try does not use it up.
    assert redeem(ticket, now=clock(), user_id=alice.pk)


def test_it_is_for_its_server(server, alice, clock):
    ticket, _ = ticket_for(server, alice, now=clock())
    assert refusal(ticket, now=clock(), server_id=server.pk + 1) is console_ends.BAD_TICKET
    assert redeem(ticket, now=clock(), server_id=server.pk)


def test_a_made_up_one_is_nothing(server, clock):
    for made_up in ("", "x", "x" * 10_000, "é" * 43):
        assert refusal(made_up, now=clock()) is console_ends.BAD_TICKET


@pytest.mark.parametrize("loses", ["server", "sign-in", "password", "account"])
def test_whoever_lost_access_meanwhile_gets_nothing(loses, server, alice, bob, clock):
    key = session_key_of(alice)
    ticket, _ = ticket_for(server, alice, now=clock(), session_key=key)
    if loses == "server":
        ownership.assign([server], bob, actor=consoles.Actor(None, "system"), now=clock())
    elif loses == "sign-in":
        from django.contrib.sessions.models import Session

        Session.objects.filter(session_key=key).delete()
    elif loses == "password":
        alice.set_password("another one")
        alice.save()
    else:
        alice.is_active = False
        alice.save()
    expected = console_ends.NO_ACCESS if loses == "server" else console_ends.SIGNED_OUT
    assert refusal(ticket, now=clock()) is expected


def test_nobody_has_more_than_ten_open(server, alice, clock):
    for _ in range(consoles.MOST_OPEN):
        _, session = ticket_for(server, alice, now=clock())
        consoles.note_opened(session, now=clock())
    ticket, _ = ticket_for(server, alice, now=clock())
    assert refusal(ticket, now=clock()) is console_ends.TOO_MANY
    # Those of a process that died do not count for long.
    later = clock.pass_by(consoles.VANISHED_AFTER.total_seconds())
    ticket, _ = ticket_for(server, alice, now=later)
    assert redeem(ticket, now=later)


def test_the_audit_log_has_person_duration_and_reason(server, alice, clock):
    _, session = ticket_for(server, alice, "text", now=clock())
    consoles.note_opened(session, now=clock())
    clock.pass_by(75)
    traffic = consoles.Traffic(sent=10, received=2)
    assert consoles.note_closed(session, console_ends.IDLE, now=clock(), traffic=traffic)
    assert not consoles.note_closed(session, console_ends.LEFT, now=clock(), traffic=traffic)
    opened, closed = AuditEntry.objects.filter(event__startswith="console.").order_by("pk")
    assert (opened.event, closed.event) == ("console.opened", "console.closed")
    for entry in (opened, closed):
        assert (entry.actor, entry.object_id) == (alice, server.pk)
        assert entry.address == "192.0.2.7"
    assert closed.details == {
        "session": session.pk, "kind": "text", "seconds": 75, "reason": "idle",
        "bytes_sent": 10, "bytes_received": 2,
    }  # fmt: skip


def test_a_session_that_never_opened_is_no_entry(server, alice, clock):
    _, session = ticket_for(server, alice, now=clock())
    consoles.note_closed(session, console_ends.SERVER_OFF, now=clock())
    assert not AuditEntry.objects.filter(event__startswith="console.").exists()


def test_sessions_of_a_dead_process_are_closed_as_of_when_they_were_last_seen(
    server, alice, clock
):
    _, dead = ticket_for(server, alice, now=clock())
    consoles.note_opened(dead, now=clock())
    last = clock.pass_by(60)
    consoles.note_seen(dead, now=last)
    clock.pass_by(240)
    _, living = ticket_for(server, alice, now=clock())
    consoles.note_opened(living, now=clock())

    assert consoles.close_orphans(now=clock()) == 1

    dead.refresh_from_db()
    living.refresh_from_db()
    assert (dead.closed_at, dead.close_reason) == (last, "process_ended")
    assert living.closed_at is None
    assert AuditEntry.objects.get(event="console.closed").details["seconds"] == 60


def test_unused_tickets_are_forgotten(server, alice, clock):
    ticket_for(server, alice, now=clock())
    clock.pass_by(timedelta(days=1, seconds=31).total_seconds())
    consoles.close_orphans(now=clock())
    assert not ConsoleSession.objects.exists()


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        ("lxc", None, ("text",)),
        ("qemu", None, ("vnc",)),
        ("qemu", Facts(has_screen=True), ("vnc",)),
        ("qemu", Facts(has_screen=True, has_serial=True), ("vnc", "text")),
        ("qemu", Facts(has_serial=True), ("text",)),
        ("qemu", Facts(), ()),
    ],
)
def test_what_a_server_offers(kind, facts, expected):
    assert consoles.offers(Server(kind=kind), facts) == expected
