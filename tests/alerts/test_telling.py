"""What people get of many alerts, and what they are spared: in cycles of the test's own time."""

from datetime import time, timedelta

import pytest
from django.core import mail

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from alerts import destinations, episodes, mutes, rules, situation, telling
from alerts.models import Alert, AlertPreferences, Incident, MaintenanceWindow, Notification
from servers import ownership
from servers.models import Cluster, Server

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def quick(no_defaults):
    """No rule but the test's own."""


@pytest.fixture
def rule(rule_of, owner):
    return rule_of(owner, duration=0)


@pytest.fixture
def busy(guest):
    def set_to(cpu):
        guest.busy_cpu = cpu

    return set_to


@pytest.fixture
def fire(busy, pass_time):
    """It fires, and after so many seconds is well again."""

    def run(seconds=60):
        busy(0.97)
        pass_time(seconds)
        busy(0.1)
        pass_time(30)

    return run


@pytest.fixture
def actor(owner):
    return Actor(owner, Source.WEB)


@pytest.fixture
def others(owner, server, polled, clock):
    """More running servers of Alice's."""
    found = list(
        Server.objects.filter(status="running", kind="qemu", owner=None).order_by("vmid")[:3]
    )
    ownership.assign(found, owner, actor=SYSTEM, now=clock())
    return found


def kinds():
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def reasons(alert):
    return [(event.kind, event.reason) for event in alert.events.all()]


def test_a_second_episode_within_the_hour_is_held_back_and_then_told(
    rule, fire, busy, pass_time, clock
):
    fire()
    assert kinds() == ["fired", "recovered"]
    busy(0.97)
    pass_time(60)
    second = Alert.objects.firing().get()
    first_told = Alert.objects.exclude(pk=second.pk).get().told_at
    assert second.tell_at == first_told + HOUR
    assert reasons(second) == [("fired", ""), ("held", "cooldown")]
    pass_time(3600, every=300)
    assert kinds() == ["fired", "recovered", "fired"]
    assert second.events.filter(kind="held").count() == 1


def test_one_that_is_over_before_its_hour_is_not_told_and_says_so(rule, fire, pass_time):
    fire()
    fire()
    pass_time(3600, every=300)
    assert kinds() == ["fired", "recovered"]
    second = Alert.objects.order_by("-pk")[0]
    assert reasons(second) == [
        ("fired", ""), ("held", "cooldown"), ("ended", ""), ("not_told", "over"),
    ]  # fmt: skip


def test_what_comes_and_goes_is_told_once_an_hour_with_how_often(rule, fire, pass_time):
    for _ in range(6):
        fire()
    assert kinds() == ["fired", "recovered"]
    pass_time(3300, every=300)
    assert kinds() == ["fired", "recovered", "flapping"]
    assert Notification.objects.filter(kind="flapping").get().alerts.count() >= 3


def test_many_at_once_are_one_mail(rule, server, others, world, pass_time):
    for each in (server, *others):
        world.busy(each.vmid)
    pass_time(60)
    assert Alert.objects.firing().count() == 4
    [message] = mail.outbox
    for each in (server, *others):
        assert each.name in message.body
    for each in (server, *others):
        world.busy(each.vmid, 0.1)
    pass_time(30)
    assert len(mail.outbox) == 2


def test_the_recovery_comes_after_the_first_and_not_without_it(rule, busy, pass_time, clock):
    busy(0.97)
    pass_time(30)
    first = Notification.objects.get(kind="fired")
    Notification.objects.filter(pk=first.pk).update(status="given_up")
    busy(0.1)
    pass_time(60)
    assert kinds() == ["fired"]
    alert = Alert.objects.get()
    assert reasons(alert)[-1] == ("not_told", "no_channel")


def test_nobody_is_told_under_a_mute_and_afterwards_of_what_lasts(
    rule, busy, pass_time, clock, owner, server, actor
):
    until = clock() + timedelta(minutes=10)
    mutes.mute(owner, rule=rule, server=server, until=until, actor=actor, now=clock())
    busy(0.97)
    pass_time(480)
    assert kinds() == []
    alert = Alert.objects.firing().get()
    assert reasons(alert)[-1] == ("held", "muted")
    pass_time(180)
    assert kinds() == ["fired"]


