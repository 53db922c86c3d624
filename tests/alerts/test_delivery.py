"""Mails that get through, once, whatever happens on the way."""

import ssl
from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPServerDisconnected

import pytest
from django.core import mail

from accounts.models import User
from alerts import delivery, outbox, tasks
from alerts.models import DeliveryAttempt, Notification
from tests.alerts.conftest import refusing

MINUTE = timedelta(minutes=1)


def deliver(notification, clock):
    delivery.deliver(notification.pk, clock=clock)
    notification.refresh_from_db()


def try_until_over(notification, clock):
    """When it was tried, in minutes after the first attempt."""
    tried_at = []
    began = clock()
    while notification.next_attempt_at is not None:
        tried_at.append((clock() - began) // MINUTE)
        deliver(notification, clock)
        if notification.next_attempt_at:
            clock.pass_by((notification.next_attempt_at - clock()).total_seconds())
    return tried_at


def test_it_is_sent(told, clock):
    deliver(told, clock)

    [message] = mail.outbox
    assert message.to == ["ann@example.com"]
    assert (message.subject, message.body) == ("Snapshot failed", "The disk is full.")
    assert message.message()["Auto-Submitted"] == "auto-generated"
    assert (told.status, told.attempts, told.sent_at) == ("sent", 1, clock())
    assert (told.next_attempt_at, told.claim, told.claimed_until) == (None, "", None)


def test_a_message_that_comes_twice_sends_one_mail(told, clock):
    deliver(told, clock)
    deliver(told, clock)

    assert len(mail.outbox) == 1
    assert told.attempts == 1


def test_two_workers_send_one_mail(told, clock, mail_server, monkeypatch):
    def meanwhile(self, messages):
        delivery.deliver(told.pk, clock=clock)
        self.__class__.tried += 1
        return len(messages)

    monkeypatch.setattr(mail_server, "send_messages", meanwhile)
    deliver(told, clock)

    assert mail_server.tried == 1
    assert told.status == "sent"


def test_a_mail_server_that_is_away_is_tried_for_a_day(told, clock, mail_server):
    mail_server.error = ConnectionRefusedError(111, "Connection refused")
    deliver(told, clock)
    assert (told.status, told.error) == ("failed", "[Errno 111] Connection refused")
    assert told.next_attempt_at == clock() + MINUTE

    clock.pass_by(60)
    tried_at = try_until_over(told, clock)

    assert tried_at[:6] == [0, 5, 20, 80, 140, 200]
    assert tried_at[-1] > 23 * 60
    assert mail_server.tried == len(tried_at) + 1 == delivery.MOST_ATTEMPTS
    assert told.status == "given_up"


def test_once_it_is_back_the_mail_is_sent(told, clock, mail_server):
    mail_server.error = SMTPServerDisconnected("Connection unexpectedly closed")
    deliver(told, clock)
    mail_server.error = None
    clock.pass_by(60)
    deliver(told, clock)

    assert (told.status, told.attempts, told.error) == ("sent", 2, "")


def test_it_is_not_tried_before_its_time(told, clock, mail_server):
    mail_server.error = TimeoutError("timed out")
    deliver(told, clock)
    clock.pass_by(59)
    deliver(told, clock)

    assert mail_server.tried == 1


def test_an_address_that_is_refused_for_good_is_given_up_with_the_reason(told, clock, mail_server):
    mail_server.error = refusing(550)
    deliver(told, clock)

    assert (told.status, told.error) == ("given_up", "550 No such user here")
    assert told.next_attempt_at is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusing(451, b"Greylisted,\r\ncome back"), "451 Greylisted,  come back"),
        (SMTPAuthenticationError(535, b"Bad credentials"), "535 Bad credentials"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "self-signed"),
    ],
)
def test_what_may_get_better_is_tried_again(told, clock, mail_server, error, words):
    mail_server.error = error
    deliver(told, clock)

    assert told.status == "failed"
    assert words in told.error


@pytest.mark.parametrize("address", ["ann@example.com\nBcc: eve@example.com", ""])
def test_no_mail_is_made_of_an_address_that_is_none(told, clock, address):
    Notification.objects.update(address=address)
    deliver(told, clock)

    assert mail.outbox == []
    assert told.status == "given_up"


