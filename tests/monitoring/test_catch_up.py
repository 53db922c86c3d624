"""What happened while nobody looked: judged from Proxmox's own history, told once."""

import threading
from datetime import time, timedelta

import pytest
from django.core import mail

from accounts.audit import SYSTEM
from alerts import delivery, digests, mutes, rulebook, rules, telling
from alerts.models import (
    Alert,
    AlertEvent,
    AlertPreferences,
    AlertRule,
    Notification,
    RuleBook,
)
from monitoring import catch_up
from monitoring.catch_up import Away
from servers import ownership
from servers.models import Cluster, Server
from servers.proxmox.gateway import Gateway
from servers.simulator.faults import Dark
from servers.simulator.world import SimulatedCluster

pytestmark = pytest.mark.django_db
MINUTE, HOUR = 60, 3600
RULE = {"metric": "cpu", "threshold": 0.9, "clear_at": 0.8, "duration": 600}


@pytest.fixture(autouse=True)
def alone(db):
    """No rule but the test's own."""
    rulebook.book()
    AlertRule.objects.update(enabled=False)
    rulebook.changed()


@pytest.fixture
def rule(alice, clock):
    return rules.create(alice, RULE, actor=SYSTEM, now=clock())


@pytest.fixture
def away(polled, clock, world, wire):
    """Nobody looks for so long; returns when that began."""

    def run(seconds=3 * HOUR):
        begin = clock.seconds
        clock.pass_by(seconds)
        wire.requests.clear()
        return begin

    return run


@pytest.fixture
def busy(world):
    """A server computed all it could from then, for so many minutes."""

    def run(server, begin, minutes):
        guest = world.guest(server.vmid)
        guest.busy_times.append((begin, begin + minutes * MINUTE, 0.97))

    return run


@pytest.fixture
def find(polled, clock, committed):
    def run(begin):
        with committed():
            found = catch_up.catch_up(polled.pk, int(begin), int(clock.seconds), clock=clock)
        return found

    return run


@pytest.fixture
def tell(clock, committed):
    """After a while, people are told, and mails go out."""

    def run(seconds=180):
        clock.pass_by(seconds)
        with committed():
            telling.tell_due(clock)
            digests.tell_due(clock)
        for pk in delivery.due(clock()).values_list("pk", flat=True):
            delivery.deliver(pk, clock=clock)

    return run


