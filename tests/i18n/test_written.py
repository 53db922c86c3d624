"""What is written for one person while nobody asks is written in their language."""

from datetime import timedelta

import pytest
from django.utils import translation

from accounts.models import User
from snapshots import tend
from snapshots.models import ServerSnapshots, Snapshot, SnapshotSchedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def schedule(server, alice, clock):
    User.objects.filter(pk=alice.pk).update(language="ru")
    ServerSnapshots.objects.update_or_create(
        server=server, defaults={"can_take": True, "looked_at": clock()}
    )
    return SnapshotSchedule.objects.create(
        server=server, kind="daily", next_run_at=clock() - timedelta(minutes=1), keep=3
    )


def test_the_title_of_a_scheduled_snapshot(schedule, clock):
    assert tend.run_schedules(clock()) == 1
    assert Snapshot.objects.get().title.startswith("По расписанию, ")


def test_why_there_is_none(schedule, clock):
    ServerSnapshots.objects.update(can_take=False, obstacles=[])
    assert tend.run_schedules(clock()) == 0
    schedule.refresh_from_db()
    assert schedule.last_error == "Хранилище его дисков не поддерживает снимки."


def test_the_worker_itself_goes_on_in_its_own(schedule, clock):
    tend.run_schedules(clock())
    assert translation.get_language() == "en"
