"""The cycle on the simulated cluster, through the real gateway."""

import time

import msgspec
import pytest
from cryptography.fernet import Fernet
from django.db import DataError, OperationalError

from accounts.models import AuditEntry
from monitoring import cycle
from monitoring.models import CycleMemory, Sample
from servers.models import Cluster, ClusterEndpoint, ClusterToken, LastSample, Node, Server
from servers.proxmox import replies
from servers.proxmox.errors import ProxmoxUnreachable
from servers.proxmox.gateway import Gateway
from servers.simulator.faults import Garbage

pytestmark = pytest.mark.django_db


def of(world, kind="qemu", power="running"):
    """A guest of that kind and state."""
    return next(
        guest
        for guest in world.guests.values()
        if guest.kind == kind and guest.power == power and not guest.template
    )


def server_of(guest):
    return Server.objects.get(vmid=guest.vmid, present=True)


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
    with django_assert_max_num_queries(24):
        cycle.poll(polled.pk, clock=clock)


class TestClaims:
    def test_never_two_at_once(self, cluster, clock):
        Cluster.objects.update(cycle_claim="other", cycle_claimed_until=clock.pass_by(60))
        assert cycle.poll(cluster.pk, clock=lambda: clock.pass_by(-59)) is False

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


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "failure", "words"),
        [
            (lambda w: w.dark(), "unreachable", "refuses the connection"),
            (lambda w: w.slow(60), "unreachable", "did not answer within"),
            (lambda w: w.garbage(Garbage.HTML), "malformed", "not the JSON"),
            (lambda w: w.garbage(Garbage.TRUNCATED), "malformed", "not the JSON"),
            (lambda w: w.garbage(Garbage.NO_DATA), "malformed", "no data"),
            (
                lambda w: w.fail_next(
                    "GET", "/cluster/resources", status=595, reason="No route to host"
                ),
                "unreachable",
                "No route to host",
            ),
            (
                lambda w: w.fail_next(
                    "GET", "/cluster/resources", status=500, reason="cluster not ready"
                ),
                "refused",
                "cluster not ready",
            ),
            (
                lambda w: w.fail_next(
                    "GET", "/cluster/resources", status=401, reason="Authentication failed!"
                ),
                "denied",
                "Authentication failed!",
            ),
        ],
    )
    def test_each_is_written_down_and_nothing_is_forgotten(
        self, polled, world, clock, fault, failure, words
    ):
        before = list(Server.objects.order_by("pk").values())
        samples = Sample.objects.count()
        fault(world)
        clock.pass_by(30)
        assert cycle.poll(polled.pk, clock=clock) is True
        polled.refresh_from_db()
        assert polled.failure == failure
        assert words in polled.failure_message
        assert polled.failing_since == clock()
        assert polled.cycle_claim == ""
        assert list(Server.objects.order_by("pk").values()) == before
        assert Sample.objects.count() == samples

    def test_it_recovers_by_itself(self, polled, world, clock, pass_cycle):
        world.dark()
        pass_cycle(looking=False)
        pass_cycle(looking=False)
        world.light()
        pass_cycle(looking=False)
        polled.refresh_from_db()
        assert (polled.failure, polled.failing_since) == ("", None)

    def test_since_when_is_when_it_began(self, polled, world, clock, pass_cycle):
        world.dark()
        pass_cycle(looking=False)
        began = clock()
        pass_cycle(looking=False)
        polled.refresh_from_db()
        assert polled.failing_since == began

    def test_a_refused_token_is_left_in_peace_for_minutes(self, polled, world, clock, wire):
        world.fail_next("GET", "/cluster/resources", status=401, reason="Authentication failed!")
        clock.pass_by(30)
        cycle.poll(polled.pk, clock=clock)
        wire.requests.clear()
        clock.pass_by(30)
        assert cycle.poll(polled.pk, clock=clock) is False
        assert wire.requests == []
        clock.pass_by(300)
        assert cycle.due(clock()) == [polled.pk]

    def test_a_dead_cluster_delays_no_other(self, polled, clock, world):
        other = Cluster.objects.create(name="dead")
        ClusterEndpoint.objects.create(cluster=other, host="dead.example.com")
        assert set(cycle.due(clock.pass_by(30))) == {polled.pk, other.pk}
        cycle.poll(other.pk, clock=clock)
        assert cycle.poll(polled.pk, clock=clock) is True
        other.refresh_from_db()
        polled.refresh_from_db()
        assert other.failure == "denied"
        assert polled.failure == ""

    def test_a_secret_that_cannot_be_decrypted_ends_no_cycle_of_another(self, polled, clock):
        ClusterToken.objects.update(token_id="panel@pve!gone")
        clock.pass_by(30)
        assert cycle.poll(polled.pk, clock=clock) is True
        polled.refresh_from_db()
        assert polled.failure == "denied"

    def test_after_three_cycles_nobody_claims_to_know_who_runs(self, polled, world, pass_cycle):
        world.dark()
        pass_cycle(looking=False)
        assert Server.objects.filter(present=True, status="running").exists()
        for _ in range(3):
            pass_cycle(looking=False)
        assert set(Server.objects.values_list("status", flat=True)) == {"unknown"}
        world.light()
        pass_cycle(looking=False)
        assert Server.objects.filter(status="running").exists()
        assert Server.objects.filter(status="stopped").exists()


