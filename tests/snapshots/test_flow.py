"""Taking, deleting, rolling back: with Proxmox as the truth."""

import pytest

from servers import action_words
from servers.actions import Busy
from servers.models import Action, Server
from servers.operations import Invalid
from snapshots import flow
from snapshots.flow import Impossible
from snapshots.models import ServerSnapshots, Snapshot, state_of

pytestmark = pytest.mark.django_db
Status = Action.Status


class TestTaking:
    def test_a_vm(self, take, guest, server):
        snapshot, action = take("До обновления", description="by hand")
        assert action.status == Status.SUCCESS
        assert action_words.sentence(action) == "The snapshot “До обновления” was taken."
        assert snapshot.name == "do-obnovleniya-panel"
        assert snapshot.taken_at is not None
        assert guest.snapshots[snapshot.name].description == "by hand"
        assert (snapshot.origin, snapshot.with_memory) == ("person", False)
        assert state_of(server).present == snapshot.name

    def test_a_container(self, take, container, world):
        snapshot, action = take(of=container)
        assert action.status == Status.SUCCESS
        assert snapshot.name in world.guest(container.vmid).snapshots

    def test_with_memory(self, take, guest):
        snapshot, action = take(memory=True)
        assert action.status == Status.SUCCESS
        assert guest.snapshots[snapshot.name].vmstate
        assert snapshot.with_memory

    def test_no_memory_of_what_is_off(self, take, server, world):
        world.set_power(server.vmid, "stopped")
        Server.objects.filter(pk=server.pk).update(status="stopped")
        with pytest.raises(Invalid) as raised:
            take(memory=True)
        assert raised.value.field == "memory"

    def test_no_memory_of_a_container(self, take, container):
        with pytest.raises(Invalid):
            take(memory=True, of=container)

    def test_it_is_seen_while_it_is_taken(self, take, worker, looked):
        snapshot, _ = take(wait=False)
        assert Snapshot.objects.get().taken_at is None
        worker.run(0.4)
        assert looked() == [snapshot]

    def test_the_same_title_twice(self, take, guest):
        first, _ = take()
        second, _ = take()
        assert first.name != second.name
        assert set(guest.snapshots) == {first.name, second.name}

    @pytest.mark.parametrize("title", ["", "  ", "x" * 65, "line\nbreak", "null\0"])
    def test_titles_that_are_none(self, title, take):
        with pytest.raises(Invalid) as raised:
            take(title)
        assert raised.value.field == "title"

    def test_one_at_a_time(self, take):
        take(wait=False)
        with pytest.raises(Busy):
            take("Another", wait=False)
        assert Snapshot.objects.count() == 1

    def test_proxmox_refuses(self, take, world, worker):
        world.fail_task("qmsnapshot", "VM is locked (backup)")
        _, action = take(wait=False)
        worker.run(30)
        action.refresh_from_db()
        assert (action.status, action.error_code) == (Status.FAILED, "locked")
        assert not Snapshot.objects.exists()

    def test_no_answer_and_it_was_taken(self, take, world):
        world.accept_silently("POST", "/snapshot")
        snapshot, action = take()
        assert action.status == Status.SUCCESS
        assert snapshot.taken_at

    def test_no_answer_and_it_was_not(self, take, world, worker):
        world.refuse_silently("POST", "/snapshot")
        _, action = take(wait=False)
        worker.run(120)
        action.refresh_from_db()
        assert (action.status, action.error_code) == (Status.LOST, "no_trace")
        assert not Snapshot.objects.exists()

    def test_where_its_disks_cannot(self, take, server, guest, looked):
        guest.storage = "thick"
        looked()
        with pytest.raises(Impossible) as raised:
            take()
        assert raised.value.code == "no_snapshots"
        assert "scsi0" in str(raised.value)

    def test_while_it_is_locked(self, take, server):
        Server.objects.filter(pk=server.pk).update(lock="backup")
        with pytest.raises(Impossible, match="A backup is running"):
            take()


class TestLimits:
    def test_by_number(self, take, settings):
        settings.SNAPSHOTS_PER_SERVER = 2
        first, _ = take("One")
        take("Two")
        with pytest.raises(Impossible) as raised:
            take("Three")
        assert raised.value.code == "limit"
        assert raised.value.snapshot == first
        assert "Delete “One” first" in str(raised.value)

    def test_what_is_in_the_making_counts(self, take, settings, server, committed, clock):
        settings.SNAPSHOTS_PER_SERVER = 1
        take(wait=False)
        Action.objects.update(active=None)
        with pytest.raises(Impossible):
            take("Two")

    def test_by_age(self, take, settings, worker):
        settings.SNAPSHOT_DAYS = 30
        take("Old")
        worker.clock.pass_by(31 * 86400)
        with pytest.raises(Impossible, match="older than 30 days"):
            take("New")

    def test_staff_may_change_it(self, take, settings, server):
        settings.SNAPSHOTS_PER_SERVER = 1
        take("One")
        ServerSnapshots.objects.filter(pk=server.pk).update(most=2)
        take("Two")
        assert Snapshot.objects.count() == 2


