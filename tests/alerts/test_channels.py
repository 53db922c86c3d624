"""Channels as people have them: added, confirmed, tried, switched, removed."""

import re
import threading
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.audit import Actor
from accounts.models import AuditEntry, Source
from alerts import delivery, destinations, links, sending
from alerts.channels import ALL, CHANNELS
from alerts.models import Notification, NotificationChannel
from servers.operations import Invalid

ACTOR = Actor(None, Source.WEB)


@pytest.fixture(autouse=True)
def at_the_clock(clock):
    """Links are signed and read at the same time as all else happens."""
    with time_machine.travel(clock(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def add(ann, clock):
    def put(kind="mail", target="ops@example.com", **changes):
        fields = {"name": "", "target": target, "actor": ACTOR, "now": clock(), **changes}
        return destinations.add(ann, kind, **fields)[0]

    return put


def deliver_all(clock):
    for notification in Notification.objects.filter(next_attempt_at__isnull=False):
        delivery.deliver(notification.pk, clock=clock)


def link_in(message):
    return re.search(r"/alerts/link/(\S+)/", message.body)[1]


def test_every_kind_is_registered_under_its_name():
    assert [channel.kind for channel in ALL] == list(CHANNELS) == ["mail", "webhook", "telegram"]
    assert all(len(kind) <= 16 and str(CHANNELS[kind].label) for kind in CHANNELS)


def test_own_mail_is_there_once(ann, clock):
    first = destinations.own_mail(ann, clock())
    assert first == destinations.own_mail(ann, clock.pass_by(5))
    assert destinations.usable(ann, [], clock()) == [first]
    assert destinations.shown(first) == "ann@example.com"


def test_what_can_be_used(ann, bob, add, clock):
    own = destinations.own_mail(ann, clock())
    hook = add("webhook", "https://example.com/a")
    off = add("webhook", "https://example.com/b")
    unconfirmed = add("mail", "ops@example.com")
    refused = add("webhook", "https://example.com/c")
    destinations.disable(off, actor=ACTOR, now=clock())
    destinations.fail(refused, "410", now=clock())
    theirs = destinations.own_mail(bob, clock())

    assert destinations.usable(ann, [], clock()) == [own, hook]
    assert destinations.usable(ann, [hook, off, theirs], clock()) == [hook]
    assert destinations.usable(ann, [unconfirmed], clock()) == []


def test_another_address_is_asked_before_it_is_used(ann, add, clock):
    channel = add("mail", "ops@example.com", name="On call")
    assert channel.confirmed_at is None
    deliver_all(clock)

    [message] = mail.outbox
    assert message.to == ["ops@example.com"]
    assert "ann@example.com" in message.body
    stored = Notification.objects.get()
    token = link_in(message)
    assert token not in stored.body, "who reads the outbox cannot confirm"
    assert "On call" not in message.body, "no words of a stranger's"
    assert destinations.confirm(token, now=clock()).confirmed_at == clock()
    assert channel in destinations.usable(ann, [], clock())


def test_a_confirmation_is_of_one_address(ann, add, clock):
    channel = add("mail", "ops@example.com")
    deliver_all(clock)
    token = link_in(mail.outbox[0])
    destinations.change(channel, target="eve@example.com", actor=ACTOR, now=clock())
    with pytest.raises(links.BadLink):
        destinations.confirm(token, now=clock())
    channel.refresh_from_db()
    assert channel.confirmed_at is None


def test_a_confirmed_address_that_is_changed_is_asked_anew(add, clock):
    channel = add("mail", "ops@example.com")
    deliver_all(clock)
    destinations.confirm(link_in(mail.outbox[0]), now=clock())
    destinations.change(channel, target="oncall@example.com", actor=ACTOR, now=clock())
    deliver_all(clock)

    assert mail.outbox[1].to == ["oncall@example.com"]
    channel.refresh_from_db()
    assert channel.confirmed_at is None


def test_an_unsubscribe_link_confirms_nothing(ann, add, clock):
    channel = add("mail", "ops@example.com")
    token = links.token_of(links.Link(links.UNSUBSCRIBE, (ann.pk, channel.pk)))
    with pytest.raises(links.BadLink):
        destinations.confirm(token, now=clock())


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("pigeon", {}, "kind"),
        ("mail", {"target": "no address"}, "target"),
        ("mail", {"target": "a@b.example\r\nBcc: c@d.example"}, "target"),
        ("mail", {"target": "ANN@example.com"}, "target"),
        ("webhook", {"target": "http://example.com/"}, "target"),
        ("webhook", {"target": "https://example.com/", "name": "x" * 65}, "name"),
    ],
)
def test_what_is_refused_says_which_field(add, kind, fields, field):
    with pytest.raises(Invalid) as refused:
        add(kind, **fields)
    assert refused.value.field == field
    assert not NotificationChannel.objects.exists()


def test_the_same_twice(add):
    add("webhook", "https://example.com/a")
    with pytest.raises(Invalid):
        add("webhook", "https://EXAMPLE.com/a")


def test_there_is_a_limit(add, clock):
    for number in range(destinations.MOST):
        add("webhook", f"https://example.com/{number}")
    with pytest.raises(Invalid) as refused:
        add("webhook", "https://example.com/more")
    assert refused.value.field == "kind"


