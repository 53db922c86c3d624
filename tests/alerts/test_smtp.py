"""The same over SMTP, to real mail servers that answer in all sorts of ways."""

import threading
import time
from datetime import timedelta

import pytest

from alerts import delivery, outbox
from alerts.channels import smtp
from alerts.models import DeliveryAttempt, NotificationChannel
from servers.simulator import certificates
from tests.alerts.mailserver import Mailbox, drip, serving, talking


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture(scope="module")
def made_certificates(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("mail"))


@pytest.fixture
def trusted(made_certificates, monkeypatch):
    """The mail server's certificate is one that this machine believes."""
    monkeypatch.setenv("SSL_CERT_FILE", str(made_certificates.ca))
    return made_certificates


def deliver(notification, clock):
    delivery.deliver(notification.pk, clock=clock)
    notification.refresh_from_db()
    return notification


def outcomes(notification):
    return [(attempt.outcome, attempt.answer) for attempt in notification.log.all()]


def test_it_arrives_and_the_servers_answer_is_kept(ann, clock, mailbox, settings):
    told = outbox.tell(
        ann, subject="до обновления\r\nBcc: x@y.z", body="Готово\n.\nend", key=None, now=clock()
    )
    with serving(settings, mailbox):
        deliver(told, clock)

    assert (told.status, told.answer) == ("sent", "250 2.0.0 Ok: queued as 4XYZ")
    assert outcomes(told) == [("sent", told.answer)]
    [mail] = mailbox.mails
    assert mail["To"] == "ann@example.com"
    assert mail["Message-ID"].startswith(f"<notification.{told.pk}.")
    assert mail["Subject"] == "до обновления Bcc: x@y.z"
    assert mail["Bcc"] is None
    assert mail.get_body(("plain",)).get_content() == "Готово\r\n.\r\nend"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_over_tls(told, clock, mailbox, settings, trusted, tls):
    with serving(settings, mailbox, tls=tls, certificates=trusted):
        deliver(told, clock)

    assert (told.status, len(mailbox.mails)) == ("sent", 1)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_is_not_believed_gets_no_mail(
    told, clock, mailbox, settings, made_certificates, tls
):
    with serving(settings, mailbox, tls=tls, certificates=made_certificates):
        deliver(told, clock)

    assert told.status == "failed"
    assert "CERTIFICATE_VERIFY_FAILED" in told.error
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("password", "status", "words"), [("s3cret", "sent", "250"), ("wr0ng", "failed", "535")]
)
def test_signing_in(told, clock, mailbox, settings, trusted, password, status, words):
    with serving(settings, mailbox, tls="starttls", certificates=trusted, auth=True):
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "panel", password
        deliver(told, clock)

    assert told.status == status
    assert words in told.answer
    assert password not in told.answer + told.error
    assert not NotificationChannel.objects.exclude(failed_at=None).exists()


def test_greylisting_is_waited_for(told, clock, mailbox, settings):
    with serving(settings, mailbox):
        mailbox.rcpt = "451 4.7.1 Greylisted, come back"
        deliver(told, clock)
        assert (told.status, told.error) == ("failed", "451 4.7.1 Greylisted, come back")
        mailbox.rcpt = "250 OK"
        clock.pass_by(60)
        deliver(told, clock)

    assert told.status == "sent"
    assert [outcome for outcome, _ in outcomes(told)] == ["failed", "sent"]


@pytest.mark.parametrize(
    ("where", "answer", "status", "shut"),
    [
        ("rcpt", "550 5.1.1 No such user", "given_up", True),
        ("rcpt", "550 no such user", "given_up", True),
        ("data", "550 5.1.1 No such user after all", "given_up", True),
        ("data", "554 5.6.0 I do not like this one", "given_up", False),
        # About us, or about a mailbox that is full: it may be mended within the day.
        ("rcpt", "554 5.7.1 Relay access denied", "failed", False),
        ("rcpt", "552 5.2.2 Mailbox full", "failed", False),
        ("data", "451 4.3.0 Try later", "failed", False),
    ],
)
def test_what_a_refusal_means(told, ann, clock, mailbox, settings, where, answer, status, shut):
    setattr(mailbox, where, answer)
    with serving(settings, mailbox):
        deliver(told, clock)

    assert (told.status, told.error) == (status, answer)
    own = NotificationChannel.objects.filter(owner=ann, own_address=True).first()
    assert bool(own and own.failed_at) == shut
    assert (own.failure == answer) if shut else True


