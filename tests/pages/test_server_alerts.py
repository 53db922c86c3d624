"""A server's own page of alerts: what fires, how each rule stands, and why it is silent."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.audit import SYSTEM
from alerts import mutes, rulebook, rules
from alerts.models import AlertRule, AlertStanding
from tests.pages.reading import text_of

FETCHED = {"HTTP_X_REQUESTED_WITH": "fetch"}


@pytest.fixture
def server(alice, make_server):
    return make_server(alice, "web1")


@pytest.fixture
def page(browser_of, alice, server):
    client = browser_of(alice)
    return lambda query="", **more: client.get(f"/servers/{server.pk}/alerts/{query}", **more)


@pytest.fixture
def default(db):
    rulebook.revision_now()
    return AlertRule.objects.defaults().get(metric="cpu")


def stands(rule, server, state, seconds):
    since = int(datetime.now(UTC).timestamp()) - seconds
    AlertStanding.objects.create(
        rule=rule, server=server, owner_id=server.owner_id, state=state, since=since
    )


def test_has_a_tab(page):
    assert '/alerts/" aria-current="page">Alerts' in page().content.decode()


def test_every_default_stands_there_from_the_first_day(page):
    text = text_of(page())
    assert "Nothing fires" in text
    assert "CPU above 90 % for 10 min: warning, recovers at 85 %. default" in text
    assert "Fine" in text


def test_says_how_long_it_has_been_crossed(page, default, server):
    stands(default, server, "pending", 245)
    assert "Crossed for 4 min, fires after 10 min" in text_of(page())


def test_a_standing_of_a_former_owners_is_nobodys_business(page, default, server, bob):
    stands(default, server, "firing", 245)
    AlertStanding.objects.update(owner_id=bob.pk)
    assert "Fires" not in text_of(page())


def test_what_fires_and_what_did(page, server, make_alert):
    make_alert(server)
    make_alert(server, metric="memory", ended=True)
    text = text_of(page())
    assert "1 alert fires" in text
    assert text.index("CPU above 90 % for 10 min") < text.index("Lately")
    assert "Memory above 90 % for 10 min" in text[text.index("Lately") :]


def test_a_rule_of_its_own_stands_in_the_place_of_the_default(page, default, server, alice, clock):
    wish = {"server": server, "threshold": 0.5, "clear_at": 0.4}
    rule = rules.create(alice, wish, replaces=default, actor=SYSTEM, now=clock())
    text = text_of(page())
    assert "CPU above 50 % for 10 min" in text
    assert "CPU above 90 %" not in text
    assert f'href="/alerts/rules/{rule.pk}/"' in page().content.decode()


def test_what_is_switched_off_here_is_said(page, default, alice, clock):
    rules.create(alice, {"enabled": False}, replaces=default, actor=SYSTEM, now=clock())
    assert "CPU above 90 % for 10 min: warning, recovers at 85 %. default Off here" in text_of(
        page()
    )
    assert "It is switched off for this server." in text_of(page(f"?why={default.pk}"))


class TestWhyNot:
    def test_the_value_against_the_threshold(self, page, default):
        text = text_of(page(f"?why={default.pk}"))
        assert "CPU is at 12 %. It fires above 90 %." in text
        assert "Telling: nothing would hold a message back now." in text

    def test_since_when_and_until_when(self, page, default, server):
        stands(default, server, "pending", 60)
        assert "It has been crossed since" in text_of(page(f"?why={default.pk}"))

    def test_what_would_hold_a_message_back(self, page, default, server, alice):
        now = datetime.now(UTC)
        mutes.mute(
            alice, rule=None, server=server, until=now + timedelta(hours=1), actor=SYSTEM, now=now
        )
        assert "Telling: It is muted until" in text_of(page(f"?why={default.pk}"))

    @pytest.mark.parametrize("why", ["x", "999999", "", "1" * 30])
    def test_of_nothing_is_nothing(self, why, page):
        assert page(f"?why={why}").status_code == 200


def test_ways_to_mute_and_to_change_are_the_owners(
    browser_of, page, staff, server, default, alice, clock
):
    assert "Mute this server" in text_of(page())
    assert f"?replaces={default.pk}&amp;server={server.pk}" in page().content.decode()
    mine = rules.create(alice, {"threshold": 0.95}, replaces=default, actor=SYSTEM, now=clock())
    assert f"?copy={mine.pk}&amp;server={server.pk}" in page().content.decode()
    form = browser_of(alice).get(f"/alerts/rules/new/?copy={mine.pk}&server={server.pk}").context
    assert (form["form"].initial["threshold"], form["replaces"]) == ("95", default)
    text = text_of(browser_of(staff).get(f"/servers/{server.pk}/alerts/"))
    assert "Mute this server" not in text
    assert "Change here" not in text


def test_modules_get_the_live_part_alone(page):
    html = page(**FETCHED).content.decode()
    assert 'data-part="server-alerts"' in html
    assert "<html" not in html


def test_it_costs_the_same_for_many(
    page, server, make_alert, alice, clock, django_assert_num_queries,
    django_assert_max_num_queries,
):  # fmt: skip
    make_alert(server)
    make_alert(server, ended=True)
    page()
    with django_assert_max_num_queries(20) as few:
        page()
        count = len(few)
    for number in range(9):
        wish = {"metric": "memory", "threshold": 0.1 * (number + 1), "server": server}
        rules.create(alice, wish, actor=SYSTEM, now=clock())
        make_alert(server, ended=True, minutes=number)
    page()
    with django_assert_num_queries(count):
        page()