def test_a_header_cannot_be_put_in_by_a_subject(ann, clock):
    hostile = "x\r\nBcc: eve@example.com"
    told = outbox.tell(ann, subject=hostile, body=hostile, key=None, now=clock())
    deliver(told, clock)

    [message] = mail.outbox
    assert message.message()["Bcc"] is None
    assert message.recipients() == ["ann@example.com"]


@pytest.mark.parametrize("goes", ["leaves", "is shut out"])
def test_who_has_no_access_any_more_is_told_nothing(told, ann, clock, goes):
    if goes == "leaves":
        ann.delete()
    else:
        User.objects.update(is_active=False)
    deliver(told, clock)

    assert mail.outbox == []
    assert told.status == "given_up"


class Killed(BaseException):
    """What ends a worker."""


def test_a_worker_that_dies_after_the_mail_went_out_repeats_it_under_its_name(
    told, clock, monkeypatch, sent
):
    def dies(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "mark_sent", dies)
        with pytest.raises(Killed):
            delivery.deliver(told.pk, clock=clock)
    deliver(told, clock)
    assert (told.status, len(mail.outbox)) == ("sending", 1)

    clock.pass_by(301)
    deliver(told, clock)

    one, other = [message.message()["Message-ID"] for message in mail.outbox]
    assert one == other
    assert told.status == "sent"


def test_a_worker_that_comes_back_late_changes_nothing(told, clock):
    late = delivery.claim(told.pk, now=clock())
    attempt = DeliveryAttempt(notification=late, began_at=clock())
    clock.pass_by(301)
    deliver(told, clock)

    assert not delivery.postpone(attempt, "timed out", now=clock())
    told.refresh_from_db()
    assert (told.status, told.log.count()) == ("sent", 1)


def test_one_that_ends_each_worker_is_given_up(told, clock):
    Notification.objects.update(attempts=delivery.MOST_ATTEMPTS)
    deliver(told, clock)

    assert mail.outbox == []
    assert told.status == "given_up"


def test_one_that_is_gone_is_nobodys(db, clock):
    delivery.deliver(4711, clock=clock)

    assert mail.outbox == []


def swept(clock, sent, committed):
    sent.clear()
    with committed():
        delivery.sweep(clock())
    return [message.arguments["notification_id"] for message in sent]


def test_the_sweep_sends_what_is_due_the_longest_waiting_first(ann, clock, sent, committed):
    def tell():
        return outbox.tell(ann, subject="x", body="x", key=None, now=clock()).pk

    first = tell()
    clock.pass_by(30)
    second = tell()
    clock.pass_by(30)
    failed = tell()
    Notification.objects.filter(pk=failed).update(
        status="failed", next_attempt_at=clock() - 5 * MINUTE
    )
    # On its way, to be tried later, being sent, over.
    tell()
    later, sending, over = tell(), tell(), tell()
    Notification.objects.filter(pk=later).update(next_attempt_at=clock() + MINUTE, status="failed")
    delivery.claim(sending, now=clock())
    delivery.deliver(over, clock=clock)

    assert swept(clock, sent, committed) == [failed, first, second]


def test_the_sweep_finds_what_a_dead_worker_held(told, clock, sent, committed):
    delivery.claim(told.pk, now=clock())
    clock.pass_by(299)
    assert swept(clock, sent, committed) == []
    clock.pass_by(2)
    assert swept(clock, sent, committed) == [told.pk]


def test_a_clock_that_was_set_back_holds_up_no_mail(told, clock, mail_server, sent, committed):
    clock.pass_by(10 * 86400)
    mail_server.error = TimeoutError("timed out")
    deliver(told, clock)
    delivery.claim(told.pk, now=clock.pass_by(60))
    clock.pass_by(-10 * 86400)

    assert swept(clock, sent, committed) == [told.pk]
    mail_server.error = None
    deliver(told, clock)
    assert told.status == "sent"


def test_the_tasks(told, clock, sent, committed, monkeypatch):
    monkeypatch.setattr(tasks, "clock", clock)
    tasks.deliver(notification_id=told.pk, of_a_newer_version=True)
    with committed():
        tasks.sweep_notifications()

    told.refresh_from_db()
    assert told.status == "sent"
    assert sent == []


def test_what_was_told_long_ago_is_forgotten(told, clock):
    clock.pass_by(91 * 86400)
    assert delivery.forget(clock()) == 0, "it still has to be told"
    deliver(told, clock)
    assert delivery.forget(clock()) == 1
    assert not Notification.objects.exists()
