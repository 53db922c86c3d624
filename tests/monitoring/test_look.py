"""Looking into guests: identities, disks, and what it may cost Proxmox."""

import threading

import pytest
from django.db import DatabaseError, OperationalError

from monitoring import look
from monitoring.look import CALLS_PER_NODE
from monitoring.models import GuestDisk
from servers.models import LastSample, Server
from servers.proxmox import gateway

pytestmark = pytest.mark.django_db


def asked(wire, fragment):
    return [request.path for request in wire.requests if fragment in request.path]


def disk_of(server):
    return GuestDisk.objects.get(server=server)


def test_identities_are_learnt(polled):
    known = Server.objects.filter(present=True)
    assert not known.filter(identity_due=True).exists()
    assert all(s.identity.startswith("uuid=") for s in known.filter(kind="qemu"))
    assert all(s.identity.startswith("hwaddr=") for s in known.filter(kind="lxc"))


def test_disk_use_comes_from_the_agent_and_reaches_the_sample(server, world, pass_cycle):
    world.set_agent(server.vmid, "up")
    GuestDisk.objects.update(next_look_at=0)
    pass_cycle()
    pass_cycle()
    disk = disk_of(server)
    assert disk.state == "ok"
    assert 0 < disk.used < disk.total
    sample = LastSample.objects.get(server=server)
    assert (sample.disk_used, sample.disk_total) == (disk.used, disk.total)
    assert sample.disk_source == "agent"


@pytest.mark.parametrize(
    ("agent", "state"),
    [("dead", "not_running"), ("hanging", "timeout")],
)
def test_an_agent_that_does_not_answer(server, world, pass_cycle, wire, agent, state):
    world.set_agent(server.vmid, agent)
    GuestDisk.objects.update(state="waiting", next_look_at=0, used=None, measured_at=None)
    pass_cycle()
    assert disk_of(server).state == state
    pass_cycle()
    sample = LastSample.objects.get(server=server)
    assert sample.disk_used is None
    assert sample.disk_source == ""


def test_what_failed_is_not_asked_again_for_minutes(server, world, pass_cycle, wire):
    world.set_agent(server.vmid, "dead")
    GuestDisk.objects.update(next_look_at=0)
    pass_cycle()
    wire.requests.clear()
    for _ in range(4):
        pass_cycle()
    assert asked(wire, f"/{server.vmid}/agent/") == []
    for _ in range(8):
        pass_cycle()
    assert len(asked(wire, f"/{server.vmid}/agent/")) == 1


def test_a_guest_without_an_agent_is_not_asked(polled, world, pass_cycle, wire):
    made = world.create_guest(name="plain", agent="none")
    for _ in range(4):
        pass_cycle()
    assert asked(wire, f"/{made.vmid}/agent/") == []
    assert GuestDisk.objects.get(server__vmid=made.vmid).state == "disabled"


def test_stopped_servers_and_those_on_dead_nodes_are_not_asked(server, world, pass_cycle, wire):
    world.node_down(server.node.name)
    pass_cycle()
    GuestDisk.objects.update(next_look_at=0)
    wire.requests.clear()
    pass_cycle()
    assert asked(wire, f"/nodes/{server.node.name}/") == []


def test_at_most_two_calls_a_node_are_under_way(polled, world, monkeypatch, clock):
    for number in range(20):
        world.create_guest(name=f"more{number}", node="pve1", uptime=600)
    lock = threading.Lock()
    under_way: dict[str, int] = {}
    most: dict[str, int] = {}
    enough = threading.Event()
    real = gateway.Gateway.guest_config

    def watched(self, *, node, kind, vmid):
        with lock:
            under_way[node] = under_way.get(node, 0) + 1
            most[node] = max(most.get(node, 0), under_way[node])
        enough.wait(0.01)
        try:
            return real(self, node=node, kind=kind, vmid=vmid)
        finally:
            with lock:
                under_way[node] -= 1

    monkeypatch.setattr(gateway.Gateway, "guest_config", watched)
    clock.pass_by(30)
    from monitoring import cycle

    cycle.poll(polled.pk, clock=clock)
    assert look.look_into(polled.pk, clock=clock) >= 20
    assert most["pve1"] == CALLS_PER_NODE


def test_a_node_that_stays_silent_is_left_in_peace_for_the_round(server, world, clock, wire):
    node = server.node.name
    Server.objects.filter(node__name=node).update(identity_due=True)
    due = Server.objects.filter(node__name=node, present=True).count()
    assert due > 2 * CALLS_PER_NODE - 1
    world.slow(60, f"/nodes/{node}/")
    wire.requests.clear()
    look.look_into(server.cluster_id, clock=clock)
    assert len(asked(wire, f"/nodes/{node}/")) <= 2 * CALLS_PER_NODE


def test_an_identity_that_cannot_be_read_is_not_asked_for_again_for_minutes(
    server, world, pass_cycle, wire
):
    Server.objects.filter(pk=server.pk).update(identity_due=True)
    fail = {"status": 403, "reason": "Permission check failed", "times": 99}
    world.fail_next("GET", f"/{server.vmid}/config", **fail)
    wire.requests.clear()
    for _ in range(8):
        pass_cycle()
    assert len(asked(wire, f"/{server.vmid}/config")) == 1
    for _ in range(5):
        pass_cycle()
    assert len(asked(wire, f"/{server.vmid}/config")) == 2


@pytest.mark.parametrize("error", [DatabaseError("odd"), OperationalError(1213, "Deadlock")])
def test_one_guests_answer_that_cannot_be_stored_keeps_nobody_waiting(
    polled, world, clock, monkeypatch, error
):
    GuestDisk.objects.update(next_look_at=0)
    victim = GuestDisk.objects.exclude(state="disabled").first().server_id
    real = look.note_disks

    def broken(server, result, *, now):
        if server.pk == victim:
            raise error
        real(server, result, now=now)

    monkeypatch.setattr(look, "note_disks", broken)
    look.look_into(polled.pk, clock=clock)
    waiting = GuestDisk.objects.filter(
        next_look_at=0, server__status="running", state__in=["ok", "not_running"]
    )
    assert not waiting.exists()
    assert GuestDisk.objects.get(server=victim).next_look_at > clock.seconds


def test_never_two_rounds_at_once(polled, clock):
    from monitoring.claims import claim_look

    assert claim_look(polled.pk, now=clock(), lasts=look.CLAIM_LASTS)
    assert look.look_into(polled.pk, clock=clock) == 0


def test_a_vanished_guest_that_the_token_may_not_see_is_kept_for_ten_minutes(
    server, world, pass_cycle
):
    world.delete_guest(server.vmid)

    def hidden():
        world.fail_next(
            "GET", f"/qemu/{server.vmid}/config", status=403, reason="Permission check failed"
        )

    for _ in range(15):
        hidden()
        pass_cycle()
    server.refresh_from_db()
    assert server.status == "unknown"
    for _ in range(10):
        hidden()
        pass_cycle()
    server.refresh_from_db()
    assert server.status == "gone"


def test_most_guests_hidden_at_once_are_lost_rights_not_deletions(polled, world, pass_cycle):
    present = Server.objects.filter(present=True).count()
    vanished = sorted(world.guests)[:8]
    kept = {vmid: world.guests.pop(vmid) for vmid in vanished}
    assert kept
    for _ in range(40):
        for vmid in vanished:
            world.fail_next("GET", f"/{vmid}/config", status=403, reason="Permission check failed")
        pass_cycle()
        world.failures.clear()
    assert Server.objects.filter(present=True).count() == present