def test_an_episode_that_nobody_saw(rule, server, away, busy, find, tell, alice):
    begin = away()
    busy(server, begin + HOUR, 40)
    assert find(begin) == 1
    alert = Alert.objects.get()
    assert (alert.found_later, alert.active, alert.end_reason) == (True, None, "recovered")
    assert (alert.rule, alert.server, alert.owner) == (rule, server, alice)
    assert alert.since.timestamp() - begin == pytest.approx(HOUR, abs=90)
    assert (alert.fired_at - alert.since) == timedelta(minutes=10)
    assert (alert.ended_at - alert.since).total_seconds() == pytest.approx(40 * MINUTE, abs=90)
    assert alert.value == pytest.approx(0.97, abs=0.02)
    tell()
    [message] = mail.outbox
    assert message.to == [alice.email]
    assert server.name in message.body
    assert "While the panel was away" in message.subject
    kinds = list(alert.events.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["fired", "ended", "told"]


def test_a_cycle_after_a_long_time_has_it_looked_up(
    rule, server, polled, pass_cycle, sent, clock, committed
):
    begin = int(clock.seconds)
    with committed():
        pass_cycle(500)
    assert "monitoring.catch_up" not in [message.name for message in sent]
    with committed():
        pass_cycle(HOUR)
    [asked] = [message for message in sent if message.name == "monitoring.catch_up"]
    assert asked.arguments == {
        "cluster_id": polled.pk, "start": begin + 500, "end": begin + 500 + HOUR
    }  # fmt: skip


def test_what_was_short_is_none(rule, server, away, busy, find):
    begin = away()
    busy(server, begin + HOUR, 5)
    assert find(begin) == 0


def test_what_still_lasts_is_left_to_the_cycle(rule, server, away, busy, find, tell, clock):
    begin = away()
    busy(server, begin + 2 * HOUR, 600)
    assert find(begin) == 0
    tell()
    assert mail.outbox == []


def test_what_fired_before_is_not_told_again(rule, server, away, busy, find, alice, clock):
    begin = away()
    Alert.objects.create(
        server=server, owner=alice, rule=rule, metric="cpu", severity="warning",
        condition="greater_than", threshold=0.9, since=clock() - timedelta(hours=4),
        fired_at=clock() - timedelta(hours=4),
    )  # fmt: skip
    busy(server, begin - HOUR, 120)
    busy(server, begin + 2 * HOUR, 20)
    assert find(begin) == 1
    found = Alert.objects.get(found_later=True)
    assert found.since.timestamp() - begin == pytest.approx(2 * HOUR, abs=90)


def test_found_twice_it_is_stored_once(rule, server, away, busy, find, tell):
    begin = away()
    busy(server, begin + HOUR, 40)
    assert (find(begin), find(begin)) == (1, 0)
    tell()
    tell()
    assert len(mail.outbox) == 1


def test_only_one_at_a_time(rule, server, away, busy, find, polled, sent, clock):
    begin = away()
    busy(server, begin + HOUR, 40)
    Cluster.objects.filter(pk=polled.pk).update(
        look_claim="x", look_claimed_until=clock() + timedelta(minutes=1)
    )
    assert find(begin) == 0
    [again] = [message for message in sent if message.name == "monitoring.catch_up"]
    assert again.arguments["tries"] == catch_up.TRIES - 1
    assert again.options["countdown"] == catch_up.TRY_AGAIN.total_seconds()
    Cluster.objects.filter(pk=polled.pk).update(look_claimed_until=None)
    assert find(begin) == 1
    assert Cluster.objects.get(pk=polled.pk).look_claim == ""


def test_after_more_than_a_week_the_last_week_is_asked_about(monkeypatch, polled, rule, server):
    seen = []
    monkeypatch.setattr(catch_up, "store", lambda *args, **kw: seen.append(args[3]) or 0)
    end = 1_795_176_000
    catch_up.catch_up(polled.pk, end - 30 * 86400, end, clock=lambda: catch_up.moment(end))
    assert seen == [Away(end - 7 * 86400, end)]


@pytest.mark.parametrize(
    ("seconds", "timeframe"), [(700, "hour"), (3 * HOUR, "day"), (2 * 86400, "week")]
)
def test_how_far_back_proxmox_is_asked(seconds, timeframe, rule, server, away, find, wire):
    find(away(seconds))
    asked = [request.params for request in wire.requests if "rrddata" in request.path]
    assert [params["timeframe"] for params in asked] == [timeframe]


def test_half_hours_are_enough_where_there_is_nothing_finer(rule, server, away, busy, find):
    begin = away(2 * 86400)
    busy(server, begin + 10 * HOUR, 300)
    assert find(begin) == 1


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        ({"metric": "disk", "duration": 0}, "qemu"),
        ({"metric": "memory", "trust": "guest"}, "qemu"),
        ({"metric": "reachability", "threshold": None, "clear_at": None}, "qemu"),
    ],
)
def test_what_is_not_recorded_is_not_asked_for(wish, kind, server, away, find, wire, alice, clock):
    rules.create(alice, {**RULE, **wish}, actor=SYSTEM, now=clock())
    find(away())
    assert not [request for request in wire.requests if "rrddata" in request.path]


def test_a_server_without_owner_or_rule_costs_no_call(rule, server, away, find, wire):
    find(away())
    asked = [request.path for request in wire.requests if "rrddata" in request.path]
    assert asked == [f"/nodes/{server.node.name}/qemu/{server.vmid}/rrddata"]


def test_a_mute_keeps_it_out_of_the_digest(rule, server, away, busy, find, tell, alice, clock):
    begin = away()
    busy(server, begin + HOUR, 40)
    find(begin)
    mutes.mute(alice, rule=rule, server=None, until=None, actor=SYSTEM, now=clock())
    tell()
    assert mail.outbox == []
    [last] = AlertEvent.objects.filter(kind="not_told")
    assert last.reason == "muted"


def test_quiet_hours_hold_it_and_then_it_is_told(
    rule, server, away, busy, find, tell, alice, clock
):
    begin = away()
    busy(server, begin + HOUR, 40)
    find(begin)
    AlertPreferences.objects.update_or_create(
        user=alice, defaults={"quiet_from": time(0), "quiet_until": time(23, 59)}
    )
    tell()
    assert mail.outbox == []
    held = AlertEvent.objects.get(kind="held")
    assert held.reason == "quiet"
    clock.seconds = held.until.timestamp()
    tell(30)
    assert len(mail.outbox) == 1


def test_one_that_changed_hands_meanwhile_is_nobodys(
    rule, server, away, busy, find, bob, clock, monkeypatch
):
    begin = away()
    busy(server, begin + HOUR, 40)
    real = catch_up.ask

    def asked_and_sold(*args):
        yield from real(*args)
        ownership.assign([server], bob, actor=SYSTEM, now=clock())

    monkeypatch.setattr(catch_up, "ask", asked_and_sold)
    assert find(begin) == 0


