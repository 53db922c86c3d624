"""Alerts about snapshots: that one failed, and that the newest is too old."""

from datetime import timedelta

import pytest

from accounts.audit import SYSTEM
from alerts import rules, telling
from alerts.models import Alert, AlertStanding, Notification
from snapshots import ages, notices, schedules
from snapshots.models import Snapshot, SnapshotSchedule

pytestmark = pytest.mark.django_db
DAY = 86400


@pytest.fixture
def daily(server, clock):
    return schedules.save(
        server, "daily", {"hour": 3, "minute": 0, "time_zone": "UTC"}, actor=SYSTEM, now=clock()
    )


@pytest.fixture
def fail(clock, server):

    return lambda: notices.report(server.pk, failed=True, why="no space left", now=clock())


def test_it_fires_with_the_reason_once_for_all_failures(daily, fail, clock, server, alice):
    fail()
    clock.pass_by(DAY)
    fail()
    alert = Alert.objects.get()
    assert (alert.metric, alert.detail, alert.owner) == ("snapshot_failed", "no space left", alice)
    telling.tell_due(clock)
    assert Notification.objects.count() == 1


def test_the_next_one_that_is_taken_ends_it(daily, fail, clock, server):

    fail()
    telling.tell_due(clock)
    notices.report(server.pk, failed=False, now=clock())
    telling.tell_due(clock)
    assert Alert.objects.get().end_reason == "recovered"
    assert list(Notification.objects.order_by("pk").values_list("kind", flat=True)) == [
        "fired",
        "recovered",
    ]


def test_so_does_the_end_of_the_schedule(daily, fail, clock):
    fail()
    ages.report(clock())
    assert Alert.objects.firing().exists()
    SnapshotSchedule.objects.update(enabled=False)
    ages.report(clock())
    assert Alert.objects.get().end_reason == "void"
    assert not AlertStanding.objects.exists()


def test_the_newest_snapshot_is_too_old(server, alice, clock):
    rules.create(
        alice, {"metric": "snapshot_age", "threshold": 2 * DAY}, actor=SYSTEM, now=clock()
    )
    taken = Snapshot.objects.create(server=server, name="a", title="A", taken_at=clock())
    ages.report(clock.pass_by(2 * DAY))
    assert not Alert.objects.exists()
    ages.report(clock.pass_by(60))
    assert Alert.objects.get().value == pytest.approx(2 * DAY + 60)
    Snapshot.objects.filter(pk=taken.pk).update(taken_at=clock() - timedelta(hours=1))
    ages.report(clock())
    assert not Alert.objects.firing().exists()


def test_a_server_without_any_is_as_old_as_it_is_known(server, alice, bob, clock):
    for person in (alice, bob):
        rules.create(
            person, {"metric": "snapshot_age", "threshold": DAY}, actor=SYSTEM, now=clock()
        )
    type(server).objects.update(created_at=clock())
    ages.report(clock.pass_by(DAY + 60))
    assert [alert.server for alert in Alert.objects.all()] == [server]


def test_nothing_is_read_where_no_rule_asks(server, clock, django_assert_max_num_queries):
    ages.report(clock())
    with django_assert_max_num_queries(6):
        ages.report(clock())