def says(*answers):
    """Says one line after each that comes, then hangs up."""

    def talk(connection):
        connection.sendall(b"220 mail.example.com\r\n")
        for answer in answers:
            connection.recv(4096)
            connection.sendall(answer)

    return talk


OK = b"250 OK\r\n"


@pytest.mark.parametrize(
    "talk",
    [lambda connection: None, says(OK), says(OK, OK, OK), says(OK, OK, OK, b"354 Go on\r\n")],
    ids=["at once", "after EHLO", "after RCPT", "before the answer to DATA"],
)
def test_a_server_that_hangs_up_is_tried_again(told, clock, settings, talk):
    with talking(settings, talk):
        deliver(told, clock)

    assert told.status == "failed"
    assert told.error


def test_a_server_that_hangs_up_after_it_took_the_mail_has_it(told, clock, settings):
    taken = says(OK, OK, OK, b"354 Go on\r\n", b"250 Taken\r\n")
    with talking(settings, taken):
        deliver(told, clock)

    assert (told.status, told.answer) == ("sent", "250 Taken")


def test_a_server_that_says_nothing_is_left(told, clock, settings):
    with talking(settings, lambda connection: threading.Event().wait(2)):
        settings.EMAIL_TIMEOUT = 0.2
        began = time.monotonic()
        deliver(told, clock)

    assert told.status == "failed"
    assert told.error.endswith("timed out")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_drips_is_left_when_time_is_up(told, clock, settings, monkeypatch, tls):
    """No single byte is late, so that no timeout of a socket ever strikes."""
    monkeypatch.setattr(smtp, "SECONDS", 0.5)
    with talking(settings, drip):
        settings.EMAIL_USE_SSL = tls
        began = time.monotonic()
        deliver(told, clock)

    assert told.status == "failed"
    assert time.monotonic() - began < 3
    if not tls:
        assert told.error == "It was not over within 0.5 s."


def test_nobody_is_kept_waiting_by_a_mail_server_that_hangs(ann, clock, settings, monkeypatch):
    """Four talk to it, the fifth mail is left for later, and other channels go on."""
    for number in range(delivery.MAILS_AT_ONCE):
        each = outbox.tell(ann, subject=str(number), body="", key=None, now=clock())
        assert delivery.claim(each.pk, now=clock())
    fifth = outbox.tell(ann, subject="fifth", body="", key=None, now=clock())
    channel = NotificationChannel.objects.create(
        owner=ann, kind="telegram", target="17", confirmed_at=clock(), created_at=clock()
    )
    chat = outbox.tell(
        ann, subject="chat", body="", key=None, now=clock(), channel=channel, kind="fired"
    )

    assert delivery.claim(fifth.pk, now=clock()) is None
    assert delivery.claim(chat.pk, now=clock())
    clock.pass_by(timedelta(minutes=6).total_seconds())
    assert delivery.claim(fifth.pk, now=clock()), "whoever held the four is dead"


def test_the_log_of_a_day(told, clock, settings):
    settings.EMAIL_BACKEND = "alerts.channels.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    while told.next_attempt_at:
        clock.seconds = told.next_attempt_at.timestamp()
        deliver(told, clock)

    assert told.status == "given_up"
    assert DeliveryAttempt.objects.filter(notification=told).count() == delivery.MOST_ATTEMPTS
    assert not NotificationChannel.objects.exclude(failed_at=None).exists(), (
        "it is not the address"
    )