def test_a_cluster_that_does_not_answer_yet_is_asked_again_later(
    rule, server, away, busy, find, world, sent, tell
):
    begin = away()
    busy(server, begin + HOUR, 40)
    world.darkness = Dark.REFUSED
    assert find(begin) == 0
    [again] = [message for message in sent if message.name == "monitoring.catch_up"]
    assert again.arguments["start"] == begin
    assert again.arguments["tries"] == catch_up.TRIES - 1
    assert again.options["countdown"] == catch_up.SILENT.total_seconds()
    world.darkness = None
    assert find(begin) == 1


def test_what_happened_before_it_changed_hands_is_not_its_owners(
    rule, server, away, busy, find, bob, clock
):
    rules.create(bob, RULE, actor=SYSTEM, now=clock())
    begin = away()
    busy(server, begin + 30 * MINUTE, 30)
    busy(server, begin + 2 * HOUR, 30)
    sold = catch_up.moment(int(begin + HOUR + 30 * MINUTE))
    ownership.assign([server], bob, actor=SYSTEM, now=sold)
    assert find(begin) == 1
    alert = Alert.objects.get()
    assert (alert.owner, alert.since > sold) == (bob, True)


def test_a_rule_tells_nothing_of_the_time_before_it_was_made(
    rule, server, away, busy, find, clock
):
    begin = away()
    busy(server, begin + 30 * MINUTE, 30)
    busy(server, begin + 2 * HOUR, 30)
    changed = catch_up.moment(int(begin + HOUR + 30 * MINUTE))
    rules.change(rule, {"threshold": 0.85}, actor=SYSTEM, now=changed)
    assert find(begin) == 1
    assert Alert.objects.get().since > changed


class TestManyServers:
    @pytest.fixture
    def world(self, clock):
        return SimulatedCluster(seed=1, nodes=3, guests=60, started_at=clock.seconds - 7200)

    @pytest.fixture
    def theirs(self, polled, alice, bob, clock, world):
        """Fifty running servers, of two people by turns."""
        vmids = [guest.vmid for guest in world.guests.values() if guest.power == "running"]
        running = list(Server.objects.filter(vmid__in=vmids).order_by("pk")[:50])
        ownership.assign(running[::2], alice, actor=SYSTEM, now=clock())
        ownership.assign(running[1::2], bob, actor=SYSTEM, now=clock())
        # They were made by the real clock.
        AlertRule.objects.filter(metric="cpu").update(
            enabled=True, duration=600, created_at=clock(), updated_at=clock()
        )
        RuleBook.objects.update(revision=7)
        return running

    def test_nobody_is_flooded(self, theirs, away, busy, find, tell, alice, bob, pass_cycle):
        begin = away()
        for server in theirs:
            for hour in (0, 1, 2):
                busy(server, begin + hour * HOUR + 600, 20)
        assert find(begin) == 3 * len(theirs)
        tell()
        assert sorted(message.to[0] for message in mail.outbox) == [alice.email, bob.email]
        assert Notification.objects.count() == 2
        for _ in range(5):
            pass_cycle()
            tell(60)
        assert len(mail.outbox) == 2

    def test_at_most_two_calls_a_node_at_once(self, theirs, away, find, monkeypatch):
        under_way, most, lock = {}, {}, threading.Lock()
        real = Gateway.history

        def counted(self, *, node, **about):
            with lock:
                under_way[node] = under_way.get(node, 0) + 1
                most[node] = max(most.get(node, 0), under_way[node])
            try:
                return real(self, node=node, **about)
            finally:
                with lock:
                    under_way[node] -= 1

        monkeypatch.setattr(Gateway, "history", counted)
        find(away())
        assert max(most.values()) <= 2

    def test_what_did_not_fit_is_said(
        self, theirs, away, busy, find, tell, monkeypatch, redis_server, alice
    ):
        begin = away()
        busy(theirs[0], begin + HOUR, 40)
        calls = iter(range(10_000))
        monkeypatch.setattr(
            catch_up, "monotonic", lambda: 0 if next(calls) < 12 else catch_up.ROUND_SECONDS + 1
        )
        find(begin)
        tell()
        told = [message for message in mail.outbox if message.to == [alice.email]]
        assert all("could not be found out" in message.body for message in told)

    def test_a_node_that_is_silent_holds_up_no_other(self, theirs, away, busy, find, world):
        begin = away()
        away_node = theirs[0].node.name
        busy(theirs[0], begin + HOUR, 40)
        other = next(server for server in theirs if server.node.name != away_node)
        busy(other, begin + HOUR, 40)
        world.node_down(away_node)
        assert find(begin) == 1
        assert Alert.objects.get().server == other
