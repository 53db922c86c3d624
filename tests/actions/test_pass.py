"""One pass over many actions: what is wrong with one of them, or with a node, is not the others'."""

import pytest
from django.db import DataError
from requests.exceptions import ReadTimeout

from servers import follow, outcomes
from servers.models import Action, Server
from servers.simulator.adapter import SimulatedAdapter
from servers.simulator.world import SimulatedCluster

Status = Action.Status


@pytest.fixture
def world(clock):
    return SimulatedCluster(seed=1, nodes=2, guests=60, started_at=clock.seconds - 3600)


@pytest.fixture
def running(polled, alice):
    """Alice's running VMs by node."""
    Server.objects.update(owner=alice)
    found = {}
    for server in Server.objects.filter(status="running", kind="qemu").select_related("node"):
        found.setdefault(server.node.name, []).append(server)
    return found


@pytest.fixture
def hang(monkeypatch, clock, world):
    """From now on these paths never answer, and whoever asks waits for as long as it takes."""
    wait = SimulatedAdapter._wait

    def in_vain(self, answer, timeout, request):
        try:
            wait(self, answer, timeout, request)
        except ReadTimeout:
            clock.pass_by(timeout[1])
            raise

    class Timed(follow.Pass):
        def __init__(self, *args):
            super().__init__(*args, started=clock.unix())

    def run(path):
        monkeypatch.setattr(follow, "Pass", Timed)
        monkeypatch.setattr(SimulatedAdapter, "_wait", in_vain)
        monkeypatch.setattr(follow, "monotonic", clock.unix)
        world.slow(600, path)

    return run


class TestANodeThatHangs:
    def test_its_actions_end_when_their_time_is_up(
        self, running, world, ask, worker, now_of, hang
    ):
        node, servers = max(running.items(), key=lambda each: len(each[1]))
        assert len(servers) > 12
        world.refuse_silently("POST", "status/stop", times=len(servers))
        asked = [ask(server, "stop") for server in servers]
        worker.run(3)
        hang(f"/nodes/{node}")
        worker.run(1200)
        assert {now_of(action).status for action in asked} == {Status.LOST}

    def test_what_waits_for_ha_too(self, running, world, ask, worker, now_of, hang):
        node, servers = max(running.items(), key=lambda each: len(each[1]))
        world.hang_task("qmstop", times=8)
        asked = [ask(server, "stop") for server in servers[:8]]
        worker.run(3)
        Action.objects.update(awaited="suspended")
        hang(f"/nodes/{node}")
        worker.run(1500)
        assert {now_of(action).status for action in asked} == {Status.LOST}

    def test_one_guest_that_hangs_is_not_its_node(self, running, world, ask, worker, now_of, hang):
        node, servers = max(running.items(), key=lambda each: len(each[1]))
        world.hang_task("qmstop", times=4)
        asked = [ask(server, "stop") for server in servers[:4]]
        worker.run(3)
        Action.objects.update(awaited="running")
        hang(f"/nodes/{node}/qemu/{servers[0].vmid}/status")
        worker.run(60)
        ends = [now_of(action).status for action in asked]
        assert ends == [Status.RUNNING] + 3 * [Status.SUCCESS]


def test_what_cannot_be_stored_of_one_holds_up_no_other(
    running, ask, worker, now_of, monkeypatch, caplog
):
    first, second = running[max(running, key=lambda node: len(running[node]))][:2]
    ended = outcomes.ended

    def fails(action, state, *, now):
        if action.server_id == first.pk:
            raise DataError("Out of range.")
        ended(action, state, now=now)

    monkeypatch.setattr(outcomes, "ended", fails)
    odd, well = ask(first, "stop"), ask(second, "stop")
    worker.run(20)
    assert now_of(well).status == Status.SUCCESS
    assert now_of(odd).status == Status.RUNNING
    assert "cannot be noted" in caplog.text
    worker.run(300)
    assert (now_of(odd).status, now_of(odd).error_code) == (Status.LOST, "deadline")
