"""From what Proxmox says to a mail: cycles in the test's own time."""

from contextlib import contextmanager

import pytest
from django.core import mail
from django.db import IntegrityError, connection

from accounts.audit import SYSTEM
from alerts import episodes, rules
from alerts.models import Alert, AlertEvent, AlertRule, AlertStanding, Notification
from monitoring.models import GuestDisk
from servers import labels
from servers.models import Action, Server
from tests.monitoring.guests import of, server_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(guest):
    """The guest computes all it can, or no more."""

    def set_to(cpu):
        guest.busy_cpu = cpu

    return set_to


def firing():
    return Alert.objects.firing().get()


def subjects():
    return [message.subject for message in mail.outbox]


def test_an_installation_begins_with_rules_for_every_server(polled):
    rules = {rule.metric: rule for rule in AlertRule.objects.defaults()}
    assert {"cpu", "memory", "disk"} < set(rules)
    assert {rules[metric].threshold for metric in ("cpu", "memory", "disk")} == {0.9}
    assert all(rule.enabled for rule in rules.values())


def test_from_the_crossing_to_the_mail_and_back(
    busy, owner, server, pass_time, clock, no_defaults, rule_of
):
    rule = rule_of(owner)
    pass_time(60)
    busy(0.97)
    began = clock()
    pass_time(120)
    assert not Alert.objects.exists()
    assert AlertStanding.objects.get().state == "pending"
    pass_time(30)

    alert = firing()
    assert (alert.rule, alert.server, alert.owner) == (rule, server, owner)
    assert (alert.since - began).total_seconds() == 30
    assert (alert.fired_at - alert.since).total_seconds() == 120
    assert alert.value == pytest.approx(0.97, abs=0.02)
    [message] = mail.outbox
    assert message.to == [owner.email]
    assert server.name in message.subject
    assert alert.told_at == clock()

    pass_time(600)
    assert len(mail.outbox) == 1
    busy(0.2)
    pass_time(30)
    alert.refresh_from_db()
    assert (alert.active, alert.end_reason, alert.ended_at) == (None, "recovered", clock())
    assert len(mail.outbox) == 2
    assert not AlertStanding.objects.exists()
    kinds = list(alert.events.values_list("kind", flat=True))
    assert kinds == ["fired", "told", "ended", "told_recovery"]


def test_nothing_is_written_while_nothing_changes(
    busy, owner, pass_time, pass_cycle, no_defaults, rule_of
):
    rule_of(owner)
    busy(0.97)
    pass_time(240)
    assert Alert.objects.firing().count() == 1
    tables = (Alert, AlertEvent, AlertStanding, Notification)
    before = [list(table.objects.values()) for table in tables]
    with capture() as written:
        pass_cycle()
    assert not [sql for sql in written if "alerts_" in sql]
    assert [list(table.objects.values()) for table in tables] == before


@contextmanager
def capture():
    """The statements that write."""
    written = []

    def note(execute, sql, params, many, context):
        if not sql.lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE", "BEGIN")):
            written.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield written


def test_somebody_elses_rule_is_not_for_this_server(busy, bob, pass_time, no_defaults, rule_of):
    rule_of(bob)
    busy(0.97)
    pass_time(300)
    assert not Alert.objects.exists()


def test_a_rule_for_a_label(busy, owner, server, pass_time, no_defaults, rule_of, clock):
    rule_of(owner, label="env=prod", duration=0)
    busy(0.97)
    pass_time(60)
    assert not Alert.objects.exists()
    labels.replace(server, {"env": "prod"}, actor=SYSTEM, now=clock())
    pass_time(30)
    assert firing().server == server
    labels.replace(server, {"env": "test"}, actor=SYSTEM, now=clock())
    pass_time(30)
    assert Alert.objects.get().end_reason == "rule_changed"
    assert len(mail.outbox) == 1


def test_the_narrowest_replaces_the_default(busy, owner, server, pass_time, rule_of):
    pass_time(30)
    default = AlertRule.objects.defaults().get(metric="cpu")
    rule_of(owner, replaces=default, threshold=0.98, clear_at=0.98, duration=0)
    busy(0.95)
    pass_time(900)
    assert not Alert.objects.filter(server=server, metric="cpu").exists()
    narrower = rule_of(
        owner, replaces=default, server=server, threshold=0.94, clear_at=0.9, duration=0
    )
    pass_time(30)
    assert firing().rule == narrower
    narrower.enabled = False
    rules.change(narrower, {"enabled": False}, actor=SYSTEM, now=firing().fired_at)
    pass_time(30)
    assert not Alert.objects.firing().exists()


