"""Proxmox's list is the truth, and rows follow it."""

import pytest

from servers.models import Action
from servers.simulator.guests import Snapshot as Shot
from snapshots import look
from snapshots.models import ServerSnapshots, Snapshot, state_of

pytestmark = pytest.mark.django_db


def outside(guest, name, at, *, parent=None):
    """As somebody takes one in Proxmox itself."""
    guest.snapshots[name] = Shot(
        name=name, description="by root", taken_at=int(at), vmstate=False, parent=parent, config={}
    )
    guest.parent = name


def test_what_is_made_in_proxmox_appears_and_vanishes(looked, guest, world):
    outside(guest, "manual", world.now)
    (found,) = looked()
    assert (found.title, found.origin) == ("manual", "outside")
    assert found.taken_at.timestamp() == int(world.now)
    guest.snapshots.clear()
    guest.parent = None
    assert looked() == []


def test_what_is_not_whole_deletes_nothing(looked, guest, world):
    outside(guest, "manual", world.now)
    looked()
    world.garbage("strings", f"/nodes/{guest.node}/qemu/{guest.vmid}/snapshot")
    assert not look.look(Snapshot.objects.get().server_id, clock=lambda: utc(world)) or True
    assert Snapshot.objects.count() == 1


def utc(world):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(world.now, UTC)


def test_an_empty_list_that_lost_rights_gave_deletes_nothing(looked, guest, world, server, clock):
    outside(guest, "manual", world.now)
    looked()
    world.empty_lists()
    look.look(server.pk, clock=clock)
    assert Snapshot.objects.count() == 1


def test_another_one_under_an_old_name_is_another(take, looked, guest, world, worker):
    ours, _ = take()
    worker.clock.pass_by(7200)
    world.advance(worker.clock.seconds)
    outside(guest, ours.name, world.now)
    (found,) = looked()
    assert found.pk != ours.pk
    assert found.origin == "outside"


def test_one_of_the_same_name_that_is_not_ours_stays_theirs(take, guest, world, looked, worker):
    """Another panel on the same cluster, say: ours fails, and never takes theirs for its own."""
    outside(guest, "before-panel", world.now)
    _, action = take("Before", wait=False)
    worker.run(20)
    action.refresh_from_db()
    assert (action.status, action.error_code) == ("failed", "name_used")
    (found,) = looked()
    assert (found.origin, found.title) == ("outside", "before-panel")


def test_a_row_that_was_lost_is_known_again(take, looked):
    ours, _ = take("До обновления")
    Snapshot.objects.all().delete()
    (found,) = looked()
    assert (found.title, found.origin) == ("До обновления", "person")
    assert found.pk != ours.pk


def test_another_guest_under_its_vmid_is_not_listened_to(take, server, world, clock, worker):
    take()
    world.reuse_vmid(server.vmid)
    assert not look.look(server.pk, clock=worker.clock)
    assert Snapshot.objects.count() == 1


def test_proxmox_away_changes_nothing(take, server, world, worker):
    take()
    world.dark()
    assert not look.look(server.pk, clock=worker.clock)
    assert Snapshot.objects.count() == 1
    assert state_of(server).next_look_at > worker.clock()


def test_the_page_says_that_it_could_not_be_read(take, server, world, worker, browser_of, alice):
    take()
    world.dark()
    assert not look.look(server.pk, clock=worker.clock)
    words = b"could not be asked for the list"
    page = f"/servers/{server.pk}/snapshots/"
    assert words in browser_of(alice).get(page).content
    world.light()
    assert look.look(server.pk, clock=worker.clock)
    assert words not in browser_of(alice).get(page).content


def test_what_was_left_half_way_is_told(looked, guest, world, monkeypatch):
    outside(guest, "manual", world.now)
    from servers.simulator import snapshots as simulated

    rows = simulated.rows
    monkeypatch.setattr(
        simulated,
        "rows",
        lambda *args: [
            {**row, "snapstate": "delete"} if row["name"] == "manual" else row
            for row in rows(*args)
        ],
    )
    (found,) = looked()
    assert found.state == "delete"


@pytest.mark.parametrize(
    ("storage", "can_take", "newest_only", "disks"),
    [
        ("local-lvm", True, False, []),
        ("ceph", True, False, []),
        ("tank", True, True, []),
        ("thick", False, False, ["scsi0"]),
    ],
)
def test_what_its_storage_allows(storage, can_take, newest_only, disks, looked, guest, server):
    guest.storage = storage
    looked()
    state = state_of(server)
    assert (state.can_take, state.newest_only) == (can_take, newest_only)
    assert [each["disk"] for each in state.obstacles] == disks


def test_abilities_are_not_asked_for_each_time(looked, wire, clock, server):
    looked()
    asked = len(wire.requests)
    looked()
    assert [r.path.rpartition("/")[2] for r in wire.requests[asked:]] == ["config", "snapshot"]
    clock.pass_by(3601)
    looked()
    assert wire.requests[-2].path.endswith("/feature")


def test_a_page_asks_now_and_then(server, clock, sent, looked, committed):
    with committed():
        assert look.ask(server, now=clock())
    assert [message.name for message in sent] == ["snapshots.look"]
    looked()
    assert not look.ask(server, now=clock())
    assert look.ask(server, now=clock.pass_by(16))


def test_two_looks_at_once_make_no_second_row(take, looked, server):
    take()
    looked()
    looked()
    assert Snapshot.objects.count() == 1
    assert ServerSnapshots.objects.count() == 1
    assert Action.objects.count() == 1
