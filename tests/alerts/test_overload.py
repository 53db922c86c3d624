"""A Proxmox that is too slow for the interval: what is put off, and what never is."""

import logging

import pytest

from accounts.models import AuditEntry
from alerts import delivery, telling
from alerts.models import Alert
from monitoring import cycle, look, pacing
from monitoring.models import GuestDisk
from servers import live
from servers.models import Cluster, LastSample, Server
from tests.monitoring.guests import server_of

pytestmark = pytest.mark.django_db

INTERVAL = 10


@pytest.fixture
def pushed(monkeypatch):
    """What each cycle pushed: (events, figures)."""
    sent = []
    monkeypatch.setattr(live, "send", lambda events, metrics: sent.append((events, metrics)))
    return sent


@pytest.fixture
def beat(polled, wire, world, clock, settings, committed, pushed, monkeypatch):
    """Cycles as beat starts them: each 10 s, but not while one is under way."""
    settings.POLL_INTERVAL = INTERVAL
    monkeypatch.setattr(wire, "_sleep", clock.pass_by)
    world.set_agent(next(g.vmid for g in world.guests.values() if g.kind == "qemu"), "up")

    def run(count):
        for _ in range(count):
            clock.pass_by(INTERVAL - clock.seconds % INTERVAL)
            with committed():
                assert cycle.poll(polled.pk, clock=clock)
            look.look_into(polled.pk, clock=clock)
            telling.tell_due(clock)
            for pk in delivery.due(clock()).values_list("pk", flat=True):
                delivery.deliver(pk, clock=clock)

    run(3)
    wire.requests.clear()
    pushed.clear()
    return run


@pytest.fixture
def slow(world):
    """The list takes longer than the interval, or not any more."""
    return lambda seconds=12: world.slow(seconds, "/cluster/resources")


@pytest.fixture
def overloaded(beat, slow, wire, pushed):
    slow()
    beat(5)
    wire.requests.clear()
    pushed.clear()
    return beat


def level():
    return Cluster.objects.get().overload_level


def asked_of_agents(wire):
    return [each.path for each in wire.requests if "agent" in each.path]


def asked_for_addresses(wire):
    words = ("network-get-interfaces", "/interfaces")
    return [each.path for each in wire.requests if each.path.endswith(words)]


def test_a_cluster_that_keeps_up_has_none(beat, slow):
    slow(7)
    beat(10)
    assert level() == 0
    assert not AuditEntry.objects.filter(object_type="cluster", event__contains="load").exists()


def test_the_level_rises_is_logged_and_goes_into_the_audit_log(beat, slow, clock, caplog):
    slow()
    beat(1)
    assert level() == 0
    with caplog.at_level(logging.WARNING, "monitoring.pacing"):
        beat(1)
    found = Cluster.objects.get()
    assert (found.overload_level, found.overload_since) == (1, clock())
    assert "overload level 1 after 0" in caplog.text
    entry = AuditEntry.objects.get(event="cluster.overloaded")
    assert entry.object_id == found.pk
    assert entry.details == {
        "level": 1, "before": 0, "late_seconds": 10.0, "took_seconds": 12.0, "interval_seconds": 10,
    }  # fmt: skip
    beat(3)
    assert level() == 2


@pytest.fixture
def all_due(clock):
    """Every guest's disks and addresses are to be asked for now."""

    def make():
        GuestDisk.objects.update(next_look_at=int(clock().timestamp()))
        Server.objects.update(addresses_next_at=clock())

    return make


def test_without_overload_what_is_due_is_asked_at_once(beat, wire, all_due):
    all_due()
    beat(1)
    assert asked_of_agents(wire)
    assert asked_for_addresses(wire)


def test_agents_and_addresses_wait(overloaded, wire, all_due):
    all_due()
    overloaded(20)  # of twenty seconds each
    assert asked_of_agents(wire) == []
    assert asked_for_addresses(wire) == []


def test_they_do_not_wait_forever(overloaded, wire, all_due):
    all_due()
    overloaded(26)
    assert any(path.endswith("get-fsinfo") for path in asked_of_agents(wire))
    assert asked_for_addresses(wire) == []
    Server.objects.update(addresses_next_at=None, status_since="2026-01-01T00:00:00Z")
    overloaded(1)
    assert asked_for_addresses(wire)


