"""/metrics: who gets it, what is in it, and what it does without Redis, database or workers."""

import logging
import os
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from accounts.audit import SYSTEM
from alerts import delivery, outbox
from monitoring import cycle
from monitoring.claims import CYCLE_LASTS
from monitoring.models import Sample
from monitoring.stages import CYCLES, SAMPLES
from panel.redis_place import RedisPlace
from servers import meter, ownership
from servers.clusters import access_to
from servers.hub import SOCKETS
from servers.models import Action, Cluster, Server
from servers.proxmox.errors import ProxmoxError
from servers.proxmox.gateway import Gateway
from tests.panel.test_settings import read

pytestmark = pytest.mark.django_db

TOKEN = "scrape-me-3f9a1c77e2"
NOWHERE = RedisPlace.of("unix:///nowhere/redis.sock")


@pytest.fixture
def redis(redis_server, settings, monkeypatch):
    """Counting is on, in places of this process's own; a test writes when it wants to."""
    settings.METRICS_TOKEN = TOKEN
    for name in ("SUMS", "GAUGES"):
        monkeypatch.setattr(meter, name, f"test:{os.getpid()}:{name}")
    monkeypatch.setattr(meter, "pending", meter.Pending())
    monkeypatch.setattr(meter, "write_soon", lambda: None)
    with Redis.from_url(redis_server) as client:
        client.delete(meter.SUMS, meter.GAUGES)
        yield client
        client.delete(meter.SUMS, meter.GAUGES)