def test_the_servers_new_owner_hears_nothing_of_the_old_ones_alerts(
    busy, owner, bob, server, pass_time
):
    pass_time(30)
    busy(0.97)
    pass_time(900)
    old = firing()
    mail.outbox.clear()
    Server.objects.filter(pk=server.pk).update(owner=bob)
    pass_time(30)
    old.refresh_from_db()
    assert old.end_reason == "owner_changed"
    assert mail.outbox == []
    assert not Alert.objects.visible_to(bob).exists()
    assert not Alert.objects.visible_to(owner).exists()
    pass_time(900)
    new = firing()
    assert new.owner == bob
    assert [message.to for message in mail.outbox] == [[bob.email]]
    assert new.since > old.fired_at


def test_a_server_without_owner_is_judged_and_nobody_told(polled, world, pass_time):
    guest = of(world)
    Server.objects.update(owner=None)
    guest.busy_cpu = 0.99
    pass_time(900)
    alert = Alert.objects.firing().get(server=server_of(guest))
    assert mail.outbox == []
    assert [event.reason for event in alert.events.all()] == ["", "no_owner"]


def test_the_fullest_file_system_counts_and_is_named(
    server, pass_time, no_defaults, rule_of, owner
):
    pass_time(60)
    rule_of(owner, metric="disk", threshold=0.9, clear_at=0.88, duration=0)
    only = rule_of(
        owner, metric="disk", mountpoint="/data", threshold=0.5, clear_at=0.5, duration=0
    )
    disk = GuestDisk.objects.get(server=server)
    gib = 2**30
    GuestDisk.objects.filter(pk=disk.pk).update(
        state="ok", used=30 * gib, total=100 * gib, fullest=0.95, fullest_at="/var",
        file_systems=[
            {"mountpoint": "/var", "kind": "ext4", "used": 19 * gib, "total": 20 * gib},
            {"mountpoint": "/data", "kind": "ext4", "used": 11 * gib, "total": 80 * gib},
        ],
        measured_at=disk.measured_at or 0, next_look_at=2**40,
    )  # fmt: skip
    GuestDisk.objects.update(measured_at=int(server.status_since.timestamp()) + 60)
    pass_time(30)
    alert = firing()
    assert (alert.value, alert.detail) == (pytest.approx(0.95), "/var")
    assert alert.rule != only


class TestDown:
    @pytest.fixture(autouse=True)
    def rule(self, no_defaults, rule_of, owner, pass_time):
        made = rule_of(owner, metric="state", threshold=None, clear_at=None, duration=60)
        pass_time(60)
        return made

    def test_it_fires_where_nobody_asked(self, server, world, pass_time):
        world.set_power(server.vmid, "stopped")
        pass_time(90)
        assert firing().metric == "state"
        world.set_power(server.vmid, "running")
        pass_time(60)
        assert Alert.objects.get().end_reason == "recovered"
        assert len(mail.outbox) == 2

    @pytest.mark.parametrize("status", ["pending", "running", "success", "failed"])
    def test_what_somebody_asked_for_is_no_alert(self, server, world, pass_time, clock, status):
        an_action(server, status, clock)
        world.set_power(server.vmid, "stopped")
        pass_time(600)
        assert not Alert.objects.exists()

    def test_what_was_asked_for_long_ago_is_no_excuse(self, server, world, pass_time, clock):
        an_action(server, "success", clock)
        pass_time(600)
        world.set_power(server.vmid, "stopped")
        pass_time(90)
        assert firing().metric == "state"

    def test_unless_it_is_asked_for(self, server, world, pass_time, clock, rule, owner):
        rules.change(rule, {"even_intended": True}, actor=SYSTEM, now=clock())
        an_action(server, "success", clock)
        world.set_power(server.vmid, "stopped")
        pass_time(90)
        assert firing().metric == "state"

    def test_one_that_was_stopped_all_along_is_well(self, pass_time, world, owner):
        stopped = server_of(of(world, power="stopped"))
        Server.objects.filter(pk=stopped.pk).update(owner=owner)
        pass_time(600)
        assert not Alert.objects.exists()

    def test_a_node_that_dies_and_leaves_it_stopped(self, server, guest, world, pass_time):
        world.node_down(guest.node)
        pass_time(300)
        assert not Alert.objects.exists()
        world.set_power(server.vmid, "stopped")
        world.node_up(guest.node)
        pass_time(120)
        assert firing().metric == "state"

    def test_one_that_was_stopped_before_its_node_died(
        self, server, guest, world, pass_time, clock
    ):
        an_action(server, "success", clock)
        world.set_power(server.vmid, "stopped")
        pass_time(1200)
        world.node_down(guest.node)
        pass_time(300)
        world.node_up(guest.node)
        pass_time(120)
        assert not Alert.objects.exists()


def an_action(server, status, clock):
    over = status in ("success", "failed")
    return Action.objects.create(
        server=server, type="shutdown", status=status, active=None if over else True,
        source="web", requested_at=clock(), deadline=clock(), finished_at=clock() if over else None,
    )  # fmt: skip


def test_work_of_others_begins_no_alert(
    busy, owner, server, world, pass_time, no_defaults, rule_of
):
    rule_of(owner, duration=0)
    world.lock_guest(server.vmid, "backup")
    pass_time(30)
    busy(0.99)
    pass_time(120)
    assert not Alert.objects.exists()
    world.unlock_guest(server.vmid)
    pass_time(60)
    assert firing().metric == "cpu"


