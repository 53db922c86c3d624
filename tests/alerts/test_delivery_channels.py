"""What goes to which channel, in which order, and what may not go there any more."""

from datetime import timedelta

import pytest
from django.core import mail

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry, Source, User
from alerts import channels, delivery, destinations, outbox, sending
from alerts.channels.base import Hopeless, Postponed, Refused, Secret
from alerts.models import DeliveryAttempt, Notification, NotificationChannel
from tests.alerts.conftest import refusing

ACTOR = Actor(None, Source.WEB)


class Pigeon:
    """A channel of the tests': does as `answers` says, one after the other."""

    kind = "pigeon"
    label = target_label = "Pigeon"
    must_confirm = False
    secret = Secret.NONE
    ends_with_the_day = True
    is_dressed = False

    def __init__(self):
        self.flown = []
        self.answers = []

    def checked(self, target):
        return target

    def shown(self, target):
        return target

    def send(self, message):
        self.flown.append(message)
        answer = self.answers.pop(0) if self.answers else "coo"
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def pigeon(monkeypatch):
    made = Pigeon()
    monkeypatch.setitem(channels.CHANNELS, "pigeon", made)
    return made


@pytest.fixture
def loft(ann, pigeon, clock):
    made, _ = destinations.add(ann, "pigeon", name="", target="roof", actor=ACTOR, now=clock())
    return made


@pytest.fixture
def tell(ann, clock, loft):
    def put(**changes):
        fields = {"subject": "x", "body": "x", "key": None, "kind": "fired", "channel": loft}
        return outbox.tell(ann, now=clock(), **{**fields, **changes})

    return put


def deliver(notification, clock):
    delivery.deliver(notification.pk, clock=clock)
    notification.refresh_from_db()
    return notification


def test_the_channel_gets_it_with_what_it_needs(tell, pigeon, clock):
    told = deliver(tell(), clock)

    [message] = pigeon.flown
    assert (message.target, message.event) == ("roof", sending.event_of(told))
    assert (told.status, told.answer) == ("sent", "coo")
    assert [(each.outcome, each.answer) for each in told.log.all()] == [("sent", "coo")]
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"enabled": False}, "The channel is switched off."),
        ({"confirmed_at": None}, "The channel is not confirmed."),
        ({"failure": "550", "failed_at": "now"}, "The channel was refused before: 550"),
        ({"owner": "bob"}, "The channel is somebody else's."),
    ],
)
def test_nothing_goes_where_it_may_not(tell, loft, pigeon, clock, bob, changes, why):
    told = tell()
    changes = {
        name: {"now": clock(), "bob": bob}.get(value, value) for name, value in changes.items()
    }
    NotificationChannel.objects.filter(pk=loft.pk).update(**changes)
    deliver(told, clock)

    assert (told.status, told.error) == ("given_up", why)
    assert pigeon.flown == []


def test_what_waits_for_a_channel_that_is_removed_is_not_mailed_instead(tell, loft, clock):
    told, under_way = tell(), tell()
    delivery.claim(under_way.pk, now=clock())
    destinations.remove(loft, actor=ACTOR, now=clock())
    clock.pass_by(301)
    deliver(told, clock)
    deliver(under_way, clock)

    for each in (told, under_way):
        assert (each.status, each.error) == ("given_up", destinations.REMOVED)
    assert mail.outbox == []


def test_a_refusal_for_good_switches_the_channel_off(tell, loft, pigeon, clock):
    pigeon.answers = [Refused("410 Gone")]
    told = deliver(tell(), clock)

    loft.refresh_from_db()
    assert (loft.failed_at, loft.failure) == (clock(), "410 Gone")
    assert (told.status, told.answer) == ("given_up", "410 Gone")
    entry = AuditEntry.objects.get(event="channel.refused")
    assert entry.object_id == loft.pk
    deliver(tell(), clock)
    assert len(pigeon.flown) == 1
    assert destinations.enable(loft, actor=ACTOR, now=clock())
    assert deliver(tell(), clock).status == "sent"


