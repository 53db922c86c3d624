"""The cycle on the simulated cluster, through the real gateway."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from monitoring import claims, cycle, judging
from monitoring.models import Packing, Sample
from servers import inventory
from servers.models import Cluster, LastSample, Node, Server
from servers.proxmox.errors import ProxmoxUnreachable
from servers.proxmox.gateway import Gateway
from tests.monitoring.guests import of, server_of

pytestmark = pytest.mark.django_db


def test_it_works(world, cluster, pass_cycle, wire):
    pass_cycle(looking=False)
    guests = [guest for guest in world.guests.values() if not guest.template]
    assert Server.objects.filter(present=True).count() == len(guests)
    assert not Server.objects.exclude(owner=None).exists()
    assert set(Server.objects.values_list("kind", flat=True)) == {"qemu", "lxc"}
    assert Node.objects.filter(status="online").count() == 3
    running = Server.objects.filter(status="running")
    assert LastSample.objects.count() == Sample.objects.count() == running.count() > 0
    cluster.refresh_from_db()
    assert cluster.last_cycle_at is not None
    assert (cluster.failure, cluster.warning, cluster.cycle_claim) == ("", "", "")


def test_one_call_to_proxmox(cluster, pass_cycle, wire):
    pass_cycle(looking=False)
    assert [request.path for request in wire.requests] == ["/cluster/resources"]


def test_how_long_it_took_is_all_of_it(cluster, pass_cycle, monkeypatch):
    real = cycle.samples.store

    def slow(*args, **kwargs):
        time.sleep(0.2)
        real(*args, **kwargs)

    monkeypatch.setattr(cycle.samples, "store", slow)
    pass_cycle(looking=False)
    cluster.refresh_from_db()
    assert cluster.last_cycle_seconds > 0.2


def test_rates_come_with_the_second_cycle(world, cluster, pass_cycle):
    pass_cycle()
    server = server_of(of(world))
    assert server.last_sample.network_in is None
    pass_cycle()
    server.last_sample.refresh_from_db()
    assert server.last_sample.network_in > 0
    assert Sample.objects.filter(server_id=server.pk).count() == 2


def test_a_cycle_of_known_servers_costs_the_same_queries_for_any_number(
    polled, clock, django_assert_max_num_queries
):
    clock.pass_by(30)
    with django_assert_max_num_queries(28):
        cycle.poll(polled.pk, clock=clock)


def test_a_look_is_worth_nothing_once_the_next_is_due(
    cluster, pass_cycle, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pass_cycle(looking=False)
    (message,) = (m for m in sent if m.name == "monitoring.look_into_guests")
    assert message.options == {"expires": 30}


class TestClaims:
    def test_never_two_at_once(self, cluster, clock):
        Cluster.objects.update(
            cycle_claim="other", cycle_claimed_until=clock() + claims.CYCLE_LASTS
        )
        assert cycle.poll(cluster.pk, clock=clock) is False

    def test_one_from_before_the_clock_was_set_back_holds_nobody_up(self, cluster, clock):
        later = clock() + 2 * claims.CYCLE_LASTS
        Cluster.objects.update(cycle_claim="dead", cycle_claimed_until=later)
        assert cycle.poll(cluster.pk, clock=clock) is True

    def test_nor_does_any_other(self, polled, clock):
        """Of a look or the packer, or a pause that a denial brought while the clock was ahead."""
        ahead = clock() + timedelta(days=30)
        Cluster.objects.update(
            look_claim="dead", look_claimed_until=ahead, next_cycle_at=ahead, cycle_claim="",
            cycle_claimed_until=None, last_cycle_at=None,
        )  # fmt: skip
        Packing.objects.create(pk=1, claim="dead", claimed_until=ahead)
        lasts = timedelta(minutes=2)
        assert claims.claim_look(polled.pk, now=clock(), lasts=lasts)
        assert claims.claim_packing(now=clock(), lasts=lasts)
        assert cycle.due(clock()) == [polled.pk]
        assert claims.claim_cycle(polled.pk, now=clock(), interval=timedelta(seconds=30))

    def test_a_pause_is_no_longer_than_is_believed(self):
        assert judging.AFTER_DENIAL <= claims.LONGEST_PAUSE

    def test_a_dead_workers_claim_ends(self, cluster, clock):
        Cluster.objects.update(cycle_claim="dead", cycle_claimed_until=clock())
        clock.pass_by(1)
        assert cycle.poll(cluster.pk, clock=clock) is True

    def test_two_beats_do_not_double_the_cycles(self, polled, clock):
        clock.pass_by(3)
        assert cycle.poll(polled.pk, clock=clock) is False

    def test_a_cycle_that_was_taken_over_stores_nothing(self, cluster, clock, monkeypatch):
        real = Gateway.resources

        def taken_over(gateway):
            Cluster.objects.update(cycle_claim="other")
            return real(gateway)

        monkeypatch.setattr(Gateway, "resources", taken_over)
        assert cycle.poll(cluster.pk, clock=clock) is True
        assert not Server.objects.exists()
        cluster.refresh_from_db()
        assert cluster.cycle_claim == "other"

    def test_its_failure_is_not_noted_either(self, polled, clock, world, monkeypatch):
        def taken_over(gateway):
            Cluster.objects.update(cycle_claim="other")
            raise ProxmoxUnreachable("away")

        monkeypatch.setattr(Gateway, "resources", taken_over)
        clock.pass_by(3600)
        cycle.poll(polled.pk, clock=clock)
        polled.refresh_from_db()
        assert polled.failure == ""
        assert Server.objects.filter(status="running").exists()

    def test_a_disabled_cluster_is_left_alone(self, cluster, clock, wire):
        Cluster.objects.update(enabled=False)
        assert cycle.poll(cluster.pk, clock=clock) is False
        assert cycle.due(clock()) == []
        assert wire.requests == []


@pytest.mark.django_db(transaction=True)
class TestWhileProxmoxIsWaitedFor:
    """A claim is short: a slow answer has it renewed, and a dead worker does not."""

    @pytest.fixture
    def slow(self, monkeypatch):
        monkeypatch.setattr(claims, "RENEWED_AFTER_SECONDS", 0.01)
        real = Gateway.resources

        def until(holds):
            def resources(gateway):
                end = time.monotonic() + 10
                while not holds():
                    assert time.monotonic() < end
                    time.sleep(0.01)
                return real(gateway)

            monkeypatch.setattr(Gateway, "resources", resources)

        return until

    def test_nobody_takes_it_over(self, cluster, clock, slow):
        held = Cluster.objects.filter(pk=cluster.pk)

        def renewed():
            clock.pass_by(10)  # twice that is longer than a claim lasts
            now = clock()
            return (
                now > started + 2 * claims.CYCLE_LASTS
                and held.filter(cycle_claimed_until__gt=now + timedelta(seconds=5)).exists()
                and claims.claim_cycle(cluster.pk, now=now, interval=timedelta(seconds=30)) is None
            )

        started = clock()
        slow(renewed)
        assert cycle.poll(cluster.pk, clock=clock) is True
        cluster.refresh_from_db()
        assert (cluster.cycle_claim, cluster.failure) == ("", "")
        assert Server.objects.exists()

    def test_a_lost_connection_is_made_anew(self, cluster, clock, monkeypatch):
        """A dead one would fail each time, and the claim run out beside a healthy fetch."""
        closed, broken = [], []
        real = connection.close
        monkeypatch.setattr(claims.connection, "close", lambda: closed.append(real()))
        Cluster.objects.filter(pk=cluster.pk).update(cycle_claim="mine")

        class Twice:
            rounds = 2

            def wait(self, seconds):
                self.rounds -= 1
                return self.rounds < 0

        def break_once(execute, sql, *rest):
            if not broken:
                broken.append(sql)
                raise OperationalError(2006, "Server has gone away")
            assert closed, "the dead connection is used again"
            return execute(sql, *rest)

        with connection.execute_wrapper(break_once):
            claims.renew(cluster.pk, "mine", Twice(), clock=clock)
        assert broken
        cluster.refresh_from_db()
        assert cluster.cycle_claimed_until == clock() + claims.CYCLE_LASTS

    def test_one_that_was_taken_over_is_not_taken_back(self, cluster, clock, slow):
        theirs = clock() + timedelta(seconds=7)
        held = Cluster.objects.filter(pk=cluster.pk)
        asked = []

        def taken():
            asked.append(held.update(cycle_claim="other", cycle_claimed_until=theirs))
            return len(asked) > 20

        slow(taken)
        assert cycle.poll(cluster.pk, clock=clock) is True
        cluster.refresh_from_db()
        assert (cluster.cycle_claim, cluster.cycle_claimed_until) == ("other", theirs)
        assert not Server.objects.exists()


def test_what_an_action_saw_before_the_clock_was_set_back(server, world, pass_cycle, clock):
    inventory.observe(server.pk, Server.Status.RUNNING, now=clock() + timedelta(days=1))
    world.set_power(server.vmid, "stopped")
    pass_cycle()
    server.refresh_from_db()
    assert server.status == Server.Status.STOPPED


def test_a_lock_that_has_ended_is_not_put_back(server, world, pass_cycle, clock):
    """A cycle that asked Proxmox before a snapshot was done, and stores after it."""
    guest = world.guest(server.vmid)
    guest.lock = "snapshot"
    pass_cycle()
    server.refresh_from_db()
    assert server.lock == "snapshot"
    inventory.unlocked(server.pk, "snapshot", now=clock.pass_by(25))
    inventory.change({server.pk: {"lock": "snapshot"}}, {}, clock())
    pass_cycle(seconds=5)
    server.refresh_from_db()
    assert server.lock == ""
    pass_cycle(seconds=30)
    server.refresh_from_db()
    assert server.lock == "snapshot"  # another one
