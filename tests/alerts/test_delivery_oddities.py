"""What strangers, clocks and removed channels do to what is on its way."""

import logging
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts.audit import Actor
from accounts.models import Source
from alerts import delivery, destinations, links, mutes, outbox
from alerts.channels.wire import Answer
from alerts.models import AlertRule, Notification, NotificationChannel
from panel.logs import RedactSecrets
from servers.models import Server

ACTOR = Actor(None, Source.WEB)


@pytest.fixture(autouse=True)
def at_the_clock(clock):
    with time_machine.travel(clock(), tick=False) as traveller:
        yield traveller


def deliver_all(clock):
    for notification in Notification.objects.filter(next_attempt_at__isnull=False):
        delivery.deliver(notification.pk, clock=clock)


def test_strangers_are_asked_so_often_a_day_though_the_channels_are_removed(ann, clock):
    for number in range(destinations.CONFIRMATIONS_A_DAY):
        channel, _secret = destinations.add(
            ann, "mail", name="", target=f"victim{number}@example.com", actor=ACTOR, now=clock()
        )
        deliver_all(clock)
        destinations.remove(channel, actor=ACTOR, now=clock())
    assert len(mail.outbox) == destinations.CONFIRMATIONS_A_DAY
    with pytest.raises(destinations.TooOften):
        destinations.add(
            ann, "mail", name="", target="victim@example.com", actor=ACTOR, now=clock()
        )
    # What the panel tells oneself does not count.
    clock.pass_by(86_401)
    for _ in range(destinations.CONFIRMATIONS_A_DAY):
        outbox.tell(ann, subject="A", body="B", key=None, now=clock())
    destinations.add(ann, "mail", name="", target="ops@example.com", actor=ACTOR, now=clock())


def test_a_question_to_an_address_that_was_removed_meanwhile_is_not_asked_again(
    ann, clock, mail_server, monkeypatch
):
    channel, _secret = destinations.add(
        ann, "mail", name="", target="ops@example.com", actor=ACTOR, now=clock()
    )
    asked = Notification.objects.get()
    send = mail_server.send_messages

    def meanwhile(self, messages):
        destinations.remove(channel, actor=ACTOR, now=clock())
        raise TimeoutError("timed out")

    monkeypatch.setattr(mail_server, "send_messages", meanwhile)
    delivery.deliver(asked.pk, clock=clock)
    monkeypatch.setattr(mail_server, "send_messages", send)
    clock.pass_by(120)
    delivery.deliver(asked.pk, clock=clock)
    assert mail_server.tried == 0
    asked.refresh_from_db()
    assert asked.status == "given_up"
    assert not NotificationChannel.objects.filter(own_address=True, failed_at__isnull=False)


def test_claims_of_a_clock_that_ran_ahead_keep_nobody_waiting(ann, told, clock, mail_server):
    ahead = clock() + timedelta(hours=1)
    for _ in range(delivery.MAILS_AT_ONCE):
        dead = outbox.tell(ann, subject="A", body="B", key=None, now=ahead)
        Notification.objects.filter(pk=dead.pk).update(
            status="sending", claim="dead", claimed_until=ahead + delivery.CLAIM_LASTS
        )
    delivery.deliver(told.pk, clock=clock)
    assert mail_server.tried == 1


def test_an_old_address_that_refuses_says_nothing_against_the_new_one(
    ann, told, clock, mail_server
):
    from tests.alerts.conftest import refusing

    ann.email = "new@example.com"
    ann.save()
    mail_server.error = refusing(550)
    delivery.deliver(told.pk, clock=clock)
    told.refresh_from_db()
    assert told.status == "given_up"
    assert not NotificationChannel.objects.filter(failed_at__isnull=False).exists()


@pytest.mark.parametrize("before", range(100, 260, 7))
def test_no_piece_of_a_secret_is_told_where_an_answer_is_cut(before):
    secret = "0123456789abcdef" * 2
    answer = Answer(500, "No", b"x" * before + secret.encode() + b"y" * 300)
    told = answer.told(without=[secret])
    assert "0123456789" not in told
    assert len(told) <= 255
    reason = Answer(500, "x" * before + secret, b"").told(without=[secret])
    assert "0123456789" not in reason


class TestLinks:
    @pytest.fixture
    def rule(self, db, clock):
        return AlertRule.objects.create(
            metric="cpu", threshold=0.9, created_at=clock(), updated_at=clock()
        )

    def test_one_mute_more_than_anybody_may_have_is_no_error_of_ours(
        self, rule, server, alice, clock, monkeypatch
    ):
        monkeypatch.setattr(mutes, "MOST_MUTES", 0)
        path = links.mute(alice.pk, rule.pk, server.pk, 1).partition("8000")[2]
        response = Client(raise_request_exception=False).post(path)
        assert response.status_code == 409
        assert not alice.mutes.exists()

    def test_a_link_that_is_not_good_now_is_not_written_down(
        self, rule, server, alice, clock, caplog
    ):
        """It may be good again, where the server comes back to its owner."""
        Server.objects.filter(pk=server.pk).update(owner=None)
        path = links.mute(alice.pk, rule.pk, server.pk, 1).partition("8000")[2]
        caplog.handler.addFilter(RedactSecrets())
        with caplog.at_level(logging.INFO):
            assert Client().get(path).status_code == 410
        token = path.split("/")[-2]
        assert token not in caplog.text
