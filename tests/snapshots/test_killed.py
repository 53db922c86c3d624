"""A worker that is killed while it takes, or deletes, a snapshot: nothing doubled, nothing untrue."""

import pytest

from servers.models import Action
from snapshots.models import Snapshot
from tests.actions.test_killed import deadly

pytestmark = pytest.mark.django_db
MOMENTS = 90


@pytest.fixture
def moments(worker, monkeypatch):
    return deadly(worker, monkeypatch)


def test_there_are_no_more_moments(take, moments):
    take()
    assert 40 < moments.passed < MOMENTS


@pytest.mark.parametrize("moment", range(1, MOMENTS, 2))
def test_taking(moment, take, worker, moments, guest, verbs, looked):
    moments.fatal = moment
    _, action = take(wait=False)
    worker.run(400)
    action = Action.objects.get(pk=action.pk)
    assert action.status in ("success", "lost")
    assert verbs().count(("POST", "snapshot")) <= 1
    moments.fatal = None
    rows = looked()
    assert [row.name for row in rows] == list(guest.snapshots)
    if action.status == "success":
        (row,) = rows
        assert (row.origin, row.title) == (Snapshot.Origin.PERSON, "Before the upgrade")
    else:
        assert (action.error_code, rows) == ("no_trace", [])
