from datetime import time, timedelta

import pytest

from accounts.audit import Actor
from accounts.models import AuditEntry, Source, User
from alerts import preferences
from alerts.models import Alert, AlertPreferences, Notification
from servers.operations import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def change(alice, clock):
    def run(user=None, **wish):
        person = user or alice
        return preferences.change(person, wish, actor=Actor(person, Source.WEB), now=clock())

    return run


def test_it_works(change, alice):
    change(
        quiet_from=time(22), quiet_until=time(7), critical_anyway=False, language="ru",
        time_zone="Europe/Moscow",
    )  # fmt: skip
    kept = AlertPreferences.objects.get(user=alice)
    assert (kept.quiet_from, kept.quiet_until) == (time(22), time(7))
    assert not kept.critical_anyway
    alice.refresh_from_db()
    assert (alice.language, alice.time_zone) == ("ru", "Europe/Moscow")


def test_what_is_not_named_stays(change, alice):
    change(quiet_from=time(22), quiet_until=time(7))
    change(critical_anyway=False)
    assert preferences.of(alice).quiet_from == time(22)


def test_they_can_be_taken_back(change, alice):
    change(quiet_from=time(22), quiet_until=time(7))
    change(quiet_from=None, quiet_until=None)
    assert preferences.of(alice).quiet_until is None


def test_who_never_changed_any_has_the_usual_ones(alice):
    assert preferences.of(alice).critical_anyway
    assert not AlertPreferences.objects.exists()


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"quiet_from": time(22)}, "quiet_until"),
        ({"quiet_until": time(22)}, "quiet_from"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "quiet_until"),
        ({"language": "tlh"}, "language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"incidents": False}, "incidents"),
    ],
)
def test_what_makes_no_sense(wish, field, change, alice):
    with pytest.raises(Invalid) as caught:
        change(**wish)
    assert caught.value.field == field
    alice.refresh_from_db()
    assert (alice.language, alice.time_zone) == ("en", "UTC")
    assert not AuditEntry.objects.filter(event="alerts.preferences_changed").exists()


def test_staff_choose_about_incidents(change, staff):
    assert change(staff, incidents=False).incidents is False


def test_what_quiet_hours_held_is_decided_anew(
    change, alice, server, clock, sent, django_capture_on_commit_callbacks
):
    alert = Alert.objects.create(
        server=server, owner=alice, metric="cpu", severity="warning", condition="greater_than",
        since=clock(), fired_at=clock(), tell_at=clock() + timedelta(hours=5),
    )  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        change(quiet_from=time(22), quiet_until=time(7))
    alert.refresh_from_db()
    assert alert.tell_at == clock()
    assert "alerts.tell" in [message.name for message in sent]


def test_a_recovery_that_they_held_is_told_when_there_are_none_any_more(
    change, rule_of, no_defaults, owner, guest, pass_time
):
    rule_of(owner)
    guest.busy_cpu = 0.97
    pass_time(180)
    change(quiet_from=time(0), quiet_until=time(23, 59))
    guest.busy_cpu = 0.1
    pass_time(120)
    assert Alert.objects.get().ended_at
    assert not Notification.objects.filter(kind="recovered").exists()
    change(quiet_from=None, quiet_until=None)
    pass_time(30)
    assert Notification.objects.filter(kind="recovered").exists()


def test_the_audit_log_tells_what_changed(change, alice):
    change(quiet_from=time(22), quiet_until=time(7), language="en")
    entry = AuditEntry.objects.get(event="alerts.preferences_changed")
    assert entry.details == {"quiet_from": "22:00:00", "quiet_until": "07:00:00"}
    assert entry.object_id == alice.pk


def test_nothing_changed_nothing_noted(change):
    change(language="en")
    assert not AuditEntry.objects.filter(event="alerts.preferences_changed").exists()


def test_the_persons_other_fields_are_left_alone(change, alice):
    User.objects.filter(pk=alice.pk).update(first_name="Changed meanwhile")
    change(language="ru")
    alice.refresh_from_db()
    assert alice.first_name == "Changed meanwhile"
