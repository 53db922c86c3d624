"""A worker that is killed while it takes, or deletes, a snapshot: nothing doubled, nothing untrue."""

import pytest

from servers.models import Action
from servers.simulator.adapter import SimulatedAdapter
from snapshots.models import Snapshot
from tests.actions.test_killed import Killed, Moments

pytestmark = pytest.mark.django_db
MOMENTS = 90


@pytest.fixture
def moments(worker, monkeypatch):
    """Dies at one moment, whatever it is at: sending, following or reading the list."""
    made = Moments()
    send, carry_out = SimulatedAdapter.send, worker.carry_out

    def send_and_count(adapter, request, **options):
        made.pass_one()
        answer = send(adapter, request, **options)
        made.pass_one()
        return answer

    def carry_out_and_die(message):
        try:
            with made.counted():
                carry_out(message)
        except Killed:
            made.fatal = None

    monkeypatch.setattr(SimulatedAdapter, "send", send_and_count)
    monkeypatch.setattr(worker, "carry_out", carry_out_and_die)
    return made


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
