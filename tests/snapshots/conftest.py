"""Snapshots of Alice's server, with a worker that lives by the test's clock."""

import pytest

from accounts.audit import Actor
from accounts.models import Source
from servers.models import Action, Server
from snapshots import flow, look, notices, tend
from snapshots.flow import Wish
from snapshots.models import Snapshot
from tests.actions.conftest import ask, container, guest, now_of, owned, verbs, worker

__all__ = ["ask", "container", "guest", "now_of", "owned", "verbs", "worker"]


@pytest.fixture(autouse=True)
def tended(request):
    """What a worker does with snapshots, where a test has one."""
    if "worker" not in request.fixturenames and "take" not in request.fixturenames:
        return
    worker = request.getfixturevalue("worker")
    look_at = lambda server_id: look.look(server_id, clock=worker.clock)  # noqa: E731
    worker.tasks["snapshots.look"] = look_at

    def action_changed(action_id):
        action = Action.objects.get(pk=action_id)
        look_at(action.server_id)
        notices.tell_of(action, now=worker.clock())

    worker.tasks["snapshots.action_changed"] = action_changed
    worker.tasks["snapshots.tell_failure"] = lambda schedule_id, why: notices.tell_failure(
        schedule_id, why, now=worker.clock()
    )


@pytest.fixture
def alices(alice):
    return Actor(alice, Source.API)


@pytest.fixture
def looked(server, clock, committed):
    """Looks at a server's list now."""

    def run(of=None):
        with committed():
            assert look.look((of or server).pk, clock=clock)
        return list(Snapshot.objects.filter(server=of or server))

    return run


@pytest.fixture
def take(server, alices, worker, committed):
    """Takes a snapshot as Alice does, and waits for its end unless told not to."""

    def run(title="Before the upgrade", of=None, *, wait=True, **wish):
        found = Server.objects.get(pk=(of or server).pk)
        with committed():
            snapshot, action = flow.take(
                found, Wish(title, **wish), actor=alices, now=worker.clock()
            )
        if wait:
            worker.run(20)
            snapshot.refresh_from_db()
            action.refresh_from_db()
        return snapshot, action

    return run


@pytest.fixture
def tick(worker, committed):
    """What beat has done every half minute, and some time for the worker."""

    def run(seconds=30):
        with committed():
            tend.mend_clock(worker.clock())
            tend.run_schedules(worker.clock())
            tend.delete_expired(worker.clock())
        worker.run(seconds)

    return run
