"""What may go wrong between a click and its end: each ends with the truth, nothing is done twice."""

import pytest

from accounts.audit import SYSTEM
from servers import action_words, dispatch, ownership
from servers.models import Action, Server
from servers.proxmox.errors import ProxmoxUnreachable
from servers.proxmox.upid import parse

Status = Action.Status


def sent(verbs, verb="stop"):
    return verbs().count(("POST", verb))


class TestNoAnswer:
    @pytest.mark.parametrize("how", ["timeout", "broken"])
    def test_it_was_accepted(self, how, server, world, guest, ask, worker, now_of, verbs):
        world.accept_silently("POST", "status/stop", how=how)
        action = ask(server, "stop")
        worker.run(120)
        action = now_of(action)
        assert (action.status, sent(verbs)) == (Status.SUCCESS, 1)
        assert parse(action.upid).type == "qmstop"
        assert guest.power == "stopped"

    @pytest.mark.parametrize("how", ["timeout", "broken"])
    def test_it_was_not(self, how, server, world, guest, ask, worker, now_of, verbs):
        world.refuse_silently("POST", "status/stop", how=how)
        action = ask(server, "stop")
        worker.run(120)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.LOST, "no_trace")
        assert sent(verbs) == 1
        assert guest.power == "running"
        assert "shows no trace of it" in action_words.sentence(action)

    def test_an_older_task_of_the_same_kind_is_not_taken_for_it(
        self, server, world, guest, ask, worker, now_of
    ):
        ask(server, "reboot")
        worker.run(30)
        world.refuse_silently("POST", "status/reboot")
        action = ask(server, "reboot")
        worker.run(120)
        assert now_of(action).status == Status.LOST

    def test_somebody_elses_task_is_not_taken_for_it(
        self, server, world, guest, ask, worker, now_of
    ):
        world.refuse_silently("POST", "status/stop")
        action = ask(server, "stop")
        worker.run(1)
        world.tasks.start(
            node=guest.node, type="qmstop", subject=str(guest.vmid), identity="root@pam",
            now=world.now,
        )  # fmt: skip
        worker.run(120)
        assert now_of(action).status == Status.LOST

    def test_a_reply_that_is_nonsense(self, server, world, guest, ask, worker, now_of, verbs):
        world.garbage("html", f"/nodes/{guest.node}/qemu/{guest.vmid}/status/stop")
        action = ask(server, "stop")
        worker.run(120)
        assert now_of(action).status in (Status.SUCCESS, Status.LOST)
        assert sent(verbs) == 1


class TestRefused:
    def test_595_is_tried_again_since_nobody_heard_it(
        self, server, world, guest, ask, worker, now_of, verbs
    ):
        world.fail_next("POST", "status/stop", status=595, reason="Connection refused", times=3)
        action = ask(server, "stop")
        worker.run(60)
        assert now_of(action).status == Status.SUCCESS
        assert guest.power == "stopped"
        assert sent(verbs) == 4

    def test_595_for_good(self, server, world, ask, worker, now_of, guest):
        world.fail_next("POST", "status/stop", status=595, reason="No route to host", times=999)
        action = ask(server, "stop")
        worker.run(120)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "unreachable")
        assert (action.finished_at - action.requested_at).total_seconds() < 80
        assert guest.power == "running"

    def test_a_dark_cluster(self, server, world, ask, worker, now_of, verbs):
        world.dark()
        action = ask(server, "stop")
        worker.run(120)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "unreachable")
        assert verbs() == []

    def test_locked(self, server, world, ask, worker, now_of):
        world.fail_next("POST", "status/stop", reason="VM is locked (backup)")
        action = ask(server, "stop")
        worker.run(20)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "locked")
        assert action.error_message == "VM is locked (backup)"

    def test_403(self, server, world, ask, worker, now_of):
        reason = f"Permission check failed (/vms/{server.vmid}, VM.PowerMgmt)"
        world.fail_next("POST", "status/stop", status=403, reason=reason)
        action = ask(server, "stop")
        worker.run(20)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "denied")
        assert "staff" in action_words.sentence(action)


class TestTasks:
    def test_proxmox_lost_it(self, server, world, guest, ask, worker, now_of):
        world.hang_task("qmstop")
        action = ask(server, "stop")
        worker.run(5)
        world.forget_tasks(server.vmid, undo=True)
        worker.run(30)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.LOST, "task_lost")
        assert "The server is running now." in action.error_message

    def test_it_hangs_past_its_time(self, server, world, ask, worker, now_of, pass_cycle):
        world.hang_task("qmstop")
        action = ask(server, "stop")
        worker.run(170)
        assert now_of(action).status == Status.RUNNING
        worker.run(30)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.LOST, "deadline")

    def test_its_node_dies_for_good(self, server, world, guest, ask, worker, now_of):
        world.hang_task("qmstop")
        action = ask(server, "stop")
        worker.run(5)
        world.node_down(guest.node)
        worker.run(300)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.LOST, "deadline")
        assert "does not answer" in action.error_message

    def test_its_node_comes_back(self, server, world, guest, ask, worker, now_of):
        world.hang_task("qmstop")
        action = ask(server, "stop")
        worker.run(5)
        world.node_down(guest.node)
        worker.run(30)
        world.node_up(guest.node)
        worker.run(30)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "interrupted")

    def test_another_node_that_is_dead_holds_nobody_up(
        self, polled, world, ask, worker, now_of, alice
    ):
        Server.objects.update(owner=alice)
        there = {}
        for server in Server.objects.filter(status="running", kind="qemu").select_related("node"):
            there.setdefault(server.node.name, server)
        dead, well = list(there.values())[:2]
        world.hang_task("qmstop")
        held = ask(dead, "stop")
        worker.run(3)
        world.node_down(dead.node.name)
        worker.run(10)
        action = ask(well, "stop")
        asked = worker.clock.seconds
        worker.run(10)
        assert now_of(action).status == Status.SUCCESS
        assert now_of(action).finished_at.timestamp() - asked < 5
        assert now_of(held).status == Status.RUNNING