def test_a_message_that_makes_no_sense_leaves_the_channel_alone(tell, loft, pigeon, clock):
    pigeon.answers = [Hopeless("too odd")]
    assert deliver(tell(), clock).status == "given_up"
    loft.refresh_from_db()
    assert loft.failed_at is None


def test_a_channel_that_takes_nothing_for_a_day_is_switched_off(tell, loft, pigeon, clock):
    pigeon.answers = [Postponed("500 Oops")] * delivery.MOST_ATTEMPTS
    told = tell()
    began = clock()
    while told.next_attempt_at:
        clock.seconds = told.next_attempt_at.timestamp()
        deliver(told, clock)

    loft.refresh_from_db()
    assert timedelta(hours=23) < clock() - began < timedelta(hours=25)
    assert loft.failure == "Nothing got through for a day: 500 Oops"
    assert told.log.count() == delivery.MOST_ATTEMPTS


def test_who_wants_to_be_left_alone_for_longer_is(tell, pigeon, clock):
    pigeon.answers = [Postponed("429", timedelta(minutes=30)), Postponed("429", timedelta(0))]
    told = deliver(tell(), clock)
    assert told.next_attempt_at == clock() + timedelta(minutes=30)
    clock.pass_by(1800)
    deliver(told, clock)
    assert told.next_attempt_at == clock() + timedelta(minutes=5)


def test_a_test_says_what_was_answered_and_changes_nothing(loft, pigeon, clock):
    pigeon.answers = [Refused("403 Blocked"), Postponed("500 Oops"), OSError("no route")]
    for answer in ("403 Blocked", "500 Oops", "no route"):
        told = deliver(destinations.test(loft, now=clock()), clock)
        assert (told.status, told.answer, told.next_attempt_at) == ("given_up", answer, None)
    loft.refresh_from_db()
    assert loft.failed_at is None


def test_a_test_goes_to_a_channel_that_was_refused(loft, pigeon, clock):
    destinations.fail(loft, "410 Gone", now=clock())
    assert deliver(destinations.test(loft, now=clock()), clock).status == "sent"


def test_the_refusal_of_a_notice_is_that_of_the_persons_own_mail(told, ann, clock, mail_server):
    mail_server.error = refusing(550)
    deliver(told, clock)

    own = destinations.own_mail(ann, clock())
    assert own.failure == "550 No such user here"
    assert destinations.usable(ann, [], clock()) == []


def test_own_mail_follows_the_persons_address(ann, clock):
    own = destinations.own_mail(ann, clock())
    told = outbox.tell(
        ann, subject="x", body="x", key=None, kind="fired", channel=own, now=clock()
    )
    User.objects.filter(pk=ann.pk).update(email="ann@new.example.com")
    deliver(told, clock)

    assert mail.outbox[0].to == ["ann@new.example.com"]


# One after the other


def test_what_follows_waits_for_the_first(tell, pigeon, clock, sent, committed):
    first = tell()
    second = tell(kind="recovered", after=first)
    deliver(second, clock)
    assert (second.status, second.attempts) == ("pending", 0)

    sent.clear()
    with committed():
        deliver(first, clock)
    assert [message.arguments["notification_id"] for message in sent] == [second.pk]
    assert deliver(second, clock).status == "sent"
    assert pigeon.flown[1].answers == sending.event_of(first)


def test_of_what_never_got_through_no_recovery_is_told(tell, pigeon, clock):
    pigeon.answers = [Hopeless("no")]
    first = tell()
    second = tell(kind="recovered", after=first)
    deliver(first, clock)
    deliver(second, clock)

    assert (second.status, second.error) == ("given_up", delivery.FIRST_LOST)
    assert len(pigeon.flown) == 1


def test_the_sweep_leaves_what_has_to_wait(tell, clock, sent, committed, pigeon):
    pigeon.answers = [Postponed("later")]
    first = tell()
    tell(kind="recovered", after=first)
    deliver(first, clock)
    sent.clear()
    clock.pass_by(30)
    with committed():
        delivery.sweep(clock())
    assert sent == []


