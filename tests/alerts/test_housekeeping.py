"""What is kept, what goes, and what ends because its rule is gone."""

from datetime import timedelta

import pytest

from alerts import housekeeping
from alerts.models import Alert, AlertEvent, Incident, MaintenanceWindow, Mute, Notification

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def alert_of(server, alice, clock, rule_of):
    def make(days, **fields):
        rule = rule_of(alice)
        at = clock() - days * DAY
        return Alert.objects.create(
            **{
                "rule": rule, "server": server, "owner": alice, "metric": "cpu",
                "severity": "warning", "condition": "greater_than", "since": at,
                "fired_at": at, "ended_at": at, "active": None, **fields,
            }
        )  # fmt: skip

    return make


def test_what_was_over_long_ago_goes_with_its_events(alert_of, clock, told):
    old, new = alert_of(91), alert_of(89)
    firing = alert_of(200, active=True, ended_at=None)
    AlertEvent.objects.create(alert=old, at=clock(), kind="fired")
    told.alerts.add(old)

    assert housekeeping.forget(clock()) == 1
    assert set(Alert.objects.all()) == {new, firing}
    assert not AlertEvent.objects.exists()
    assert Notification.objects.count() == 1


def test_so_do_incidents_windows_and_mutes(clock, cluster, ann):
    for days in (91, 89):
        at = clock() - days * DAY
        Incident.objects.create(
            cluster=cluster, kind="node", name=str(days), active=None, began_at=at, ended_at=at
        )
        MaintenanceWindow.objects.create(cluster=cluster, starts_at=at, ends_at=at)
        Mute.objects.create(owner=ann, until=at, created_at=at)
    Mute.objects.create(owner=ann, until=None, created_at=clock() - 200 * DAY)
    housekeeping.forget(clock())
    assert Incident.objects.get().name == "89"
    assert MaintenanceWindow.objects.count() == 1
    assert Mute.objects.count() == 2


def test_what_fires_by_a_rule_of_somebody_who_left_is_over(alert_of, alice, clock):
    firing = alert_of(0, active=True, ended_at=None)
    alice.delete()
    assert housekeeping.end_ruleless(clock()) == 1
    firing.refresh_from_db()
    assert (firing.active, firing.end_reason) == (None, "rule_changed")
    assert housekeeping.end_ruleless(clock()) == 0