def scraped(client, **headers):
    headers = headers or {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    return client.get("/metrics", **headers)


@pytest.fixture
def scrape(redis, client):
    """What Prometheus reads: {sample's name and labels: value}, and the families' types."""

    def run():
        meter.write()
        answer = scraped(client)
        assert answer.status_code == 200
        families = list(text_string_to_metric_families(answer.content.decode()))
        samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
        return Scraped(families, samples)

    return run


class Scraped:
    def __init__(self, families, samples):
        self.families = {family.name: family for family in families}
        self.samples = samples

    def __call__(self, name, **labels):
        return self.samples.get((name, *sorted(labels.items())))


class TestWhoGetsIt:
    @pytest.mark.parametrize("who", [None, "alice", "staff"])
    def test_nobody_where_no_token_is_set(self, who, request, browser_of):
        person = request.getfixturevalue(who) if who else None
        assert scraped(browser_of(person)).status_code == 404

    def test_nor_by_an_empty_token(self, client):
        assert scraped(client, HTTP_AUTHORIZATION="Bearer ").status_code == 404

    @pytest.mark.parametrize("who", [None, "alice", "staff"])
    def test_no_session_stands_for_the_token(self, who, request, browser_of, redis):
        person = request.getfixturevalue(who) if who else None
        for headers in ({"HTTP_ACCEPT": "*/*"}, {"HTTP_AUTHORIZATION": "Bearer wrong"}):
            answer = scraped(browser_of(person), **headers)
            assert (answer.status_code, answer.content) == (401, b"")
            assert answer["WWW-Authenticate"] == 'Bearer realm="metrics"'

    def test_nor_does_a_jwt(self, api_of, alice, redis):
        answer = api_of(alice).get("/metrics")
        assert (answer.status_code, answer.content) == (401, b"")

    @pytest.mark.parametrize(
        "header", [TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"]
    )
    def test_nearly_right_is_wrong(self, header, client, redis):
        assert scraped(client, HTTP_AUTHORIZATION=header).status_code == 401

    def test_never_by_the_address(self, client, redis):
        assert client.get(f"/metrics?token={TOKEN}&access_token={TOKEN}").status_code == 401

    def test_whoever_has_it(self, client, redis, caplog):
        with caplog.at_level(logging.DEBUG):
            answer = scraped(client)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "no-store" in answer["Cache-Control"]
        assert TOKEN not in answer.content.decode() + caplog.text

    def test_only_reading(self, client, redis):
        header = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
        assert client.post("/metrics", **header).status_code == 405

    def test_who_is_refused_costs_nothing(self, client, redis, django_assert_num_queries):
        with django_assert_num_queries(0):
            scraped(client, HTTP_AUTHORIZATION="Bearer wrong")

    @pytest.mark.parametrize("token", ["short", "ключ-от-всех-дверей"])
    def test_a_token_that_is_none_stops_the_start(self, token, tmp_path):
        assert "METRICS_TOKEN" in read(tmp_path, METRICS_TOKEN=token)


def test_it_is_what_prometheus_reads(scrape, polled):
    page = scrape()
    for name, family in page.families.items():
        assert name.startswith("panel_")
        assert family.documentation
        assert family.type in {"gauge", "counter", "histogram"}
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
    assert page("panel_redis_up") == page("panel_database_up") == 1


class TestCycles:
    @pytest.mark.django_db(transaction=True)
    def test_a_good_one(self, scrape, cluster, pass_cycle):
        before = scrape()
        assert before("panel_cycles_total", outcome="ok") is None
        for _ in range(2):
            pass_cycle(looking=False)
        page = scrape()
        assert page("panel_cycles_total", outcome="ok") == 2
        for stage in ("fetch", "read", "decide", "store", "judge", "publish", "whole"):
            assert page("panel_cycle_stage_seconds_count", stage=stage) == 2, stage
        of_stages = sum(
            page("panel_cycle_stage_seconds_sum", stage=stage)
            for stage in ("fetch", "read", "decide", "store", "judge", "publish")
        )
        whole = page("panel_cycle_stage_seconds_sum", stage="whole")
        assert 0 < of_stages <= whole
        assert page("panel_samples_stored_total") == Sample.objects.count() > 0

    def test_one_that_fails(self, scrape, polled, world, pass_cycle):
        scrape()
        world.dark()
        pass_cycle(looking=False)
        page = scrape()
        assert page("panel_cycles_total", outcome="failed") == 1
        assert page("panel_cluster_up", cluster="fra1") == 0

    def test_one_that_is_left_to_another(self, scrape, polled, clock):
        now = clock.pass_by(100)
        Cluster.objects.update(cycle_claimed_until=now + CYCLE_LASTS / 2)
        assert cycle.poll(polled.pk, clock=clock) is False
        assert scrape()("panel_cycles_total", outcome="skipped") == 1

    def test_how_a_cluster_stands(self, scrape, polled):
        Cluster.objects.update(overload_level=2, last_cycle_lag=7.5, last_cycle_seconds=33)
        page = scrape()
        assert page("panel_overload_level", cluster="fra1") == 2
        assert page("panel_cycle_lag_seconds", cluster="fra1") == 7.5
        assert page("panel_cycle_last_seconds", cluster="fra1") == 33
        assert page("panel_cycle_age_seconds", cluster="fra1") >= 0

    def test_one_that_was_never_polled_has_no_age(self, scrape, cluster):
        page = scrape()
        assert page("panel_cluster_up", cluster="fra1") == 0
        assert page("panel_cycle_age_seconds", cluster="fra1") is None


class TestProxmox:
    @pytest.fixture
    def gateway(self, polled):
        return Gateway(access_to(polled, "read"))

    def test_a_call(self, scrape, gateway, world, wire, monkeypatch):
        name = "panel_proxmox_call_seconds"
        # Of registering the cluster.
        before = scrape()
        assert before("panel_proxmox_calls_total", verb="version", outcome="ok") == 1
        world.slow(0.06, "/version")
        monkeypatch.setattr(wire, "_sleep", time.sleep)
        gateway.version()
        page = scrape()
        assert page("panel_proxmox_calls_total", verb="version", outcome="ok") == 2
        for bound, more in (("0.05", 0), ("40.0", 1), ("+Inf", 1)):
            labels = {"verb": "version", "le": bound}
            assert page(f"{name}_bucket", **labels) - before(f"{name}_bucket", **labels) == more
        assert page(f"{name}_sum", verb="version") - before(f"{name}_sum", verb="version") >= 0.06

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [(401, "denied"), (403, "denied"), (500, "refused"), (595, "unreachable")],
    )
    def test_one_that_fails(self, status, outcome, scrape, gateway, world):
        world.fail_next("GET", "/version", status=status, reason="No")
        with pytest.raises(ProxmoxError):
            gateway.version()
        assert scrape()("panel_proxmox_calls_total", verb="version", outcome=outcome) == 1

    def test_nonsense(self, scrape, gateway, world):
        world.garbage("html")
        with pytest.raises(ProxmoxError):
            gateway.version()
        page = scrape()
        assert page("panel_proxmox_calls_total", verb="version", outcome="malformed") == 1

    def test_what_never_got_there_has_no_time(self, scrape, gateway):
        with pytest.raises(ProxmoxError):
            gateway.delete_snapshot(node="pve1", kind="qemu", vmid=100, name="../../x")
        page = scrape()
        verb = "delete_snapshot"
        assert page("panel_proxmox_calls_total", verb=verb, outcome="refused") == 1
        assert page("panel_proxmox_call_seconds_count", verb=verb) is None


class TestWhatStands:
    def test_servers_by_state(self, scrape, polled):
        Server.objects.filter(pk=Server.objects.first().pk).update(status="unknown")
        page = scrape()
        states = page.families["panel_servers"].samples
        assert {sample.labels["state"] for sample in states} == {
            "running", "stopped", "paused", "suspended", "unknown",
        }  # fmt: skip
        assert sum(sample.value for sample in states) == Server.objects.count()
        assert page("panel_servers", state="unknown") == 1

    def test_actions_under_way(self, scrape, server, clock):
        Action.objects.create(server=server, type="stop", requested_at=clock(), deadline=clock())
        page = scrape()
        assert page("panel_actions", status="pending") == 1
        assert page("panel_actions", status="running") == 0

    def test_queues(self, scrape, redis, settings):
        settings.CELERY_TASK_DEFAULT_QUEUE = f"rest{os.getpid()}"
        settings.CELERY_TASK_ROUTES = {"a": {"queue": f"mail{os.getpid()}"}}
        redis.rpush(f"mail{os.getpid()}", "one", "two")
        try:
            page = scrape()
        finally:
            redis.delete(f"mail{os.getpid()}")
        assert page("panel_queue_messages", queue=f"mail{os.getpid()}") == 2
        assert page("panel_queue_messages", queue=f"rest{os.getpid()}") == 0

    def test_messages(self, scrape, alice, clock):
        clock.seconds = time.time() - 600
        made = outbox.tell(alice, subject="x", body="x", key=None, now=clock())
        page = scrape()
        assert 599 <= page("panel_delivery_wait_seconds") <= 660
        assert page("panel_deliveries_undelivered") == 1
        delivery.deliver(made.pk, clock=clock)
        page = scrape()
        assert page("panel_deliveries_total", channel="mail", outcome="sent") == 1
        assert page("panel_delivery_wait_seconds") == 0

    def test_asks_as_often_for_much_as_for_little(
        self, scrape, server, bob, clock, django_assert_num_queries, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(12) as few:
            scrape()
        Cluster.objects.create(name="second")
        ownership.assign(Server.objects.all(), bob, actor=SYSTEM, now=clock())
        with django_assert_num_queries(len(few.captured_queries)):
            scrape()


LABELS = {"outcome", "stage", "verb", "channel", "process", "queue", "cluster", "state", "status"}


def test_nothing_grows_with_servers_or_people(
    scrape, polled, world, pass_cycle, committed, alice, clock
):
    with committed():
        pass_cycle()
    few = len(scrape().samples)
    for number in range(20):
        world.create_guest(name=f"more{number}", node="pve1", uptime=600)
    for _ in range(2):
        with committed():
            pass_cycle()
    ownership.assign(Server.objects.all(), alice, actor=SYSTEM, now=clock())
    page = scrape()
    assert len(page.samples) == few
    used = {label for _, *labels in page.samples for label, _ in labels}
    assert used <= LABELS | {"le"}


class TestManyProcesses:
    def test_what_they_count_adds_up(self, scrape, monkeypatch):
        CYCLES.add("ok")
        meter.write()
        monkeypatch.setattr(meter, "pending", meter.Pending())
        CYCLES.add("ok")
        assert scrape()("panel_cycles_total", outcome="ok") == 2

    def test_each_tells_its_own_gauges_until_it_is_dead(self, scrape, monkeypatch):
        for pid, sockets in ((41, 3), (42, 5)):
            monkeypatch.setattr(meter.os, "getpid", lambda pid=pid: pid)
            SOCKETS.set(sockets)
            meter.write()
        found = scrape().families["panel_sockets_open"].samples
        assert [sample.value for sample in found] == [3, 5]
        later = time.time() + meter.GAUGE_LASTS_SECONDS + 10
        monkeypatch.setattr(meter, "time", lambda: later)
        assert scrape().families["panel_sockets_open"].samples == []

    def test_a_forked_worker_counts_nothing_twice(self, redis):
        CYCLES.add("ok")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, b"none" if meter.pending.sums == {} else b"some")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reading, 4) == b"none"
        assert meter.pending.sums

    def test_one_write_of_all_of_it_by_a_thread_of_its_own(self, redis, monkeypatch, settings):
        monkeypatch.undo()
        settings.METRICS_TOKEN = TOKEN
        monkeypatch.setattr(meter, "SUMS", f"test:{os.getpid()}:SUMS")
        monkeypatch.setattr(meter, "WRITE_AFTER_SECONDS", 0.05)
        writes, real = [], meter.write
        monkeypatch.setattr(meter, "write", lambda: (writes.append(1), real()))
        for _ in range(1000):
            CYCLES.add("ok")
            SAMPLES.add(amount=2)
        end = time.monotonic() + 5
        while redis.hlen(meter.SUMS) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert sorted(map(float, redis.hvals(meter.SUMS))) == [1000, 2000]
        assert writes == [1]


