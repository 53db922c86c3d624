"""Support and consoles: asked for with a reason, the owner's word, and how a permission ends."""

from datetime import timedelta

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry, Source, User
from alerts import console_letters
from alerts.models import Notification
from servers import console_requests, hub, ownership
from servers.access import MayNot
from servers.models import ConsoleRequest, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def support(db):
    return User.objects.create_user("support@example.com", "long enough", role="support")


def by(person, **more):
    return Actor(person, Source.WEB, **more)


@pytest.fixture
def asked(server, support, clock):
    return console_requests.ask(server, "It does not boot", actor=by(support), now=clock())


def may_open(person, server, now):
    standing = console_requests.standing(person, server, now=now).may_open
    opens = bool(console_requests.open_to(person, [server.pk], now=now))
    assert standing == opens
    return standing


class TestWhoNeedsAWord:
    @pytest.mark.parametrize(
        ("role", "opens"), [("support", False), ("operator", True), ("admin", True)]
    )
    def test_by_role(self, role, opens, server, clock):
        person = User.objects.create_user("s@example.com", "long enough", role=role)
        assert may_open(person, server, clock()) is opens

    def test_the_owner_and_nobody_else(self, server, alice, bob, clock):
        assert may_open(alice, server, clock())
        assert not may_open(bob, server, clock())

    def test_support_s_own_servers_are_theirs(self, server, support, clock):
        ownership.assign([server], support, actor=SYSTEM, now=clock())
        server.refresh_from_db()
        assert may_open(support, server, clock())

    def test_on_behalf_it_takes_the_right_of_both(self, server, alice, support, clock):
        console_requests.check(by(alice), server, now=clock())
        with pytest.raises(MayNot):
            console_requests.check(by(alice, staff=support), server, now=clock())


class TestAsking:
    def test_opens_nothing_yet_and_has_the_owner_told(
        self, server, support, sent, clock, committed
    ):
        with committed():
            request = console_requests.ask(server, " a \n b ", actor=by(support), now=clock())
        assert not may_open(support, server, clock())
        assert request.reason == "a b"
        assert [(m.name, m.arguments) for m in sent] == [
            ("alerts.tell_console_request", {"request_id": request.pk})
        ]
        assert AuditEntry.objects.get(event="console.asked").actor == support

    def test_the_mail_says_why_and_where(self, asked, alice, server, clock):
        console_letters.tell(asked.pk, now=clock())
        console_letters.tell(asked.pk, now=clock())
        mail = Notification.objects.get()
        assert mail.recipient == alice
        assert "It does not boot" in mail.body
        assert f"/servers/{server.pk}/console/requests/" in mail.body

    def test_no_mail_once_it_is_answered(self, asked, alice, clock):
        console_requests.answer(asked, allow=False, actor=by(alice), now=clock())
        console_letters.tell(asked.pk, now=clock())
        assert not Notification.objects.exists()

    def test_again_is_the_same(self, asked, server, support, clock):
        again = console_requests.ask(server, "again", actor=by(support), now=clock())
        assert again == asked

    def test_whose_server_it_is_counts_as_of_now(self, server, support, alice, bob, clock):
        """Read before it was assigned: nobody is let in without the new owner's word."""

        def assign(person):
            ownership.assign(
                Server.objects.filter(pk=server.pk), person, actor=SYSTEM, now=clock()
            )

        for before, now_theirs in ((None, alice), (alice, bob)):
            assign(before)
            as_read = Server.objects.get(pk=server.pk)
            assign(now_theirs)
            asked = console_requests.ask(as_read, "please", actor=by(support), now=clock())
            assert (asked.owner_id, asked.answer) == (
                now_theirs.pk,
                console_requests.Answer.WAITING,
            )
            assert not may_open(support, server, clock())

    @pytest.mark.parametrize("reason", ["", " \n", "x" * 501])
    def test_takes_a_reason(self, reason, server, support, clock):
        with pytest.raises(console_requests.BadReason):
            console_requests.ask(server, reason, actor=by(support), now=clock())
        assert not ConsoleRequest.objects.exists()

    def test_is_for_staff(self, server, bob, clock):
        with pytest.raises(MayNot):
            console_requests.ask(server, "please", actor=by(bob), now=clock())

    def test_without_an_owner_the_reason_is_enough(self, server, support, sent, clock, committed):
        ownership.assign([server], None, actor=SYSTEM, now=clock())
        server.refresh_from_db()
        with committed():
            console_requests.ask(server, "not booting", actor=by(support), now=clock())
        assert may_open(support, server, clock())
        assert sent == []
        assert AuditEntry.objects.filter(event="console.allowed").count() == 1