def test_who_a_guest_is_does_not_wait(overloaded, wire, world):
    made = world.create_guest(name="new", node="pve1", uptime=600)
    overloaded(3)
    new = server_of(made)
    assert new.identity
    assert LastSample.objects.filter(server=new).exists()


def test_disks_are_judged_by_all_the_time(beat, slow, wire):
    agents = LastSample.objects.filter(disk_source="agent")
    known = set(agents.values_list("server", flat=True))
    assert known
    slow()
    beat(5)
    wire.requests.clear()
    for _ in range(90):  # half an hour
        beat(1)
        assert set(agents.values_list("server", flat=True)) == known
    assert level() == 2
    asked = [path for path in asked_of_agents(wire) if path.endswith("get-fsinfo")]
    assert len(asked) <= 4 * len(known)


def test_alerts_are_judged_and_mailed(
    overloaded, guest, owner, server, mailoutbox, no_defaults, rule_of
):
    rule_of(owner)
    overloaded(1)
    guest.busy_cpu = 0.97
    overloaded(8)
    assert level() == 2
    alert = Alert.objects.firing().get()
    assert alert.server == server
    assert [message.to for message in mailoutbox] == [[owner.email]]
    guest.busy_cpu = 0.1
    overloaded(2)
    alert.refresh_from_db()
    assert alert.end_reason == "recovered"


def test_each_cycle_stores_and_every_second_shows(overloaded, server, pushed, clock):
    seen = []
    for _ in range(6):
        overloaded(1)
        seen.append(LastSample.objects.get(server=server).taken_at)
    assert len(set(seen)) == 6
    assert sum(bool(figures) for _, figures in pushed) == 3


def test_states_are_shown_at_once(overloaded, server, world, pushed):
    for power in ("stopped", "running"):  # in a cycle that shows figures, and in one that does not
        world.set_power(server.vmid, power)
        pushed.clear()
        overloaded(1)
        told = [event for events, _ in pushed for event in events]
        assert [event["status"] for event in told if event["server"] == server.pk] == [power]


def test_it_recovers_by_itself_and_looks_again(overloaded, slow, wire, all_due):
    slow(0)
    overloaded(12)
    assert level() == 0
    found = Cluster.objects.get()
    assert found.last_cycle_lag == 0
    events = AuditEntry.objects.filter(event="cluster.relieved")
    assert sorted(entry.details["level"] for entry in events) == [0, 1]
    all_due()
    overloaded(1)
    assert any(path.endswith("get-fsinfo") for path in asked_of_agents(wire))
    assert asked_for_addresses(wire)


def test_cycles_that_wait_for_a_worker_are_late_too(beat, clock):
    for _ in range(2):
        clock.pass_by(20)
        beat(1)
    found = Cluster.objects.get()
    assert found.overload_level == 1
    assert (found.last_cycle_lag, found.last_cycle_seconds < 5) == (20, True)


def test_a_cluster_that_fails_is_not_overloaded(beat, world):
    world.dark()
    beat(6)
    assert level() == 0
    world.light()
    beat(1)
    assert (level(), Cluster.objects.get().last_cycle_lag) == (0, 0)


def test_cycles_that_lose_their_claim_are_late(beat, polled, clock, monkeypatch):
    def late(cluster, *args, **kwargs):
        Cluster.objects.filter(pk=cluster.pk).update(cycle_claim="another's")
        clock.pass_by(125)
        raise cycle.LostClaim

    monkeypatch.setattr(cycle, "store", late)
    for _ in range(2):
        Cluster.objects.update(cycle_claimed_until=None)
        beat(1)
    assert level() == 1


def test_who_noted_a_cycle_first_is_not_overruled(beat, polled, clock):
    beat(1)
    read_before = Cluster.objects.get()
    beat(1)
    now = clock()
    before = Cluster.objects.values().get()
    pacing.note(read_before, began=now, ended=clock.pass_by(60), seconds=60.0)
    assert Cluster.objects.values().get() == before


def test_one_statement_a_cycle(beat, django_assert_max_num_queries):
    with django_assert_max_num_queries(200) as asked:
        beat(1)
    noted = [q["sql"] for q in asked.captured_queries if "last_cycle_lag" in q["sql"]]
    assert len([sql for sql in noted if sql.startswith("UPDATE")]) == 1
