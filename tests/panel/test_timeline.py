"""What happened to a server, of all apps together."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Alert
from panel import timeline
from servers import timeline as servers_timeline
from servers.models import Action
from servers.timeline import Happening
from snapshots.models import Snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def acted(server, alice, now):
    def make(ago, took=30, type="reboot", status="success", person=alice):
        begun = now - timedelta(seconds=ago)
        return Action.objects.create(
            server=server, type=type, status=status, source="page", requested_by=person,
            requested_by_email=person.email, requested_at=begun, deadline=begun,
            active=None if took is not None else True,
            finished_at=None if took is None else begun + timedelta(seconds=took),
        )  # fmt: skip

    return make


@pytest.fixture
def alerted(server, alice, now):
    def make(ago, lasted=None):
        fired = now - timedelta(seconds=ago)
        ended = None if lasted is None else fired + timedelta(seconds=lasted)
        return Alert.objects.create(
            server=server, owner=alice, metric="cpu", severity="critical", condition="greater_than",
            threshold=0.9, since=fired, fired_at=fired, ended_at=ended,
            active=True if ended is None else None, end_reason="recovered" if ended else "",
        )  # fmt: skip

    return make


@pytest.fixture
def events_of(api_of, server, now):
    def ask(person, back=3600, until=0, **query):
        times = {
            "start": (now - timedelta(seconds=back)).isoformat(),
            "end": (now - timedelta(seconds=until)).isoformat(),
        }
        answer = api_of(person).get(f"/api/v1/servers/{server.pk}/events/", {**times, **query})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


def test_all_of_it_oldest_first(events_of, alice, server, acted, alerted, now):
    acted(600)
    alerted(1200, lasted=300)
    Snapshot.objects.create(
        server=server, name="a", title="<b>Before", origin="person",
        taken_at=now - timedelta(seconds=300),
    )  # fmt: skip
    alert, action, snapshot = events_of(alice)["events"]
    assert [each["kind"] for each in (alert, action, snapshot)] == ["alert", "action", "snapshot"]
    assert (alert["outcome"], alert["detail"]) == ("critical", "It recovered.")
    assert "CPU above 90\u00a0%" in alert["title"]
    assert (action["title"], action["outcome"]) == ("Restart", "good")
    assert action["detail"].endswith("by you")
    assert action["address"] == f"/servers/{server.pk}/history/"
    assert (snapshot["title"], snapshot["at"]) == ("Snapshot “<b>Before”", snapshot["until"])


def test_what_was_under_way_counts_and_what_was_over_before_does_not(
    events_of, alice, acted, alerted
):
    acted(5000, took=60)
    acted(4000, took=900, status="failed")
    alerted(9000)
    told = events_of(alice)["events"]
    assert [(each["kind"], each["outcome"]) for each in told] == [
        ("alert", "critical"),
        ("action", "critical"),
    ]
    assert told[0]["until"] is None
    assert events_of(alice, back=8000, until=6000)["events"][0]["kind"] == "alert"
    assert len(events_of(alice, back=20_000, until=10_000)["events"]) == 0


def test_a_snapshot_stands_for_the_action_that_took_it(events_of, alice, server, acted, now):
    action = acted(300, type="snapshot.create")
    Snapshot.objects.create(
        server=server, name="a", title="A", origin="person", action=action,
        taken_at=now - timedelta(seconds=280),
    )  # fmt: skip
    assert [each["kind"] for each in events_of(alice)["events"]] == ["snapshot"]


def test_customers_are_not_told_who_of_the_staff_it_was(events_of, alice, staff, acted):
    made = acted(300, person=staff)
    Action.objects.filter(pk=made.pk).update(by_staff=True)
    assert staff.email not in str(events_of(alice))
    assert staff.email in str(events_of(staff)) or "by you" in str(events_of(staff))


def test_as_many_as_can_be_seen_and_it_says_so(events_of, alice, acted, monkeypatch):
    monkeypatch.setattr(servers_timeline, "MOST", 3)
    for ago in range(100, 600, 100):
        acted(ago)
    told = events_of(alice)
    assert (len(told["events"]), told["is_cut"]) == (3, True)
    assert events_of(alice, back=250)["is_cut"] is False


def test_it_costs_the_same_however_much_happened(server, alice, acted, alerted, now):
    span = (now - timedelta(hours=1), now)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            timeline.happenings(server, alice, *span)
        return len(captured)

    acted(100)
    few = queries()
    for ago in range(200, 900, 100):
        acted(ago)
    alerted(900)
    assert queries() == few <= 4


@pytest.mark.parametrize(
    "query", [{"start": "x"}, {"start": "2031-01-01T00:00:00Z"}, {"end": "1960-01-01T00:00:00Z"}]
)
def test_what_makes_no_sense_is_said(api_of, alice, server, query):
    answer = api_of(alice).get(f"/api/v1/servers/{server.pk}/events/", query)
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]


def test_order_is_of_time(now):
    def at(seconds, kind="action", action=None):
        return Happening(kind, now + timedelta(seconds=seconds), None, "good", "", "", "", action)

    found = [at(3, action=1), at(1, action=2), at(2, "snapshot", 1)]
    assert timeline.in_order(found) == [found[1], found[2]]
