"""The panel without Redis and without Proxmox: people sign in, pages show, a banner tells."""

import pytest

from panel.redis_place import RedisPlace
from servers.models import Cluster
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_redis(settings):
    settings.REDIS = RedisPlace("unix:///nowhere/redis.sock")
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["unix:///nowhere/redis.sock"]},
        }
    }


def test_somebody_signs_in_and_sees_servers(client, server, alice):
    body = {"username": alice.email, "password": PASSWORDS[alice.email]}
    assert client.post("/sign-in/", body).status_code == 302
    page = client.get("/")
    assert page.status_code == 200
    assert server.name in page.content.decode()
    assert client.get(f"/servers/{server.pk}/").status_code == 200
    assert client.post("/sign-out/").status_code == 302


def test_the_api_answers(api_of, server, alice):
    assert api_of(alice).get(f"/api/v1/servers/{server.pk}/metrics/").status_code == 200


def test_a_cycle_stores_though_nothing_can_be_pushed(
    server, pass_cycle, django_capture_on_commit_callbacks
):
    before = server.last_sample.taken_at
    with django_capture_on_commit_callbacks(execute=True):
        pass_cycle()
    server.last_sample.refresh_from_db()
    assert server.last_sample.taken_at > before


def test_the_banner_tells_since_when(client, server, alice, staff):
    Cluster.objects.update(last_cycle_at="2026-01-02T03:04:00Z")
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/")
    assert page.context["stale_since"].isoformat() == "2026-01-02T03:04:00+00:00"
    assert "fra1" not in page.content.decode()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert "fra1" in client.get("/").content.decode()


def test_no_banner_for_somebody_whose_servers_are_fresh(client, server, bob):
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/").context["stale_clusters"] == []
