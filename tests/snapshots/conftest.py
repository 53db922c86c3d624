"""Snapshots of Alice's server, with a worker that lives by the test's clock."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import pytest

from accounts.audit import Actor
from accounts.models import Source
from alerts import telling
from servers.models import Action, Server
from snapshots import flow, look, notices, tend
from snapshots.flow import Wish
from snapshots.models import Snapshot, state_of
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

    worker.tasks["alerts.tell"] = lambda: telling.tell_due(worker.clock)
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


@pytest.fixture
def page(browser_of, alice, server):
    """Alice's client, that begins below her server's snapshots."""
    client = browser_of(alice)

    class Page:
        def get(self, part="", **headers):
            path = urljoin(f"/servers/{server.pk}/snapshots/", part)
            return client.get(path, headers=headers)

        def post(self, part, form=None, **headers):
            body = {"key": "k1", **(form or {})}
            return client.post(f"/servers/{server.pk}/snapshots/{part}", body, headers=headers)

    return Page()


@pytest.fixture
def kept(server):
    """A snapshot straight in the database, of so many days ago."""

    def make(title="Before", *, days=1.0, **fields):
        at = datetime.now(UTC) - timedelta(days=days)
        given = {"name": re.sub(r"\W", "-", title)[:40], "origin": "person", **fields}
        return Snapshot.objects.create(server=server, title=title, taken_at=at, **given)

    return make


@pytest.fixture
def known(server):
    """What is known of the server's snapshots."""

    def tell(of=None, **fields):
        state = state_of(of or server)
        fields = {"can_take": True, "looked_at": datetime.now(UTC), **fields}
        for name, value in fields.items():
            setattr(state, name, value)
        state.save()
        return state

    return tell
