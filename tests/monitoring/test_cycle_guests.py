"""What guests do, and what becomes of their servers."""

import pytest

from accounts.models import AuditEntry
from monitoring.models import Sample
from servers.models import Action, Node, Server
from tests.monitoring.guests import of, server_of

pytestmark = pytest.mark.django_db


class TestGuestsLives:
    def test_a_new_guest_appears_without_owner(self, polled, world, pass_cycle):
        made = world.create_guest(name="brand-new")
        pass_cycle()
        server = server_of(made)
        assert server.owner is None
        pass_cycle()
        server.refresh_from_db()
        assert server.guest_name == "brand-new"
        assert server.identity.startswith("uuid=")

    def test_a_moved_guest_follows(self, polled, world, pass_cycle):
        guest = of(world)
        server = server_of(guest)
        target = next(name for name in ("pve1", "pve2", "pve3") if name != guest.node)
        world.migrate(guest.vmid, target)
        pass_cycle()
        pass_cycle()
        server.refresh_from_db()
        assert server.node.name == target
        assert Server.objects.filter(vmid=guest.vmid).count() == 1

    def test_a_stopped_guest_is_stopped_and_stores_nothing(self, polled, world, pass_cycle, clock):
        guest = of(world)
        server = server_of(guest)
        world.set_power(guest.vmid, "stopped")
        pass_cycle()
        before = Sample.objects.filter(server_id=server.pk).count()
        pass_cycle()
        server.refresh_from_db()
        assert server.status == "stopped"
        assert Sample.objects.filter(server_id=server.pk).count() == before

    def test_a_lock_is_shown_and_goes(self, polled, world, pass_cycle):
        guest = of(world)
        world.lock_guest(guest.vmid, "backup")
        pass_cycle()
        assert server_of(guest).lock == "backup"
        world.unlock_guest(guest.vmid)
        pass_cycle()
        assert server_of(guest).lock == ""

    def test_guests_on_a_dead_node_are_unknown_not_stopped_and_come_back(
        self, polled, world, pass_cycle
    ):
        guest = of(world)
        world.node_down(guest.node)
        pass_cycle()
        theirs = Server.objects.filter(node__name=guest.node, present=True)
        assert set(theirs.values_list("status", flat=True)) == {"unknown"}
        others = Server.objects.filter(present=True).exclude(node__name=guest.node)
        assert others.filter(status="running").exists()
        assert Node.objects.get(name=guest.node).status == "offline"
        world.node_up(guest.node)
        for _ in range(3):
            pass_cycle()
        assert server_of(guest).status == "running"

    def test_frozen_numbers_end_as_unknown_without_a_word_from_the_node(
        self, polled, world, pass_cycle
    ):
        guest = of(world)
        world.freeze_pvestatd(guest.node)
        for _ in range(4):
            pass_cycle()
        assert server_of(guest).status == "unknown"


class TestGone:
    def test_a_deleted_guest_is_gone_and_kept(self, server, world, pass_cycle):
        world.delete_guest(server.vmid)
        pass_cycle()
        server.refresh_from_db()
        assert server.status == "unknown"
        for _ in range(2):
            pass_cycle()
        server.refresh_from_db()
        assert server.status == "gone"
        assert server.present is None
        assert server.owner is not None
        assert Sample.objects.filter(server_id=server.pk).exists()
        assert AuditEntry.objects.filter(event="server.gone", object_id=server.pk).count() == 1

    def test_a_reused_vmid_is_a_new_server(self, server, world, pass_cycle):
        world.reuse_vmid(server.vmid)
        for _ in range(4):
            pass_cycle()
        server.refresh_from_db()
        assert server.status == "gone"
        successor = Server.objects.get(vmid=server.vmid, present=True)
        assert successor.pk != server.pk
        assert successor.owner is None
        assert successor.identity != server.identity

    def test_no_sample_of_the_new_guest_goes_to_the_old_server(self, server, world, pass_cycle):
        before = Sample.objects.filter(server_id=server.pk).count()
        world.reuse_vmid(server.vmid)
        world.set_power(server.vmid, "running")
        for _ in range(4):
            pass_cycle()
        assert Sample.objects.filter(server_id=server.pk).count() == before

    def test_a_guest_that_is_back_is_the_old_server(self, server, world, pass_cycle, clock):
        guest = world.guests[server.vmid]
        del world.guests[server.vmid]
        for _ in range(4):
            pass_cycle()
        server.refresh_from_db()
        assert server.status == "gone"
        world.guests[guest.vmid] = guest
        for _ in range(4):
            pass_cycle()
        server.refresh_from_db()
        assert server.present is True
        assert server.status == "running"
        assert server.owner is not None
        assert Server.objects.filter(vmid=guest.vmid).count() == 1

    def test_what_was_done_to_it_meanwhile_goes_along(self, server, world, pass_cycle, clock):
        guest = world.guests.pop(server.vmid)
        for _ in range(4):
            pass_cycle()
        world.guests[guest.vmid] = guest
        pass_cycle(looking=False)
        interim = Server.objects.get(vmid=guest.vmid, present=True)
        assert interim.pk != server.pk
        action = Action.objects.create(
            server=interim, type="start", source="admin", requested_at=clock(), deadline=clock()
        )
        pass_cycle()
        interim.refresh_from_db()
        assert interim.present, "something is under way"
        Action.objects.filter(pk=action.pk).update(active=None, status="failed")
        for _ in range(3):
            pass_cycle()
        server.refresh_from_db()
        action.refresh_from_db()
        assert server.present
        assert action.server == server
        assert not Server.objects.filter(pk=interim.pk).exists()

    def test_a_node_that_is_away_takes_no_guest_with_it(self, server, world, pass_cycle):
        world.node_down(server.node.name)
        for _ in range(40):
            pass_cycle()
        server.refresh_from_db()
        assert server.present is True
        assert server.status == "unknown"
