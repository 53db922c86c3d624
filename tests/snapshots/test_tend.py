"""Schedules: due once, kept by number, never a human's; and who is told what failed."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.models import Notification
from servers.models import Action, Cluster, Node, Server
from servers.operations import Invalid
from snapshots import schedules, tend
from snapshots.models import Snapshot, SnapshotSchedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def schedule(server, alices, clock):
    """Every day at three in Berlin, the last two kept."""

    def make(kind="daily", **wish):
        wish = {"hour": 3, "keep": 2, "time_zone": "Europe/Berlin", **wish}
        return schedules.save(server, kind, wish, actor=alices, now=clock())

    return make


@pytest.fixture
def at(worker, world):
    """Sets the clock to a moment, with the cluster along."""

    def move(moment):
        worker.clock.seconds = moment.timestamp()
        world.advance(worker.clock.seconds)

    return move


def taken():
    return Snapshot.objects.filter(origin="schedule", taken_at__isnull=False)


def test_it_runs_when_it_is_due(schedule, tick, at, guest):
    daily = schedule()
    due = daily.next_run_at
    assert due.astimezone(UTC).hour == 2
    at(due - timedelta(seconds=60))
    tick(10)
    assert not Snapshot.objects.exists()
    at(due + timedelta(seconds=5))
    tick()
    (snapshot,) = taken()
    assert snapshot.name == f"auto-daily-{due + timedelta(hours=1):%Y%m%d}-0300"
    assert snapshot.name in guest.snapshots
    action = Action.objects.get()
    assert (action.source, action.requested_by, action.status) == ("schedule", None, "success")
    daily.refresh_from_db()
    assert daily.next_run_at == due + timedelta(days=1)


def test_two_beats_do_not_double_it(schedule, tick, at, worker, committed):
    daily = schedule()
    at(daily.next_run_at + timedelta(seconds=5))
    stale = SnapshotSchedule.objects.select_related("server").get()
    tick(0)
    with committed():
        assert not tend.run_one(stale, worker.clock())
    worker.run(30)
    assert taken().count() == 1


def test_missed_runs_run_once(schedule, tick, at):
    daily = schedule()
    at(daily.next_run_at + timedelta(days=9, hours=1))
    tick()
    tick()
    assert taken().count() == 1
    daily.refresh_from_db()
    assert daily.next_run_at > datetime.fromtimestamp(0, UTC) + timedelta(days=9)


def test_the_last_two_are_kept_and_a_humans_always(schedule, take, tick, at, guest):
    human, _ = take("auto-daily-20200101-0300")
    daily = schedule()
    for day in range(5):
        daily.refresh_from_db()
        at(daily.next_run_at + timedelta(seconds=day))
        tick(60)
        tick(60)
    names = sorted(taken().values_list("name", flat=True))
    assert len(names) == 2
    assert set(guest.snapshots) == {*names, human.name}
    assert Action.objects.filter(type="snapshot.delete", source="schedule").count() == 3


def test_a_snapshot_that_somebody_made_in_proxmox_by_our_name_stays(
    schedule, tick, at, guest, world, looked
):
    from tests.snapshots.test_look import outside

    for day in range(4):
        outside(guest, f"auto-daily-2026010{day}-0300", world.now - 86400 * (10 - day))
    looked()
    daily = schedule(keep=1)
    at(daily.next_run_at)
    tick(60)
    tick(60)
    assert len(guest.snapshots) == 5


def test_a_busy_server_is_asked_again(schedule, tick, at, ask, server, world, worker):
    daily = schedule()
    at(daily.next_run_at - timedelta(seconds=30))
    world.hang_task("qmreset")
    ask(server, "reset")
    worker.run(31)
    tick(1)
    assert not Snapshot.objects.exists()
    world.release_tasks()
    Action.objects.update(active=None, status="success")
    tick(60)
    assert taken().count() == 1


def test_busy_all_the_time_is_told(schedule, tick, at, ask, server, alice):
    daily = schedule()
    ask(server, "reboot")
    at(daily.next_run_at + timedelta(hours=4))
    tick(1)
    daily.refresh_from_db()
    assert daily.last_error == "Another operation was under way all the time."
    note = Notification.objects.get()
    assert note.recipient == alice
    assert note.subject == "web1: a scheduled snapshot failed"
    assert "Another operation was under way all the time." in note.body
    assert daily.next_run_at > daily.last_run_at


def test_a_failure_in_proxmox_is_told(schedule, tick, at, world, alice):
    daily = schedule()
    world.fail_task("qmsnapshot", "no space left on device")
    at(daily.next_run_at)
    tick()
    note = Notification.objects.get()
    assert note.recipient == alice
    assert "no space left on device" in note.body
    tick(60)
    assert Notification.objects.count() == 1


def test_what_cannot_be_deleted_is_told_once_a_day(schedule, tick, at, world, worker):
    daily = schedule(keep=1)
    for _ in range(2):
        daily.refresh_from_db()
        at(daily.next_run_at)
        world.fail_task("qmdelsnapshot", "volume is busy", times=99)
        tick()
    for _ in range(5):
        tick()
    assert Action.objects.filter(type="snapshot.delete").count() == 1
    assert Notification.objects.get().subject == "web1: an old snapshot was not deleted"
    SnapshotSchedule.objects.update(enabled=False)
    worker.clock.pass_by(86500)
    world.clear_faults()
    tick(60)
    assert taken().count() == 1


def test_any_number_of_servers_takes_a_handful_of_queries(
    polled, clock, django_assert_max_num_queries
):
    at = clock()
    for server in Server.objects.all():
        for n in range(3):
            Snapshot.objects.create(
                server=server, name=f"auto-daily-2026010{n + 1}-0300", title="x", taken_at=at,
                origin="schedule", schedule_kind="daily",
            )  # fmt: skip
        SnapshotSchedule.objects.create(server=server, kind="daily", keep=2)
    with django_assert_max_num_queries(4):
        found = tend.due_to_go(at)
    assert len(found) == Server.objects.count() > 5


def test_the_limit_is_told(schedule, tick, at, take, settings):
    daily = schedule(keep=1)
    settings.SNAPSHOTS_PER_SERVER = 1
    take("Mine")
    at(daily.next_run_at)
    tick()
    daily.refresh_from_db()
    assert "limit" in daily.last_error
    assert Notification.objects.count() == 1
    assert Snapshot.objects.count() == 1


def test_what_is_off_does_not_run(schedule, tick, at):
    daily = schedule()
    due = daily.next_run_at
    schedule(enabled=False)
    at(due + timedelta(hours=1))
    tick()
    assert not Snapshot.objects.exists()


def test_a_gone_servers_schedule_does_not_run(schedule, tick, at, server):
    daily = schedule()
    Server.objects.filter(pk=server.pk).update(present=None, status="gone")
    at(daily.next_run_at + timedelta(hours=1))
    tick()
    assert not Action.objects.exists()


def test_a_clock_that_was_set_back(schedule, tick, at, worker):
    daily = schedule()
    SnapshotSchedule.objects.update(next_run_at=worker.clock() + timedelta(days=400))
    tick(0)
    daily.refresh_from_db()
    assert daily.next_run_at < worker.clock() + timedelta(days=2)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"keep": 0}, "keep"),
        ({"keep": 10}, "keep"),
    ],
)
def test_schedules_that_cannot_be(wish, field, schedule):
    with pytest.raises(Invalid) as raised:
        schedule(**wish)
    assert raised.value.field == field
    assert not SnapshotSchedule.objects.exists()


def test_all_kinds_together_keep_below_the_limit(schedule):
    schedule("hourly", keep=5)
    with pytest.raises(Invalid):
        schedule("daily", keep=5)
    schedule("daily", keep=4)


def calm():
    """Running VMs, without the one that is backed up meanwhile and the one on thick LVM."""
    running = Server.objects.filter(kind="qemu", status="running")
    return running.exclude(name__in=("shop-app", "legacy-crm"))


class TestReadingAround:
    def asked(self, sent, committed, clock):
        sent.clear()
        with committed():
            tend.look_around(clock())
        return {message.arguments["server_id"] for message in sent}

    def test_lists_that_were_never_read(self, polled, sent, committed, clock):
        asked = self.asked(sent, committed, clock)
        assert asked == set(Server.objects.values_list("pk", flat=True))

    def test_one_that_was_read_waits(self, server, looked, sent, committed, clock):
        looked()
        assert server.pk not in self.asked(sent, committed, clock)
        clock.pass_by(6 * 3600 + 1)
        assert server.pk in self.asked(sent, committed, clock)

    def test_nobody_is_asked_where_nobody_answers(self, server, sent, committed, clock):
        Node.objects.filter(pk=server.node_id).update(status="offline")
        asked = self.asked(sent, committed, clock)
        assert asked
        assert server.pk not in asked
        Cluster.objects.update(failing_since=clock())
        assert self.asked(sent, committed, clock) == set()


class TestTurns:
    """So many of a cluster at a time: the others wait, and are seen to."""

    def test_the_others_wait_their_turn(self, polled, worker, settings, committed, clock, alice):
        settings.SNAPSHOTS_AT_ONCE = 2
        servers = list(calm()[:5])
        for server in servers:
            SnapshotSchedule.objects.create(server=server, kind="daily", next_run_at=clock())
        most = 0
        with committed():
            assert tend.run_schedules(worker.clock()) == 5
        waited = set()
        for _ in range(100):
            worker.run(0.2)
            at_work = Action.objects.filter(active=True, sent_at__isnull=False).count()
            most = max(most, at_work)
            waited |= set(Action.objects.filter(is_queued=True).values_list("pk", flat=True))
        assert most == 2
        assert len(waited) >= 3
        assert Action.objects.filter(status="success").count() == 5
        assert not Action.objects.filter(is_queued=True).exists()

    def test_a_lost_redis_leaves_nobody_waiting(self, polled, worker, settings, committed, clock):
        settings.SNAPSHOTS_AT_ONCE = 1
        for server in calm()[:4]:
            SnapshotSchedule.objects.create(server=server, kind="daily", next_run_at=clock())
        with committed():
            tend.run_schedules(worker.clock())
        for _ in range(6):
            worker.run(3)
            worker.lose()
        worker.run(200)
        assert Action.objects.filter(status="success").count() == 4

    def test_who_waited_long_is_tried_as_long_as_any_other(
        self, polled, worker, settings, committed, clock, world
    ):
        settings.SNAPSHOTS_AT_ONCE = 1
        for server in calm()[:2]:
            SnapshotSchedule.objects.create(server=server, kind="daily", next_run_at=clock())
        world.hang_task("qmsnapshot")
        with committed():
            tend.run_schedules(worker.clock())
        worker.run(300)
        waiting = Action.objects.get(is_queued=True)
        world.fail_next("POST", "/snapshot", status=595, reason="No route to host", times=3)
        world.release_tasks()
        worker.run(60)
        waiting.refresh_from_db()
        assert waiting.status == "success"