class TestMigration:
    def test_it_moved_since_the_last_cycle(self, server, world, guest, ask, worker, now_of):
        world.migrate(server.vmid, elsewhere(world, guest))
        action = ask(server, "stop")
        worker.run(20)
        assert now_of(action).status == Status.SUCCESS
        assert now_of(action).node == guest.node

    def test_the_list_is_older_than_the_move(
        self, server, world, guest, ask, worker, now_of, monkeypatch
    ):
        """For a moment the list still names the node that it has left."""
        there = guest.node
        text = f"Configuration file 'nodes/{there}/qemu-server/{guest.vmid}.conf' does not exist"
        world.fail_next("GET", f"/nodes/{there}/qemu/{guest.vmid}/config", reason=text, times=2)
        action = ask(server, "stop")
        worker.run(30)
        assert now_of(action).status == Status.SUCCESS

    def test_it_moves_while_the_task_runs(self, server, world, guest, ask, worker, now_of):
        action = ask(server, "shutdown")
        worker.run(2)
        world.migrate(server.vmid, elsewhere(world, guest))
        worker.run(30)
        assert now_of(action).status in (Status.SUCCESS, Status.FAILED)
        assert now_of(action).active is None

    def test_it_moves_between_look_and_call(
        self, server, world, guest, ask, worker, now_of, monkeypatch
    ):
        text = f"unable to find configuration file for VM {server.vmid} on node '{guest.node}'"
        world.fail_task("qmstop", text)
        action = ask(server, "stop")
        worker.run(20)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "moved")


def elsewhere(world, guest):
    return next(name for name in world.nodes if name != guest.node)


class TestIdentity:
    def test_another_guest_under_its_vmid(self, server, world, ask, worker, now_of, verbs):
        world.reuse_vmid(server.vmid)
        action = ask(server, "stop")
        worker.run(20)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "other_guest")
        assert verbs() == []
        server.refresh_from_db()
        assert server.identity_due

    def test_it_was_deleted_in_proxmox(self, server, world, ask, worker, now_of, verbs):
        world.delete_guest(server.vmid)
        action = ask(server, "stop")
        worker.run(20)
        assert now_of(action).error_code == "missing"
        assert verbs() == []


class TestTakenOver:
    """Two workers at one action: the first was slow, or the clock jumped, and its claim ended."""

    def test_the_slow_one_does_not_send(self, server, ask, worker, now_of, verbs, monkeypatch):
        action = ask(server, "stop")
        self.meanwhile(monkeypatch, worker, action)
        worker.run(150)
        assert now_of(action).status == Status.SUCCESS
        assert sent(verbs) == 1

    def test_nor_does_it_end_what_the_other_has_sent(
        self, server, world, ask, worker, now_of, verbs, monkeypatch
    ):
        action = ask(server, "stop")
        self.meanwhile(monkeypatch, worker, action, ProxmoxUnreachable("Too late."))
        worker.clock.pass_by(100)
        worker.run(150)
        assert now_of(action).status == Status.SUCCESS
        assert sent(verbs) == 1

    def meanwhile(self, monkeypatch, worker, action, error=None):
        """While the first looks at the guest, the second does it all."""
        look_at = dispatch.look_at

        def slow(*args, **kwargs):
            monkeypatch.setattr(dispatch, "look_at", look_at)
            worker.clock.pass_by(50)
            dispatch.run(action.pk, clock=worker.clock)
            if error is not None:
                raise error
            return look_at(*args, **kwargs)

        monkeypatch.setattr(dispatch, "look_at", slow)


class TestWhoAsked:
    def test_the_server_is_somebody_elses_now(
        self, server, bob, ask, worker, now_of, verbs, clock
    ):
        action = ask(server, "stop")
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        worker.run(30)
        action = now_of(action)
        assert (action.status, action.error_code, verbs()) == (Status.FAILED, "no_access", [])

    def test_the_account_is_closed(self, server, alice, ask, worker, now_of, verbs):
        action = ask(server, "stop")
        alice.is_active = False
        alice.save()
        worker.run(30)
        assert (now_of(action).error_code, verbs()) == ("no_access", [])

    def test_the_account_is_deleted(self, server, alice, ask, worker, now_of, verbs):
        action = ask(server, "stop")
        alice.delete()
        worker.run(30)
        assert (now_of(action).error_code, verbs()) == ("no_access", [])

    def test_staff_may_go_on(self, server, bob, staff, ask, worker, now_of, clock):
        action = ask(server, "stop", person=staff)
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        worker.run(30)
        assert now_of(action).status == Status.SUCCESS

    def test_nobody_did(self, server, ask, worker, now_of):
        action = ask(server, "stop")
        Action.objects.filter(pk=action.pk).update(requested_by=None, requested_by_email="")
        worker.run(30)
        assert now_of(action).status == Status.SUCCESS