def test_a_stopped_server_ends_what_fired(
    busy, owner, server, world, pass_time, no_defaults, rule_of, clock
):
    rule_of(owner, duration=0)
    busy(0.99)
    pass_time(60)
    assert firing()
    an_action(server, "success", clock)
    world.set_power(server.vmid, "stopped")
    pass_time(30)
    assert Alert.objects.get().end_reason == "void"


def test_after_the_panel_was_away_a_hold_begins_anew(
    busy, owner, pass_time, pass_cycle, clock, no_defaults, rule_of
):
    rule_of(owner)
    busy(0.97)
    pass_time(90)
    clock.pass_by(300)
    pass_time(30)
    assert not Alert.objects.exists()
    assert AlertStanding.objects.get().since == int(clock.seconds)
    pass_time(120)
    assert firing()


def test_no_data(guest, world, owner, pass_time, no_defaults, rule_of):
    rule_of(owner, no_data=True)
    pass_time(60)
    world.freeze_pvestatd(guest.node)
    pass_time(300)
    alert = firing()
    assert alert.kind == "no_data"
    assert alert.value is None


def test_without_being_asked_for_missing_data_are_silent(
    guest, world, owner, pass_time, no_defaults, rule_of
):
    rule_of(owner)
    world.freeze_pvestatd(guest.node)
    pass_time(900)
    assert not Alert.objects.exists()


class TestUnderALock:
    @pytest.fixture(autouse=True)
    def rule(self, no_defaults, rule_of, owner, pass_time):
        rule_of(owner, metric="state", threshold=None, clear_at=None, duration=0)
        pass_time(60)

    def test_a_backup_that_stops_and_starts_a_server_is_no_alert(self, server, world, pass_time):
        world.set_power(server.vmid, "stopped")
        world.lock_guest(server.vmid, "backup")
        pass_time(300)
        world.set_power(server.vmid, "running")
        world.unlock_guest(server.vmid)
        pass_time(60)
        assert not Alert.objects.exists()

    def test_one_that_does_not_start_again_is_one(self, server, world, pass_time):
        world.set_power(server.vmid, "stopped")
        world.lock_guest(server.vmid, "backup")
        pass_time(300)
        world.unlock_guest(server.vmid)
        pass_time(30)
        assert firing().metric == "state"


def test_a_gap_is_not_forgotten_by_a_value_that_is_missing_after_it(
    busy, owner, server, guest, world, pass_time, clock, no_defaults, rule_of
):
    rule_of(owner, duration=600)
    busy(0.97)
    pass_time(60)
    clock.pass_by(500)
    world.freeze_pvestatd(guest.node)
    pass_time(30)
    world.thaw_pvestatd(guest.node)
    pass_time(60)
    assert not Alert.objects.exists()


def test_a_rule_that_is_deleted_between_reading_and_writing(
    busy, owner, pass_time, pass_cycle, no_defaults, rule_of, monkeypatch
):
    """Its row is gone when the alert would be stored: the cycle is done again without it."""

    rule_of(owner, duration=0)
    pass_time(60)
    busy(0.97)
    begin = episodes.begin
    calls = []

    def gone(*args, **more):
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError(1452, "Cannot add or update a child row")
        begin(*args, **more)

    monkeypatch.setattr(episodes, "begin", gone)
    pass_cycle()
    assert len(calls) == 2
    assert Alert.objects.firing().count() == 1


def test_a_gap_counts_neither_as_held_nor_as_missing(
    guest, world, owner, pass_time, clock, no_defaults, rule_of
):
    rule_of(owner, no_data=True, duration=600)
    pass_time(60)
    world.freeze_pvestatd(guest.node)
    pass_time(60)
    assert AlertStanding.objects.get().state == "missing"
    clock.pass_by(1000)
    pass_time(60)
    assert not Alert.objects.exists()
    pass_time(120)
    assert firing().kind == "no_data"


def test_a_file_system_that_is_not_there_any_more(
    server, pass_time, no_defaults, rule_of, owner, clock
):
    pass_time(60)
    rule_of(owner, metric="disk", mountpoint="/data", threshold=0.5, clear_at=0.5, duration=0)
    gib = 2**30

    def told(*systems):
        GuestDisk.objects.filter(server=server).update(
            state="ok", used=60 * gib, total=100 * gib, fullest=0.6, fullest_at="/",
            file_systems=[
                {"mountpoint": name, "kind": "ext4", "used": 6 * gib, "total": 10 * gib}
                for name in systems
            ],
            measured_at=int(clock.seconds), next_look_at=2**40,
        )  # fmt: skip

    told("/", "/data")
    pass_time(30)
    assert firing().value == pytest.approx(0.6)
    told("/")
    pass_time(30)
    assert Alert.objects.get().end_reason == "void"
