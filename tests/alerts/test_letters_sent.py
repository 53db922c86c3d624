"""Mails as they leave: text, HTML, the chart, and links that act."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils.module_loading import import_string

from accounts.audit import Actor
from accounts.models import Source
from alerts import delivery, destinations, letters, outbox, pictures, sending
from alerts.letters import dressing
from alerts.models import Alert, AlertRule
from servers.models import Server

HOUR = timedelta(hours=1)
ASKED: list[tuple[object, ...]] = []


def samples_of(server_id, metric, start, end, *, mountpoint=""):
    """Stands in for the samples above: half an hour low, then high."""
    ASKED.append((server_id, metric, start, end, mountpoint))
    return [(at, 0.5 if at < end - 1800 else 0.97) for at in range(start, end, 30)]


def broken(*args, **kwargs):
    raise OSError("the disk is on fire")


def of_nothing(*args, **kwargs):
    return [(args[2], None)]


@pytest.fixture(autouse=True)
def samples(settings):
    ASKED.clear()
    settings.ALERT_SAMPLES = "tests.alerts.test_letters_sent.samples_of"


@pytest.fixture
def rule(clock):
    return AlertRule.objects.create(
        metric="cpu", threshold=0.9, duration=600, created_at=clock(), updated_at=clock()
    )


@pytest.fixture
def alert(alice, server, rule, clock):
    Server.objects.filter(pk=server.pk).update(name="web-1")
    return Alert.objects.create(
        rule=rule, server=server, owner=alice, metric="cpu", severity="critical",
        condition="greater_than", threshold=0.9, clear_at=0.85, duration=600, value=0.973,
        since=clock() - HOUR, fired_at=clock(),
    )  # fmt: skip


@pytest.fixture
def send(alice, alert, clock):
    def deliver(kind="fired", alerts=None, channel=None, **changes):
        alerts = [alert] if alerts is None else alerts
        for each in alerts:
            each.refresh_from_db()
        letter = letters.compose(kind, alice, alerts=alerts, now=clock())
        told = outbox.tell(
            alice, subject=letter.subject, body=letter.body, key=None, kind=kind,
            channel=channel or destinations.own_mail(alice, clock()), alerts=alerts,
            now=clock(), **changes,
        )  # fmt: skip
        delivery.deliver(told.pk, clock=clock)
        told.refresh_from_db()
        assert told.status == "sent"
        return told, mail.outbox[-1].message()

    return deliver


def parts(message):
    return {part.get_content_type(): part for part in message.walk()}


def text_of(message, kind="text/plain"):
    return parts(message)[kind].get_payload(decode=True).decode()


def test_text_html_and_a_chart(send):
    _, message = send()

    found = parts(message)
    assert set(found) == {
        "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png",
    }  # fmt: skip
    assert found["image/png"]["Content-ID"] == "<chart>"
    assert found["image/png"]["Content-Disposition"].startswith("inline")
    assert found["image/png"].get_payload(decode=True).startswith(b"\x89PNG")
    page = text_of(message, "text/html")
    assert 'src="cid:chart"' in page
    assert "web-1: CPU above 90 % for 10 min" in page
    assert re.search(r'<h1 style="[^"]*font-size: ?20px', page), "it is inlined"
    assert "prefers-color-scheme: dark" in page
    assert "http" not in re.sub(r"http://127\.0\.0\.1:8000/", "", page), "nothing from elsewhere"


def test_the_chart_is_of_the_moment(send, alert, server, clock):
    send()
    [(server_id, metric, start, end, mountpoint)] = ASKED
    assert (server_id, metric, mountpoint) == (server.pk, "cpu", "")
    assert start <= alert.since.timestamp() - 1800
    assert end == int(clock.seconds)


def test_the_chart_of_a_disk_is_of_the_file_system_that_crossed(send, alert):
    Alert.objects.filter(pk=alert.pk).update(metric="disk", detail="/var")
    send()
    assert ASKED[0][-1] == "/var"


def test_links_that_act_are_in_the_mail_and_nowhere_else(send, alert):
    told, message = send()
    text, page = text_of(message), text_of(message, "text/html")
    urls = set(re.findall(r"http://127\.0\.0\.1:8000/alerts/link/[^\s\"<]+", text))
    assert len(urls) == 4
    assert all(url in page for url in urls)
    assert "Mute for 1 h" in text
    assert "/alerts/link/" not in told.body
    assert message["List-Unsubscribe"].strip("<>") in urls
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_recovery_is_in_the_thread_of_its_first(send, alert, clock):
    first, started = send()
    Alert.objects.filter(pk=alert.pk).update(
        active=None, ended_at=clock.pass_by(600), end_reason="recovered", end_value=0.4
    )
    _, message = send("recovered", after=first)
    assert message["In-Reply-To"] == message["References"] == started["Message-ID"]
    assert "Mute" not in text_of(message)
    assert "image/png" in parts(message)


def test_a_reminder_finds_its_thread(send, clock):
    _, started = send()
    clock.pass_by(7200)
    _, reminder = send("reminder")
    clock.pass_by(7200)
    _, another = send("reminder")
    assert reminder["In-Reply-To"] == another["In-Reply-To"] == started["Message-ID"]
    assert started["In-Reply-To"] is None


def test_several_have_no_chart_and_can_only_be_unsubscribed(send, alert, server):
    other = Alert.objects.create(
        server=server, owner=alert.owner, metric="memory", severity="warning", threshold=0.9,
        condition="greater_than", since=alert.since, fired_at=alert.fired_at,
    )  # fmt: skip
    _, message = send(alerts=[alert, other])
    assert "image/png" not in parts(message)
    assert text_of(message).count("/alerts/link/") == 1
    assert "<li" in text_of(message, "text/html")


@pytest.mark.parametrize("of", ["broken", "of_nothing", "is_not_there"])
def test_without_samples_the_mail_goes_out_without_a_chart(send, settings, of):
    settings.ALERT_SAMPLES = f"tests.alerts.test_letters_sent.{of}"
    _, message = send()
    assert "image/png" not in parts(message)
    assert "cid:chart" not in text_of(message, "text/html")
    assert "/alerts/link/" in text_of(message)


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), TypeError("x"), KeyError("x")])
def test_a_chart_that_fails_keeps_nothing_back(send, monkeypatch, error):
    def fails(chart):
        raise error

    monkeypatch.setattr(pictures, "png", fails)
    _, message = send()
    assert set(parts(message)) == {"multipart/alternative", "text/plain", "text/html"}


def test_html_that_fails_keeps_no_text_back(send, monkeypatch):
    def fails(*args, **kwargs):
        raise dressing.TemplateSyntaxError("x")

    monkeypatch.setattr(dressing, "render_to_string", fails)
    _, message = send()
    assert message.get_content_type() == "text/plain"
    assert "Mute for 1 h" in text_of(message)


def test_what_comes_from_guests_stays_text(send, alert, server):
    Server.objects.filter(pk=server.pk).update(name='<img src="http://evil.example/x">')
    Alert.objects.filter(pk=alert.pk).update(detail="<script>alert(1)</script>")
    _, message = send()
    page = text_of(message, "text/html")
    assert "<script" not in page
    assert page.count("<img") == 1
    assert "&lt;img" in page


def test_an_address_that_is_not_ours_is_no_link(send, server):
    Server.objects.filter(pk=server.pk).update(name="x: http://evil.example/")
    _, message = send()
    assert 'href="http://evil' not in text_of(message, "text/html")


def test_in_russian(send, alice):
    alice.language = "ru"
    alice.save()
    _, message = send()
    assert "Не оповещать 1 ч" in text_of(message)
    page = text_of(message, "text/html")
    assert 'lang="ru"' in page
    assert "Больше не присылать" in page
    assert "Mute" not in page


def test_a_notice_has_html_and_nothing_to_unsubscribe(alice, clock):
    told = outbox.tell(alice, subject="A notice", body="It says.\n", key=None, now=clock())
    delivery.deliver(told.pk, clock=clock)
    message = mail.outbox[0].message()
    assert message["List-Unsubscribe"] is None
    assert "It says." in text_of(message, "text/html")


def test_a_chat_gets_no_links_that_act(alice, alert, clock):
    channel, _ = destinations.add(
        alice, "webhook", name="", target="https://example.com/",
        actor=Actor(None, Source.WEB), now=clock(),
    )  # fmt: skip
    told = outbox.tell(
        alice, subject="x", body="x", key=None, kind="fired", channel=channel, alerts=[alert],
        now=clock(),
    )  # fmt: skip
    message = sending.message_of(told, sending.CHANNELS["webhook"], clock())
    assert (message.footer, message.html, message.unsubscribe) == ("", "", "")


def test_the_settings_name_samples_that_are_there(settings):
    assert callable(import_string("monitoring.evidence.samples_of"))