class TestWithout:
    def test_redis_away_fails_no_cycle_and_loses_nothing(
        self, scrape, polled, pass_cycle, settings, client
    ):
        before = scrape()("panel_cycles_total", outcome="ok")
        there, settings.REDIS = settings.REDIS, NOWHERE
        pass_cycle(looking=False)
        meter.write()
        answer = scraped(client)
        assert answer.status_code == 200
        lines = answer.content.decode().splitlines()
        assert "panel_redis_up 0.0" in lines
        assert "panel_database_up 1.0" in lines
        assert any(line.startswith("panel_servers{") for line in lines)
        settings.REDIS = there
        assert scrape()("panel_cycles_total", outcome="ok") == before + 1

    def test_the_database_away(self, scrape, polled, pass_cycle, monkeypatch):
        pass_cycle(looking=False)
        monkeypatch.setattr(Cluster._meta, "db_table", "not_migrated_yet")
        page = scrape()
        assert (page("panel_redis_up"), page("panel_database_up")) == (1, 0)
        assert page("panel_cycles_total", outcome="ok") >= 1
        assert "panel_servers" not in page.families

    def test_without_a_token_nothing_is_counted(self, polled, pass_cycle, monkeypatch, settings):
        monkeypatch.setattr(meter, "pending", meter.Pending())
        assert settings.METRICS_TOKEN == ""
        pass_cycle()
        assert (meter.pending.sums, meter.pending.gauges) == ({}, {})
        assert meter.pending.is_timed is False

    def test_what_an_older_version_counted_otherwise_is_left_out(self, scrape, redis):
        redis.hset(meter.SUMS, '["panel_cycles",["ok","more"],""]', 5)
        assert scrape()("panel_cycles_total", outcome="ok") is None