def test_a_mute_without_end_that_is_taken_back(rule, busy, pass_time, clock, owner, actor):
    mute = mutes.mute(owner, rule=None, server=None, until=None, actor=actor, now=clock())
    busy(0.97)
    pass_time(4000, every=500)
    assert kinds() == []
    mutes.unmute(mute, actor=actor, now=clock())
    pass_time(30)
    assert kinds() == ["fired"]


def test_quiet_hours_in_the_persons_own_zone(rule, busy, pass_time, clock, owner):
    # It is 12:00 in UTC: 21:00 in Tokyo.
    owner.time_zone = "Asia/Tokyo"
    owner.save()
    AlertPreferences.objects.create(user=owner, quiet_from=time(21), quiet_until=time(22))
    busy(0.97)
    pass_time(120)
    assert kinds() == []
    alert = Alert.objects.get()
    assert reasons(alert)[-1] == ("held", "quiet")
    assert alert.tell_at.hour == 13
    pass_time(3600, every=300)
    assert kinds() == ["fired"]


def test_what_is_critical_is_told_at_night(busy, pass_time, clock, owner, rule_of):
    AlertPreferences.objects.create(user=owner, quiet_from=time(0), quiet_until=time(23, 59))
    rule_of(owner, duration=0, severity="critical")
    busy(0.97)
    pass_time(60)
    assert kinds() == ["fired"]


def test_in_maintenance_nobody_is_told_until_it_is_over(rule, busy, pass_time, clock, server):
    MaintenanceWindow.objects.create(
        node=server.node, starts_at=clock(), ends_at=clock() + timedelta(minutes=10)
    )
    busy(0.97)
    pass_time(480)
    assert kinds() == []
    assert reasons(Alert.objects.get())[-1] == ("held", "maintenance")
    pass_time(180)
    assert kinds() == ["fired"]


def test_of_a_cluster_that_staff_took_out_nobody_is_told(rule, busy, pass_time, clock, server):
    busy(0.97)
    pass_time(30)
    Alert.objects.update(tell_at=clock(), told_at=None)
    Notification.objects.all().delete()
    Cluster.objects.update(enabled=False)
    telling.tell_due(clock)
    assert kinds() == []
    assert reasons(Alert.objects.get())[-1] == ("held", "maintenance")
    Cluster.objects.update(enabled=True)
    clock.pass_by(601)
    telling.tell_due(clock)
    assert kinds() == ["fired"]


def test_reminders_until_somebody_acknowledges(busy, pass_time, owner, rule_of, actor, clock):
    rule_of(owner, duration=0, remind_every=7200)
    busy(0.97)
    pass_time(8030, every=365)
    assert kinds() == ["fired", "reminder"]
    alert = Alert.objects.get()
    assert episodes.acknowledge(alert, actor=actor, now=clock())
    assert not episodes.acknowledge(alert, actor=actor, now=clock())
    pass_time(10_000, every=1000)
    assert kinds() == ["fired", "reminder"]
    busy(0.1)
    pass_time(60)
    assert kinds() == ["fired", "reminder", "recovered"]


def test_no_recovery_where_it_is_not_wanted(busy, pass_time, owner, rule_of, fire):
    rule_of(owner, duration=0, tell_recovery=False)
    fire()
    assert kinds() == ["fired"]
    assert reasons(Alert.objects.get())[-1] == ("not_told", "not_wanted")


def test_a_rule_that_goes_ends_what_fires_quietly(rule, busy, pass_time, clock, actor):
    busy(0.97)
    pass_time(60)
    rules.delete(rule, actor=actor, now=clock())
    pass_time(60)
    assert Alert.objects.get().end_reason == "rule_changed"
    assert kinds() == ["fired"]


def test_twice_at_once_tells_once(rule, busy, pass_cycle, clock):
    busy(0.97)
    pass_cycle()
    telling.tell_due(clock)
    Alert.objects.update(tell_at=clock())
    telling.tell_due(clock)
    assert kinds() == ["fired"]


