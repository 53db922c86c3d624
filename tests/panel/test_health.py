import pytest
from django.db import DatabaseError

from panel import health
from panel.redis_place import RedisPlace
from servers.models import Cluster

pytestmark = pytest.mark.django_db


def ready(client):
    answer = client.get("/health/ready")
    return answer.status_code, answer.json()


@pytest.fixture
def fresh(polled, clock, monkeypatch):
    """The last cycle was just now."""
    from datetime import UTC, datetime

    Cluster.objects.update(last_cycle_at=datetime.now(UTC))
    return polled


def test_live(client):
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_live_asks_nobody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/health/live")


def test_ready(client, fresh, redis_server):
    status, body = ready(client)
    assert (status, body["status"]) == (200, "ok")
    assert (body["database"], body["redis"]) == ("ok", "ok")
    assert body["cycles"][0]["stale"] is False
    assert body["cycles"][0]["age_seconds"] <= 5


def test_an_old_cycle_is_told_and_sends_nobody_away(client, fresh, redis_server):
    Cluster.objects.update(last_cycle_at="2026-01-01T00:00:00Z")
    status, body = ready(client)
    assert (status, body["status"]) == (200, "degraded")
    assert body["cycles"][0]["stale"] is True


def test_a_cluster_that_was_never_polled(client, cluster, redis_server):
    _, body = ready(client)
    assert body["cycles"] == [
        {"cluster": cluster.pk, "age_seconds": None, "stale": True, "overload_level": 0}
    ]


def test_overload_is_told_and_sends_nobody_away(client, fresh, redis_server):
    Cluster.objects.update(overload_level=1)
    status, body = ready(client)
    assert (status, body["status"]) == (200, "degraded")
    assert body["cycles"][0]["overload_level"] == 1


def test_a_cluster_that_is_not_to_be_polled_is_not_stale(client, cluster, redis_server):
    Cluster.objects.update(enabled=False)
    assert ready(client)[1]["status"] == "ok"


def test_redis_away(client, fresh, settings):
    settings.REDIS = RedisPlace("unix:///nowhere/redis.sock")
    status, body = ready(client)
    assert (status, body["status"], body["redis"]) == (200, "degraded", "unreachable")


def test_database_away(client, monkeypatch, redis_server):
    def broken():
        raise DatabaseError("secret words of the driver")

    monkeypatch.setattr(health.connection, "cursor", broken)
    status, body = ready(client)
    assert (status, body["status"]) == (503, "unavailable")
    assert "secret" not in str(body)


def test_a_database_without_tables(client, monkeypatch, redis_server):
    monkeypatch.setattr(Cluster._meta, "db_table", "not_migrated_yet")
    status, body = ready(client)
    assert (status, body["status"], body["database"]) == (503, "unavailable", "unusable")
    assert body["cycles"] == []


def test_nothing_secret(client, fresh, credentials, redis_server):
    text = client.get("/health/ready").content.decode()
    for word in (credentials.secret, credentials.token_id, "fra1", "example.com"):
        assert word not in text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_only_reading(client, path):
    assert client.post(path).status_code == 405


def test_an_action_that_no_worker_takes(client, fresh, redis_server, server):
    from datetime import UTC, datetime, timedelta

    from servers.models import Action

    asked = datetime.now(UTC) - timedelta(minutes=5)
    Action.objects.create(server=server, type="stop", requested_at=asked, deadline=asked)
    status, body = ready(client)
    assert (status, body["status"]) == (200, "degraded")
    assert 299 <= body["action_waits_seconds"] <= 310