class TestDeleting:
    def test_one(self, take, guest, worker, alices, committed):
        snapshot, _ = take()
        with committed():
            action = flow.delete(snapshot, actor=alices, now=worker.clock())
        worker.run(20)
        action.refresh_from_db()
        assert action.status == Status.SUCCESS
        assert guest.snapshots == {}
        assert not Snapshot.objects.exists()

    def test_it_was_gone_already(self, take, guest, worker, alices, committed):
        snapshot, _ = take()
        guest.snapshots.clear()
        guest.parent = None
        with committed():
            action = flow.delete(snapshot, actor=alices, now=worker.clock())
        worker.run(20)
        action.refresh_from_db()
        assert (action.status, action.error_code) == (Status.FAILED, "no_snapshot")
        assert not Snapshot.objects.exists()

    def test_what_is_not_there_yet(self, take, alices, worker):
        snapshot, _ = take(wait=False)
        with pytest.raises(Impossible):
            flow.delete(snapshot, actor=alices, now=worker.clock())


class TestRollingBack:
    def back(self, snapshot, alices, worker, committed, **wish):
        snapshot = Snapshot.objects.select_related("server").get(pk=snapshot.pk)
        wish = {"confirm": snapshot.server.name, "start": False, "take_first": False, **wish}
        with committed():
            action = flow.roll_back(snapshot, actor=alices, now=worker.clock(), **wish)
        worker.run(40)
        action.refresh_from_db()
        return action

    def test_without_start_it_is_off(self, take, guest, server, alices, worker, committed):
        snapshot, _ = take()
        action = self.back(snapshot, alices, worker, committed)
        assert action.status == Status.SUCCESS
        assert guest.power == "stopped"
        server.refresh_from_db()
        assert server.status == "stopped"

    def test_with_start(self, take, guest, server, alices, worker, committed):
        snapshot, _ = take()
        action = self.back(snapshot, alices, worker, committed, start=True)
        assert action.status == Status.SUCCESS
        server.refresh_from_db()
        assert server.status == guest.power == "running"

    def test_with_memory_it_runs(self, take, server, alices, worker, committed):
        snapshot, _ = take(memory=True)
        self.back(snapshot, alices, worker, committed)
        server.refresh_from_db()
        assert server.status == "running"

    def test_a_snapshot_first(self, take, guest, alices, worker, committed, verbs):
        snapshot, _ = take()
        action = self.back(snapshot, alices, worker, committed, take_first=True)
        assert action.status == Status.SUCCESS
        assert [step["step"] for step in action.steps] == ["snapshot", "rollback"]
        safety = Snapshot.objects.get(origin="safety")
        assert safety.name in guest.snapshots
        assert (safety.expires_at - safety.asked_at).total_seconds() == 86400

    def test_if_the_first_fails_nothing_is_rolled_back(
        self, take, world, guest, alices, worker, committed, verbs
    ):
        snapshot, _ = take()
        world.fail_task("qmsnapshot", "no space left")
        action = self.back(snapshot, alices, worker, committed, take_first=True)
        assert (action.status, action.error_message) == (Status.FAILED, "no space left")
        assert ("POST", "rollback") not in verbs()
        assert guest.power == "running"
        assert not Snapshot.objects.filter(origin="safety").exists()

    def test_another_name(self, take, alices, worker, committed):
        snapshot, _ = take()
        with pytest.raises(Invalid) as raised:
            self.back(snapshot, alices, worker, committed, confirm="another")
        assert raised.value.field == "confirm"

    def test_zfs_goes_back_to_the_newest_alone(
        self, take, guest, alices, worker, committed, looked
    ):
        guest.storage = "tank"
        looked()
        older, _ = take("Older")
        newer, _ = take("Newer")
        with pytest.raises(Impossible) as raised:
            self.back(older, alices, worker, committed)
        assert raised.value.code == "not_newest"
        with pytest.raises(Invalid):
            self.back(newer, alices, worker, committed, take_first=True)
        assert self.back(newer, alices, worker, committed).status == Status.SUCCESS


class TestBeforeAChange:
    def test_a_restart(self, server, guest, alices, worker, committed, verbs):
        from servers import operations

        with committed():
            action = operations.change_power(
                server, "reboot", actor=alices, now=worker.clock(), prelude=flow.prelude
            )
        assert action_words.doing(action) == "Taking a snapshot first"
        worker.run(60)
        action.refresh_from_db()
        assert action.status == Status.SUCCESS
        assert verbs() == [("POST", "snapshot"), ("POST", "reboot")]
        safety = Snapshot.objects.get()
        assert (safety.origin, safety.title) == ("safety", "Before: Restart")

    def test_it_is_deleted_after_a_day(self, server, guest, alices, worker, committed, tick):
        self.test_a_restart(server, guest, alices, worker, committed, lambda: [
            ("POST", "snapshot"), ("POST", "reboot"),
        ])  # fmt: skip
        worker.clock.pass_by(86000)
        tick()
        assert len(guest.snapshots) == 1
        worker.clock.pass_by(600)
        tick()
        assert guest.snapshots == {}
        assert not Snapshot.objects.exists()

    def test_a_password(self, server, guest, alices, worker, committed):
        from servers import operations

        with committed():
            action, password = operations.reset_password(
                server, way="", username="root", password="", actor=alices, now=worker.clock(),
                prelude=flow.prelude,
            )  # fmt: skip
        worker.run(60)
        action.refresh_from_db()
        assert action.status == Status.SUCCESS
        assert guest.passwords == {"root": password}
        assert len(guest.snapshots) == 1
        assert action.seal == ""

    def test_a_password_whose_message_is_lost(self, server, guest, alices, worker, committed):
        from servers import operations

        with committed():
            action, _ = operations.reset_password(
                server, way="", username="root", password="", actor=alices, now=worker.clock(),
                prelude=flow.prelude,
            )  # fmt: skip
        worker.run(1)
        worker.lose()
        worker.run(200)
        action.refresh_from_db()
        assert (action.status, action.error_code) == (Status.FAILED, "secret_lost")
        assert guest.passwords == {}