class TestTheOwnersWord:
    def test_lets_in_for_an_hour(self, asked, server, support, alice, clock):
        console_requests.answer(asked, allow=True, actor=by(alice), now=clock())
        assert may_open(support, server, clock())
        assert may_open(support, server, clock.pass_by(3599))
        assert not may_open(support, server, clock.pass_by(2))
        assert console_requests.sweep(clock()) == 1
        assert AuditEntry.objects.get(event="console.permission_ended").details["why"] == "time"

    def test_keeps_out(self, asked, server, support, alice, clock):
        console_requests.answer(asked, allow=False, actor=by(alice), now=clock())
        assert not may_open(support, server, clock())
        # It can be asked for again: the place is free.
        assert console_requests.ask(server, "please", actor=by(support), now=clock()) != asked

    def test_is_nobody_else_s(self, asked, bob, staff, support, alice, clock):
        for actor in (by(bob), by(staff), by(support), by(alice, staff=staff)):
            with pytest.raises(MayNot):
                console_requests.answer(asked, allow=True, actor=actor, now=clock())

    def test_comes_once(self, asked, alice, clock):
        console_requests.answer(asked, allow=True, actor=by(alice), now=clock())
        with pytest.raises(console_requests.Over):
            console_requests.answer(asked, allow=False, actor=by(alice), now=clock())

    @pytest.mark.parametrize("allow", [True, False])
    def test_pressed_twice_it_is_the_same(self, allow, asked, server, support, alice, clock):
        for _ in range(2):
            console_requests.answer(asked, allow=allow, actor=by(alice), now=clock())
        assert may_open(support, server, clock()) is allow
        event = "console.allowed" if allow else "console.denied"
        assert AuditEntry.objects.filter(event=event).count() == 1

    def test_is_over_with_its_hour(self, asked, alice, clock):
        console_requests.answer(asked, allow=True, actor=by(alice), now=clock())
        clock.pass_by(3601)
        with pytest.raises(console_requests.Over):
            console_requests.answer(asked, allow=True, actor=by(alice), now=clock())

    def test_is_not_waited_for_for_ever(self, asked, alice, clock):
        clock.pass_by(console_requests.WAITS_FOR / timedelta(seconds=1) + 1)
        with pytest.raises(console_requests.Over):
            console_requests.answer(asked, allow=True, actor=by(alice), now=clock())


class TestItEnds:
    @pytest.fixture(autouse=True)
    def allowed(self, asked, alice, clock):
        console_requests.answer(asked, allow=True, actor=by(alice), now=clock())

    @pytest.mark.parametrize("who", ["alice", "support"])
    def test_taken_back(self, who, request, asked, server, support, clock):
        person = request.getfixturevalue(who)
        console_requests.end(asked, actor=by(person), now=clock())
        assert not may_open(support, server, clock())

    def test_by_nobody_else(self, asked, bob, clock):
        with pytest.raises(MayNot):
            console_requests.end(asked, actor=by(bob), now=clock())

    def test_with_the_owner(self, server, bob, support, clock):
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        server.refresh_from_db()
        assert not may_open(support, server, clock())
        entry = AuditEntry.objects.get(event="console.permission_ended")
        assert entry.details["why"] == "owner_changed"

    def test_with_the_role(self, server, support, clock):
        User.objects.filter(pk=support.pk).update(role="", is_staff=False)
        assert not may_open(User.objects.get(pk=support.pk), server, clock())


@pytest.mark.parametrize("is_console", [True, False])
def test_a_socket_needs_what_it_shows(is_console, server, support):
    way = (support.pk, None, is_console)
    found = hub.open_servers.func({way: {server.pk}})
    assert found[way] == (set() if is_console else {server.pk})