def test_a_persons_receivers_have_one_turn_and_other_people_theirs(
    tell, pigeon, clock, alice, bob, sent
):
    first, second = tell(), tell()
    assert delivery.claim(first.pk, now=clock())
    assert delivery.claim(second.pk, now=clock()) is None
    others = []
    for person in (alice, bob):
        loft, _ = destinations.add(person, "pigeon", name="", target="x", actor=ACTOR, now=clock())
        others.append(tell_to(person, loft, clock))
    assert all(delivery.claim(each.pk, now=clock()) for each in others)
    assert second.attempts == 0


def test_whoever_found_no_turn_is_woken_by_the_one_before(tell, pigeon, clock, sent, committed):
    first, second = tell(), tell()

    def meanwhile(message):
        delivery.deliver(second.pk, clock=clock)
        return "coo"

    pigeon.send = meanwhile
    sent.clear()
    with committed():
        deliver(first, clock)

    assert [message.arguments["notification_id"] for message in sent] == [second.pk]


def tell_to(person, channel, clock):
    return outbox.tell(
        person, subject="x", body="x", key=None, kind="fired", channel=channel, now=clock()
    )


def test_no_person_fills_the_sweep(tell, clock, ann, sent, committed):
    for _ in range(8):
        tell()
    clock.pass_by(30)
    notice = outbox.tell(ann, subject="x", body="x", key=None, now=clock())
    clock.pass_by(30)
    sent.clear()
    with committed():
        delivery.sweep(clock())

    swept = [message.arguments["notification_id"] for message in sent]
    assert len(swept) == delivery.SWEPT_OF_A_PERSON + 1
    assert swept[-1] == notice.pk


# Again


def test_resending(tell, pigeon, clock, staff, sent, committed):
    pigeon.answers = [Hopeless("no")]
    first = tell()
    told = tell(kind="recovered", after=first)
    assert not delivery.resend(told, actor=ACTOR, now=clock()), "it waits"
    deliver(first, clock)
    deliver(told, clock)
    sent.clear()
    with committed():
        assert delivery.resend(told, actor=Actor(staff, Source.ADMIN), now=clock())
    assert [message.arguments["notification_id"] for message in sent] == [told.pk]

    assert deliver(told, clock).status == "sent"
    assert told.log.count() == 2
    entry = AuditEntry.objects.get(event="notification.resent")
    assert (entry.actor, entry.object_id) == (staff, told.pk)


class Killed(BaseException):
    """What ends a worker."""


@pytest.mark.parametrize("where", ["before", "while", "after", "noted"])
def test_a_worker_that_is_killed_loses_none(tell, pigeon, clock, monkeypatch, where):
    """At each point: it is sent once or, where nobody could know, twice under one name."""

    def dies(*args, **kwargs):
        raise Killed

    told = tell()
    with monkeypatch.context() as patch:
        match where:
            case "before":
                patch.setattr(sending, "send", dies)
            case "while":
                pigeon.answers = [Killed()]
            case "after":
                patch.setattr(delivery, "mark_sent", dies)
            case "noted":
                patch.setattr(delivery, "wake", dies)
        with pytest.raises(Killed):
            delivery.deliver(told.pk, clock=clock)
    for _ in range(3):
        clock.pass_by(301)
        deliver(told, clock)

    assert told.status == "sent"
    assert len(pigeon.flown) == {"before": 1, "while": 2, "after": 2, "noted": 1}[where]
    assert len({message.event for message in pigeon.flown}) == 1


def test_the_log_goes_with_what_it_is_about(tell, pigeon, clock):
    told = deliver(tell(), clock)
    clock.pass_by(91 * 86400)
    assert delivery.forget(clock()) == 1
    assert not Notification.objects.filter(pk=told.pk).exists()
    assert not DeliveryAttempt.objects.exists()


def test_failing_twice_is_failing_once(loft, clock):
    assert destinations.fail(loft, "410", now=clock())
    assert not destinations.fail(loft, "500", now=clock.pass_by(1))
    assert AuditEntry.objects.filter(event="channel.refused", actor=SYSTEM.user).count() == 1
