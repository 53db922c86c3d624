"""Odd input to the pages of alerts gets an answer, never a 500."""

from datetime import UTC, datetime

import pytest

from accounts.audit import SYSTEM
from alerts import destinations, rulebook, rules

pytestmark = pytest.mark.django_db

HUGE = "9" * 30
LONG = "x" * 5000
ODD = ("\x00", LONG, HUGE, "-1", "1e400", "nan", "²", "\u202e\u2066")
ADDRESSES = [
    *(f"/alerts/?{name}={odd}" for name in ("server", "severity", "state", "page", "now")
      for odd in ("%00", HUGE, LONG, "-1")),
    *(f"/alerts/{part}" for part in (f"{HUGE}/", f"rules/{HUGE}/", f"rules/{HUGE}/delete/",
                                     f"channels/{HUGE}/", f"tests/{HUGE}/", "channels/new/%00/")),
    *(f"/alerts/rules/new/?{name}={odd}" for name in ("server", "copy", "replaces")
      for odd in ("%00", HUGE, "-1", "x", "%D9%A1")),
    *(f"/alerts/channels/?test={odd}" for odd in ("%00", HUGE, "-1", "%D9%A1")),
    *(f"/servers/{{id}}/alerts/?why={odd}" for odd in ("%00", HUGE, "-1", LONG)),
    *(f"/admin/alerts/{table}/?q=%00" for table in (
        "alert", "alertrule", "incident", "maintenancewindow", "notification",
        "notificationchannel")),
]  # fmt: skip
FIELDS = (
    "scope", "label", "server", "metric", "mountpoint", "condition", "threshold", "duration",
    "clear_at", "severity", "trust", "remind_every", "tell_recovery", "channels", "trial",
    "replaces", "copy",
)  # fmt: skip
RULE = {
    "scope": "all", "metric": "disk", "condition": "greater_than", "threshold": "80",
    "duration": "10", "severity": "critical", "trust": "any",
}  # fmt: skip


@pytest.fixture
def browser(browser_of, alice):
    client = browser_of(alice)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: a[:50])
def test_addresses(address, browser_of, staff, make_server):
    browser = browser_of(staff)
    browser.raise_request_exception = False
    path = address.replace("{id}", str(make_server(staff).pk))
    assert browser.get(path).status_code < 500


@pytest.mark.parametrize("trying", [{}, {"try": "1"}], ids=["saved", "tried"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_rule(name, trying, browser, alice, make_server):
    make_server(alice)
    for odd in ODD:
        answer = browser.post("/alerts/rules/new/", {**RULE, **trying, name: odd})
        assert answer.status_code < 500, odd


@pytest.mark.parametrize("kind", ["mail", "webhook", "telegram"])
@pytest.mark.parametrize("name", ["target", "secret", "name"])
def test_a_channel(name, kind, browser):
    good = {"mail": "a@example.org", "webhook": "https://example.org/", "telegram": "42"}
    for odd in ODD:
        wish = {"target": good[kind], "secret": "", "name": "", name: odd}
        assert browser.post(f"/alerts/channels/new/{kind}/", wish).status_code < 500, odd


@pytest.mark.parametrize("do", [*ODD, "test", "rotate", "confirm", "save"])
def test_a_channel_that_is_there(do, browser, alice):
    channel = destinations.own_mail(alice, datetime.now(UTC))
    assert browser.post(f"/alerts/channels/{channel.pk}/", {"do": do}).status_code < 500


@pytest.mark.parametrize("name", ["quiet_from", "quiet_until", "critical_anyway"])
def test_preferences(name, browser):
    for odd in ODD:
        assert browser.post("/alerts/preferences/", {name: odd}).status_code < 500, odd


@pytest.mark.parametrize("name", ["rule", "server", "hours", "back"])
def test_muting(name, browser, alice, make_server):
    wish = {"server": make_server(alice).pk, "hours": "1"}
    for odd in ODD:
        assert browser.post("/alerts/mutes/", {**wish, name: odd}).status_code < 500, odd


def test_a_default_rule_of_the_staffs(browser_of, staff):
    browser = browser_of(staff)
    browser.raise_request_exception = False
    good = {**RULE, "minutes": "5", "remind_every": ""}
    for name in (*good, "clear_at", "mountpoint"):
        for odd in ODD:
            answer = browser.post("/admin/alerts/alertrule/add/", {**good, name: odd})
            assert answer.status_code < 500, (name, odd)


def test_a_rule_of_a_kind_that_no_form_makes_is_still_shown(browser, alice, make_server):
    """The API sets what it likes within the rules: odd durations and reminders."""
    rulebook.revision_now()
    wish = {"metric": "network_in", "threshold": 1.0, "duration": 1, "remind_every": 3661}
    rule = rules.create(alice, wish, actor=SYSTEM, now=datetime.now(UTC))
    html = browser.get(f"/alerts/rules/{rule.pk}/").content.decode()
    assert "every 1 h 1 min" in html