def test_one_that_changes_while_it_is_decided_is_decided_anew(
    rule, busy, pass_cycle, clock, monkeypatch
):
    busy(0.97)
    pass_cycle()
    decide = situation.decide

    def meanwhile(facts, **more):
        alert = Alert.objects.firing().first()
        if alert:
            episodes.finish([alert], "recovered", now=clock())
        return decide(facts, **more)

    monkeypatch.setattr(situation, "decide", meanwhile)
    telling.tell_due(clock)
    assert kinds() == []
    assert Alert.objects.get().tell_at is not None
    telling.tell_due(clock)
    assert reasons(Alert.objects.get())[-1] == ("not_told", "over")


class TestFaults:
    @pytest.fixture
    def reachability(self, rule_of, owner, bob):
        for person in (owner, bob):
            rule_of(
                person, metric="reachability", threshold=None, clear_at=None, duration=120,
                severity="critical",
            )  # fmt: skip

    @pytest.fixture
    def on_the_node(self, server, owner, bob, clock):
        """All servers of its node: Alice's, but one of Bob's."""
        found = list(Server.objects.filter(node=server.node, present=True).order_by("pk"))
        ownership.assign(found, owner, actor=SYSTEM, now=clock())
        theirs = Server.objects.filter(pk__in=[each.pk for each in found]).last()
        ownership.assign([theirs], bob, actor=SYSTEM, now=clock())
        return found

    def test_a_node_that_dies_is_one_incident_and_one_message_each(
        self, reachability, on_the_node, server, staff, owner, bob, world, pass_time
    ):
        pass_time(60)
        world.node_down(server.node.name)
        pass_time(90)
        assert [m.to for m in mail.outbox] == [[staff.email]]
        incident = Incident.objects.get()
        assert (incident.kind, incident.name) == ("node", server.node.name)
        assert set(incident.servers.all()) == set(on_the_node)
        assert server.node.name in mail.outbox[0].subject
        pass_time(300)
        assert sorted(m.to for m in mail.outbox[1:]) == [[owner.email], [bob.email]]
        for message in mail.outbox[1:]:
            assert server.node.name not in message.subject + message.body
        assert Alert.objects.firing().count() == len(on_the_node)
        assert set(Alert.objects.values_list("incident", flat=True)) == {incident.pk}

        mail.outbox.clear()
        world.node_up(server.node.name)
        pass_time(600)
        assert sorted(m.to for m in mail.outbox) == [[owner.email], [bob.email], [staff.email]]
        incident.refresh_from_db()
        assert incident.ended_at is not None
        # Those that ran run again.
        assert not Alert.objects.firing().filter(server=server).exists()

    def test_what_is_over_at_once_nobody_hears_of(
        self, reachability, server, staff, world, pass_time
    ):
        world.node_down(server.node.name)
        pass_time(30)
        world.node_up(server.node.name)
        pass_time(300)
        assert Incident.objects.get().ended_at is not None
        assert mail.outbox == []

    def test_a_cluster_that_does_not_answer(
        self, reachability, on_the_node, staff, owner, bob, world, pass_time
    ):
        world.dark("timeout")
        pass_time(600)
        assert [incident.kind for incident in Incident.objects.all()] == ["cluster"]
        assert sorted(m.to[0] for m in mail.outbox) == [owner.email, bob.email, staff.email]
        world.light()
        pass_time(600)
        assert Incident.objects.get().ended_at is not None
        assert not Alert.objects.firing().exists()
        assert len(mail.outbox) == 6

    def test_what_still_fires_when_the_fault_is_over_is_told_on_its_own(
        self, reachability, server, world, pass_time, owner
    ):
        world.node_down(server.node.name)
        pass_time(300)
        assert kinds() == ["fault"]
        # It is back, but nobody measures there.
        world.node_up(server.node.name)
        world.freeze_pvestatd(server.node.name)
        pass_time(30)
        assert not Incident.objects.filter(active=True).exists()
        pass_time(60)
        assert kinds() == ["fault"]
        pass_time(60)
        assert sorted(kinds()) == ["fault", "fault_over", "fired"]

    def test_a_storage_that_breaks(self, server, staff, world, pass_time):
        pass_time(30)
        storage = world.guest(server.vmid).storage
        world.fill_storage(storage)
        pass_time(120)
        found = Incident.objects.filter(servers=server).get()
        assert found.kind == "storage"
        assert "99%" in found.why
        assert mail.outbox[0].to == [staff.email]
        world.mend_storage(storage)
        pass_time(60)
        found.refresh_from_db()
        assert found.ended_at is not None

    def test_a_collector_that_stands_still_is_no_broken_storage(self, server, world, pass_time):
        world.freeze_pvestatd()
        pass_time(900)
        assert not Incident.objects.exists()

    def test_staff_at_work_are_not_told(self, server, staff, world, pass_time, clock):
        MaintenanceWindow.objects.create(
            node=server.node, starts_at=clock(), ends_at=clock() + HOUR
        )
        world.node_down(server.node.name)
        pass_time(600)
        assert mail.outbox == []
        pass_time(3300, every=300)
        assert [m.to for m in mail.outbox] == [[staff.email]]

    def test_one_that_comes_and_goes_is_told_once_an_hour(self, server, staff, world, pass_time):
        for _ in range(4):
            world.node_down(server.node.name)
            pass_time(150)
            world.node_up(server.node.name)
            pass_time(210)
        assert Incident.objects.count() == 4
        assert len(mail.outbox) == 2


