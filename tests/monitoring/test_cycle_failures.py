"""What can go wrong in a cycle, and that nothing is forgotten for it."""

import msgspec
import pytest
from cryptography.fernet import Fernet
from django.db import DataError, OperationalError

from monitoring import cycle
from monitoring.models import CycleMemory, Sample
from servers.models import Cluster, ClusterEndpoint, ClusterToken, Server
from servers.proxmox import replies
from servers.simulator.faults import Garbage
from tests.monitoring.guests import of, server_of

pytestmark = pytest.mark.django_db


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
