"""Links in mails: each does one thing for one person, and asks before it does it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client

from accounts.models import AuditEntry, User
from alerts import destinations, links
from alerts.models import AlertRule, Mute, NotificationChannel
from servers.models import Server


@pytest.fixture(autouse=True)
def at_the_clock(clock):
    with time_machine.travel(clock(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def rule(db, clock):
    return AlertRule.objects.create(
        metric="cpu", threshold=0.9, duration=600, created_at=clock(), updated_at=clock()
    )


@pytest.fixture
def mute_link(alice, server, rule):
    return path_of(links.mute(alice.pk, rule.pk, server.pk, 24))


@pytest.fixture
def own(alice, clock):
    return destinations.own_mail(alice, clock())


@pytest.fixture
def unsubscribe_link(alice, own):
    return path_of(links.unsubscribe(alice.pk, own.pk))


@pytest.fixture
def browser():
    """Of nobody, which insists on CSRF where it counts."""
    return Client(enforce_csrf_checks=True)


def path_of(url):
    assert url.startswith("http://127.0.0.1:8000/alerts/link/")
    return url.removeprefix("http://127.0.0.1:8000")


def test_looking_changes_nothing(mute_link, unsubscribe_link, browser, own):
    for link in (mute_link, unsubscribe_link):
        for ask in (browser.get, browser.head, browser.options):
            assert ask(link).status_code == 200
    own.refresh_from_db()
    assert own.enabled
    assert not Mute.objects.exists()


def test_muting_and_back(mute_link, browser, alice, rule, server, clock):
    page = browser.get(mute_link).content.decode()
    assert "Shall this be muted for 1 day?" in page
    assert "CPU above 90 % for 10 min" in page

    page = browser.post(mute_link).content.decode()
    [mute] = Mute.objects.all()
    assert (mute.owner, mute.rule, mute.server) == (alice, rule, server)
    assert abs((mute.until - clock()) - timedelta(hours=24)) < timedelta(minutes=2)
    assert "It is muted until" in page
    assert "Unmute" in page

    assert "Shall this be muted" in browser.post(mute_link, {"undo": "1"}).content.decode()
    assert not Mute.objects.exists()
    events = list(AuditEntry.objects.filter(event__startswith="alerts.").order_by("pk"))
    assert [entry.event for entry in events] == ["alerts.muted", "alerts.unmuted"]
    assert {entry.actor for entry in events} == {None}, "whoever had the link"


def test_one_click_in_the_mail_program(unsubscribe_link, browser, own):
    """RFC 8058: a POST without cookie, session or token."""
    answer = browser.post(
        unsubscribe_link,
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    own.refresh_from_db()
    assert not own.enabled
    assert not answer.cookies

    assert "No more alerts are sent there" in browser.get(unsubscribe_link).content.decode()
    browser.post(unsubscribe_link, {"undo": "1"})
    own.refresh_from_db()
    assert own.enabled


def test_confirming(alice, browser, clock):
    channel = NotificationChannel.objects.create(
        owner=alice, kind="mail", target="ops@example.com", created_at=clock()
    )
    link = path_of(links.confirm(channel))
    assert "alice@example.com" in browser.get(link).content.decode()
    channel.refresh_from_db()
    assert channel.confirmed_at is None
    assert "It is confirmed" in browser.post(link).content.decode()
    channel.refresh_from_db()
    assert channel.confirmed_at
    NotificationChannel.objects.update(target="eve@example.com")
    assert browser.get(link).status_code == 410


def tampered(link):
    token = link.split("/")[-2]
    payload, rest = token.split(":", 1)
    other = signing.dumps(["unsubscribe", [1, 1], ""], salt="something.else")
    made = signing.dumps(["mute", [1, 1, 1, 24], ""], key="k" * 50, salt=links.SALT)
    longer = payload[:-2] + ("AA" if payload[-2:] != "AA" else "BB")
    return [token[:-1], token + "x", f"{longer}:{rest}", payload, "x", other, made, "a:b:c"]


def test_what_was_tampered_with_is_a_page_that_says_nothing(
    mute_link, unsubscribe_link, browser, own
):
    pages = set()
    for link in (mute_link, unsubscribe_link):
        for token in tampered(link):
            for ask in (browser.get, browser.post):
                answer = ask(f"/alerts/link/{token}/")
                assert answer.status_code == 410, token
                # The footer leads back to this very address, in another language.
                pages.add(re.search(r"<main.*</main>", answer.content.decode(), re.S)[0])
    assert len(pages) == 1
    [page] = pages
    assert "alice" not in page
    own.refresh_from_db()
    assert own.enabled
    assert not Mute.objects.exists()


def test_it_expires(mute_link, unsubscribe_link, browser, at_the_clock):
    at_the_clock.shift(links.GOOD_FOR - timedelta(seconds=5))
    assert browser.get(mute_link).status_code == 200
    at_the_clock.shift(timedelta(seconds=10))
    for link in (mute_link, unsubscribe_link):
        assert browser.post(link).status_code == 410
    assert not Mute.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda alice, bob, server, rule: Server.objects.filter(pk=server.pk).update(owner=bob),
        lambda alice, bob, server, rule: rule.delete(),
        lambda alice, bob, server, rule: AlertRule.objects.update(owner=bob),
        lambda alice, bob, server, rule: User.objects.filter(pk=alice.pk).update(is_active=False),
        lambda alice, bob, server, rule: alice.delete(),
    ],
    ids=["another's server", "no rule", "another's rule", "shut out", "gone"],
)
def test_what_is_not_theirs_any_more(mute_link, browser, alice, bob, server, rule, change):
    change(alice, bob, server, rule)
    assert browser.get(mute_link).status_code == 410
    assert browser.post(mute_link).status_code == 410
    assert not Mute.objects.exists()


def test_a_link_of_one_person_touches_nothing_of_another(alice, bob, server, rule, own, clock):
    """Numbers that do not belong together, signed by us all the same."""
    bobs = destinations.own_mail(bob, clock())
    for link in (links.unsubscribe(alice.pk, bobs.pk), links.mute(bob.pk, rule.pk, server.pk, 1)):
        assert Client().post(path_of(link)).status_code == 410
    bobs.refresh_from_db()
    assert bobs.enabled


def test_a_mute_link_of_one_server_mutes_no_other(mute_link, browser, server):
    browser.post(mute_link, {"server": "1", "rule": "", "hours": "9999", "until": ""})
    [mute] = Mute.objects.all()
    assert mute.server == server
    assert mute.rule_id


def test_the_page_is_kept_nowhere(mute_link, browser):
    answer = browser.get(mute_link)
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex"


def test_it_is_in_the_persons_language(mute_link, browser, alice):
    User.objects.filter(pk=alice.pk).update(language="ru")
    page = browser.get(mute_link).content.decode()
    assert "Не оповещать об этом 1 день?" in page
    assert 'lang="ru"' in page


def test_tokens_reach_no_log(mute_link, browser, caplog):
    caplog.set_level("DEBUG")
    for ask in (browser.get, browser.post, browser.put, browser.delete):
        ask(mute_link)
    assert mute_link.split("/")[-2] not in caplog.text