def test_what_is_odd_about_one_owner_keeps_nobody_waiting(
    rule, rule_of, bob, server, others, world, pass_cycle, clock, monkeypatch
):
    rule_of(bob, duration=0)
    Server.objects.filter(pk=others[0].pk).update(owner=bob)
    for each in (server, others[0]):
        world.busy(each.vmid)
    pass_cycle()
    tell = telling.tell_owner

    def odd(owner_id, *, now):
        if owner_id == server.owner_id:
            raise ValueError("A name that nobody thought of")
        tell(owner_id, now=now)

    monkeypatch.setattr(telling, "tell_owner", odd)
    telling.tell_due(clock)
    assert list(Notification.objects.values_list("recipient", flat=True)) == [bob.pk]
    monkeypatch.setattr(telling, "tell_owner", tell)
    telling.tell_due(clock)
    assert Notification.objects.count() == 1
    clock.pass_by(61)
    telling.tell_due(clock)
    assert Notification.objects.count() == 2


def test_who_had_no_channel_is_told_by_the_one_that_is_set_right(
    rule, busy, pass_time, owner, actor, clock
):
    channel = destinations.own_mail(owner, clock())
    destinations.disable(channel, actor=actor, now=clock())
    busy(0.97)
    pass_time(60)
    assert reasons(Alert.objects.get())[-1] == ("not_told", "no_channel")
    destinations.enable(channel, actor=actor, now=clock())
    pass_time(30)
    assert kinds() == ["fired"]


def test_reminders_that_are_asked_for_while_it_fires(rule, busy, pass_time, actor, clock):
    busy(0.97)
    pass_time(60)
    rules.change(rule, {"remind_every": 3600}, actor=actor, now=clock())
    pass_time(4070, every=370)
    assert kinds() == ["fired", "reminder"]


def test_a_thousand_alerts_take_a_handful_of_queries(
    rule, owner, polled, clock, django_assert_max_num_queries
):
    """However many of an owner's are due."""
    servers = Server.objects.bulk_create(
        Server(
            cluster=polled, kind="qemu", vmid=10_000 + n, name=f"s{n}", owner=owner,
            status="running", status_since=clock(),
        )
        for n in range(300)
    )  # fmt: skip
    made = [
        Alert(
            rule=rule, server=server, owner=owner, metric="cpu", severity="warning",
            condition="greater_than", since=clock(), fired_at=clock(), tell_at=clock(), value=0.97,
        )
        for server in servers
    ]  # fmt: skip
    Alert.objects.bulk_create(made)
    with django_assert_max_num_queries(45):
        telling.tell_due(clock)
    assert kinds() == ["fired"]
    Alert.objects.update(active=None, ended_at=clock(), end_reason="recovered", tell_at=clock())
    with django_assert_max_num_queries(45):
        telling.tell_due(clock)
    assert kinds() == ["fired", "recovered"]