class TestTheDatabase:
    def test_a_deadlock_is_tried_again(self, polled, clock, monkeypatch):
        real, calls = cycle.store, []

        def once_deadlocked(*args, **kwargs):
            calls.append(1)
            if len(calls) == 1:
                raise OperationalError(1213, "Deadlock found when trying to get lock")
            return real(*args, **kwargs)

        monkeypatch.setattr(cycle, "store", once_deadlocked)
        clock.pass_by(30)
        assert cycle.poll(polled.pk, clock=clock) is True
        polled.refresh_from_db()
        assert (len(calls), polled.failure, polled.last_cycle_at) == (2, "", clock())

    def test_what_cannot_be_stored_is_seen_by_staff_and_by_the_log(
        self, polled, clock, monkeypatch
    ):
        def broken(*args, **kwargs):
            raise DataError(1264, "Out of range value")

        monkeypatch.setattr(cycle, "store", broken)
        clock.pass_by(30)
        with pytest.raises(DataError):
            cycle.poll(polled.pk, clock=clock)
        polled.refresh_from_db()
        assert (polled.failure, polled.failure_message) == ("internal", "DataError")
        assert polled.cycle_claim == ""

    def test_a_lost_key_is_a_failure_with_its_reason(self, polled, clock, settings):
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        clock.pass_by(30)
        assert cycle.poll(polled.pk, clock=clock) is True
        polled.refresh_from_db()
        assert polled.failure == "denied"
        assert "ENCRYPTION_KEYS" in polled.failure_message


def test_a_look_is_worth_nothing_once_the_next_is_due(
    cluster, pass_cycle, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pass_cycle(looking=False)
    (message,) = (m for m in sent if m.name == "monitoring.look_into_guests")
    assert message.options == {"expires": 30}


class TestOddReplies:
    def odd(self, monkeypatch, change):
        """The list as Proxmox sends it, with one row changed on the way."""
        real = replies.resources

        def changed(data):
            rows = msgspec.json.decode(data)
            change(rows)
            return real(msgspec.Raw(msgspec.json.encode(rows)))

        monkeypatch.setattr(replies, "resources", changed)

    @pytest.mark.parametrize("kind", ["qemu", "node"])
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("maxcpu", -1),
            ("maxcpu", "inf"),
            ("maxcpu", "nan"),
            ("maxcpu", 1e12),
            ("cpu", "nan"),
            ("cpu", 1e300),
            ("cpu", -3),
            ("node", "n" * 70),
            ("name", "x\u0000y"),
            ("tags", "🦊" * 600),
        ],
    )
    def test_one_odd_row_costs_nobody_else_a_sample(
        self, polled, pass_cycle, monkeypatch, world, kind, field, value
    ):
        odd = of(world)

        def change(rows):
            row = next(r for r in rows if r["type"] == kind and r.get("vmid") in (None, odd.vmid))
            row[field] = value

        self.odd(monkeypatch, change)
        before = Sample.objects.count()
        world.create_guest(name="new-one", uptime=60)
        pass_cycle()
        polled.refresh_from_db()
        assert polled.failure == ""
        assert Sample.objects.count() > before + 3

    def test_a_guest_that_moved_while_its_row_cannot_be_read_is_not_gone(
        self, server, world, pass_cycle, monkeypatch
    ):
        target = next(name for name in ("pve1", "pve2", "pve3") if name != server.node.name)
        world.migrate(server.vmid, target)

        def change(rows):
            next(r for r in rows if r.get("vmid") == server.vmid)["uptime"] = "soon"

        self.odd(monkeypatch, change)
        for _ in range(30):
            pass_cycle()
        server.refresh_from_db()
        assert (server.present, server.status) == (True, "unknown")

    @pytest.mark.parametrize("kind", [Garbage.STRINGS, Garbage.MISSING])
    def test_rows_that_cannot_be_read_delete_nobody(self, polled, world, pass_cycle, kind):
        before = Server.objects.filter(present=True).count()
        world.garbage(kind, "/cluster/resources")
        for _ in range(30):
            pass_cycle()
        assert Server.objects.filter(present=True).count() == before
        polled.refresh_from_db()
        assert polled.warning != ""
        world.clear_faults()
        for _ in range(3):
            pass_cycle()
        assert Server.objects.filter(status="running").exists()
        polled.refresh_from_db()
        assert polled.warning == ""

    def test_an_empty_list_is_not_all_deleted(self, polled, world, pass_cycle):
        before = Server.objects.filter(present=True).count()
        world.empty_lists()
        for _ in range(30):
            pass_cycle()
        assert Server.objects.filter(present=True).count() == before
        polled.refresh_from_db()
        assert "VM.Audit" in polled.warning

    def test_a_damaged_memory_costs_one_cycles_rates(self, polled, pass_cycle, world):
        CycleMemory.objects.update(counters=b"\xff\xff")
        pass_cycle()
        server = server_of(of(world))
        assert server.last_sample.network_in is None
        pass_cycle()
        server.last_sample.refresh_from_db()
        assert server.last_sample.network_in is not None


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

    def test_a_node_that_is_away_takes_no_guest_with_it(self, server, world, pass_cycle):
        world.node_down(server.node.name)
        for _ in range(40):
            pass_cycle()
        server.refresh_from_db()
        assert server.present is True
        assert server.status == "unknown"
