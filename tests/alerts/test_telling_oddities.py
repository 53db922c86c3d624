"""What people are told when things meet that seldom do: mutes and reminders, faults that come back,
servers that change hands unseen, and clocks that jump."""

from datetime import timedelta

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from alerts import destinations, mutes, telling
from alerts.models import Alert, Incident, MaintenanceWindow, Notification
from servers import ownership
from servers.models import Cluster, Server

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def quick(no_defaults):
    """No rule but the test's own."""


@pytest.fixture
def busy(guest):
    def set_to(cpu):
        guest.busy_cpu = cpu

    return set_to


@pytest.fixture
def actor(owner):
    return Actor(owner, Source.WEB)


@pytest.fixture
def reachability(rule_of, owner):
    return rule_of(
        owner, metric="reachability", threshold=None, clear_at=None, duration=0,
        severity="critical",
    )  # fmt: skip


def kinds():
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


def test_reminders_go_on_when_a_mute_without_end_is_taken_back(
    busy, pass_time, owner, rule_of, actor, clock
):
    rule_of(owner, duration=0, remind_every=3600)
    busy(0.97)
    pass_time(60)
    mute = mutes.mute(owner, rule=None, server=None, until=None, actor=actor, now=clock())
    pass_time(4000, every=500)
    assert kinds() == ["fired"]
    assert Alert.objects.get().tell_at is None
    mutes.unmute(mute, actor=actor, now=clock())
    pass_time(30)
    assert kinds() == ["fired", "reminder"]


def test_a_mute_that_nothing_waited_for_tells_nothing_anew(
    busy, pass_time, owner, rule_of, actor, clock
):
    rule_of(owner, duration=0)
    busy(0.97)
    pass_time(60)
    mute = mutes.mute(owner, rule=None, server=None, until=None, actor=actor, now=clock())
    pass_time(4000, every=500)
    mutes.unmute(mute, actor=actor, now=clock())
    pass_time(4000, every=500)
    assert kinds() == ["fired"]


class TestFaults:
    def test_who_was_told_of_a_fault_is_told_of_its_end_though_staff_were_not(
        self, reachability, server, staff, world, pass_time
    ):
        """It is over before staff are told."""
        world.node_down(server.node.name)
        pass_time(30)
        world.node_up(server.node.name)
        pass_time(300)
        assert kinds() == ["fault", "fault_over"]

    def test_a_node_that_comes_and_goes_is_told_of_once_an_hour(
        self, reachability, server, world, pass_time
    ):
        for _ in range(4):
            world.node_down(server.node.name)
            pass_time(150)
            world.node_up(server.node.name)
            pass_time(210)
        assert Incident.objects.count() == 4
        assert kinds() == ["fault", "fault_over"]

    def test_one_that_is_back_for_good_is_told_of_when_the_hour_is_over(
        self, reachability, server, world, pass_time
    ):
        for _ in range(2):
            world.node_down(server.node.name)
            pass_time(150)
            world.node_up(server.node.name)
            pass_time(150)
        world.node_down(server.node.name)
        pass_time(3600, every=300)
        assert kinds() == ["fault", "fault_over", "fault"]

    def test_what_outlasts_it_and_was_told_on_its_own_is_told_when_it_is_over(
        self, reachability, server, world, pass_time
    ):
        world.node_down(server.node.name)
        pass_time(120)
        world.node_up(server.node.name)
        world.freeze_pvestatd(server.node.name)
        pass_time(180)
        assert sorted(kinds()) == ["fault", "fault_over", "fired"]
        world.thaw_pvestatd(server.node.name)
        pass_time(60)
        assert kinds()[-1] == "recovered"

    def test_it_is_told_by_the_channels_of_each_rule(
        self, rule_of, server, owner, world, pass_time, clock, actor
    ):
        """What one rule tells by one channel alone, keeps no other rule's channel silent."""
        own = destinations.own_mail(owner, clock())
        hook, _secret = destinations.add(
            owner, "webhook", name="", target="https://hooks.example.com/a",
            actor=actor, now=clock(),
        )  # fmt: skip
        second = Server.objects.filter(node=server.node, present=True, owner=None).first()
        ownership.assign([second], owner, actor=SYSTEM, now=clock())
        second.refresh_from_db()
        for where, channel in ((server, own), (second, hook)):
            rule_of(
                owner, metric="reachability", threshold=None, clear_at=None, duration=0,
                server=where, channels=[channel],
            )  # fmt: skip
        world.node_down(server.node.name)
        pass_time(30)
        told = Notification.objects.filter(kind="fault")
        assert set(told.values_list("channel", flat=True)) == {own.pk, hook.pk}


def test_nobody_is_told_of_a_server_that_became_somebody_elses_unseen(
    rule_of, busy, pass_time, owner, bob, server, clock
):
    """No cycle sees it change hands, as its cluster is not polled any more."""
    rule_of(owner, duration=0, remind_every=3600)
    MaintenanceWindow.objects.create(
        node=server.node, starts_at=clock(), ends_at=clock() + timedelta(minutes=10)
    )
    busy(0.97)
    pass_time(60)
    assert kinds() == []
    Cluster.objects.update(enabled=False)
    ownership.assign([server], bob, actor=SYSTEM, now=clock())
    clock.pass_by(3600)
    telling.tell_due(clock)
    alert = Alert.objects.get()
    assert kinds() == []
    assert alert.tell_at is None
    assert alert.events.last().kind == "not_told"


def test_what_was_told_by_a_clock_that_ran_ahead_hides_nothing_that_was_told_since(
    rule_of, busy, pass_time, owner, clock
):
    rule_of(owner, duration=0)
    for _ in range(4):
        busy(0.97)
        pass_time(60)
        busy(0.1)
        pass_time(30)
        Alert.objects.filter(pk=Alert.objects.earliest("pk").pk).update(told_at=clock() + HOUR)
    assert kinds().count("fired") + kinds().count("flapping") == 2


def test_of_what_was_told_the_end_is_told_though_another_mail_is_given_up(
    rule_of, busy, pass_time, owner, server, world, clock
):
    """Both end at once: one whose mail arrived, one whose mail is still on its way."""
    second = Server.objects.filter(
        status="running", kind="qemu", owner=None, present=True
    ).earliest("vmid")
    ownership.assign([second], owner, actor=SYSTEM, now=clock())
    rule_of(owner, duration=0)
    world.busy(server.vmid)
    pass_time(30)
    world.busy(second.vmid)
    pass_time(30)
    arrived, lost = Notification.objects.order_by("pk")
    again_at = clock() + HOUR
    Notification.objects.filter(pk=lost.pk).update(status="failed", next_attempt_at=again_at)
    for each in (server, second):
        world.busy(each.vmid, 0.1)
    pass_time(30)
    Notification.objects.filter(pk=lost.pk).update(status="given_up", next_attempt_at=None)
    pass_time(60)
    ends = {n.after_id: n.status for n in Notification.objects.filter(kind="recovered")}
    assert ends == {arrived.pk: "sent", lost.pk: "given_up"}