def test_strangers_are_not_pestered(add, clock):
    channel = add("mail", "ops@example.com")
    for _ in range(destinations.CONFIRMATIONS_A_DAY - 1):
        destinations.ask_to_confirm(channel, now=clock())
    with pytest.raises(destinations.TooOften):
        destinations.ask_to_confirm(channel, now=clock())
    with pytest.raises(destinations.TooOften):
        add("mail", "other@example.com")
    assert not NotificationChannel.objects.filter(target="other@example.com").exists()
    clock.pass_by(86401)
    destinations.ask_to_confirm(channel, now=clock())


def test_tests(ann, add, clock):
    own = destinations.own_mail(ann, clock())
    for _ in range(destinations.TESTS_A_MINUTE):
        told = destinations.test(own, now=clock())
    with pytest.raises(destinations.TooOften):
        destinations.test(own, now=clock())
    delivery.deliver(told.pk, clock=clock)
    told.refresh_from_db()
    assert (told.status, told.kind) == ("sent", "test")
    assert "List-Unsubscribe" not in mail.outbox[0].message()

    with pytest.raises(Invalid):
        destinations.test(add("mail", "ops@example.com"), now=clock.pass_by(61))


def test_switching_off_and_on(add, clock):
    channel = add("webhook", "https://example.com/")
    assert destinations.disable(channel, actor=ACTOR, now=clock())
    assert not destinations.disable(channel, actor=ACTOR, now=clock())
    destinations.fail(channel, "410 Gone", now=clock())
    assert destinations.enable(channel, actor=ACTOR, now=clock())
    assert (channel.enabled, channel.failed_at, channel.failure) == (True, None, "")
    assert not destinations.enable(channel, actor=ACTOR, now=clock())


def test_a_target_set_right_is_tried_again(add, clock):
    channel = add("webhook", "https://example.com/")
    destinations.fail(channel, "410 Gone", now=clock())
    destinations.change(channel, name="Mine", actor=ACTOR, now=clock())
    assert channel.failed_at
    destinations.change(channel, target="https://example.com/new", actor=ACTOR, now=clock())
    assert (channel.failed_at, channel.failure) == (None, "")


def test_ones_own_address_stays(ann, clock):
    own = destinations.own_mail(ann, clock())
    with pytest.raises(Invalid):
        destinations.remove(own, actor=ACTOR, now=clock())
    with pytest.raises(Invalid):
        destinations.change(own, target="eve@example.com", actor=ACTOR, now=clock())
    with pytest.raises(Invalid):
        destinations.rotate_secret(own, actor=ACTOR, now=clock())


def test_all_of_it_is_in_the_audit_log_without_secrets(ann, add, clock):
    hook, secret = destinations.add(
        ann, "webhook", name="Mine", target="https://example.com/t0ken", actor=ACTOR, now=clock()
    )
    rotated = destinations.rotate_secret(hook, actor=ACTOR, now=clock())
    destinations.change(hook, name="Ours", actor=ACTOR, now=clock())
    destinations.remove(hook, actor=ACTOR, now=clock())

    entries = AuditEntry.objects.filter(object_type="channel").order_by("pk")
    assert [entry.event for entry in entries] == [
        "channel.added", "channel.secret_rotated", "channel.changed", "channel.removed",
    ]  # fmt: skip
    assert entries[0].details["where"] == "https://example.com/…"
    for text in (secret, rotated, "t0ken"):
        assert text not in str([entry.details for entry in entries])


@pytest.mark.django_db(transaction=True)
def test_own_mail_is_made_once_by_two_at_once(clock, django_user_model):
    person = django_user_model.objects.create_user("two@example.com")
    barrier = threading.Barrier(2)
    made = []

    def make():
        barrier.wait()
        made.append(destinations.own_mail(person, clock()).pk)
        connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(set(made)) == 1


def test_the_link_of_yesterday_and_of_next_month(add, clock, at_the_clock):
    add("mail", "ops@example.com")
    deliver_all(clock)
    token = link_in(mail.outbox[0])
    at_the_clock.shift(timedelta(days=31))
    with pytest.raises(links.BadLink):
        destinations.confirm(token, now=clock())


def test_secrets_follow_a_new_encryption_key(ann, add, clock, settings):
    hook, secret = destinations.add(
        ann, "webhook", name="", target="https://example.com/", actor=ACTOR, now=clock()
    )
    add("mail", "ops@example.com")
    old, new = settings.ENCRYPTION_KEYS, Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(CommandError):
        call_command("rotate_encryption_key")
    settings.ENCRYPTION_KEYS = [new, *old]
    call_command("rotate_encryption_key", verbosity=0, stdout=StringIO())
    settings.ENCRYPTION_KEYS = [new]
    hook.refresh_from_db()
    assert destinations.secret_of(hook) == secret


def test_a_secret_that_cannot_be_opened_is_told_and_nothing_is_sent(ann, clock, settings):
    hook, _ = destinations.add(
        ann, "webhook", name="", target="https://example.com/", actor=ACTOR, now=clock()
    )
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    told = destinations.test(hook, now=clock())
    delivery.deliver(told.pk, clock=clock)
    told.refresh_from_db()
    assert (told.status, told.error) == ("given_up", sending.LOST)
