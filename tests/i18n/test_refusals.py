"""Pages that refuse something say so in Russian, whatever was wrong."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from servers.models import Cluster, Node, Server
from snapshots.models import Snapshot
from tests.i18n.leftovers import leftovers
from tests.i18n.test_api import WRONG
from tests.test_isolation import TABLE, filled, people  # noqa: F401 — a fixture

pytestmark = pytest.mark.django_db
PAGES = [route for route in TABLE if not route.startswith(("api/", "health/", "sign-out"))]
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {**dict.fromkeys(WRONG, "ы" * 600), "password1": "x", "password2": "y", "do": "test"},
    {**dict.fromkeys(WRONG, "нет такого"), "type": "start", "kind": "chosen", "email": "x"},
    {**dict.fromkeys(WRONG, "-1"), "type": "stop", "confirmed": "1"},
)


@pytest.fixture
def named(people, server):  # noqa: F811
    """Nothing of Proxmox's has an English name."""
    Server.objects.update(name="сервер", guest_name="сервер", tags="")
    Node.objects.filter(pk=server.node_id).update(name="узел")
    Cluster.objects.update(name="кластер")
    Snapshot.objects.update(title="снимок")
    User.objects.update(language="ru", first_name="Алиса")
    return people


def found(client, route, pk):
    for body in BODIES:
        for kind in ("daily", "webhook", "telegram", "mail"):
            path = filled(route, pk).replace("/daily/", f"/{kind}/")
            answer = client.post(path, body)
            assert answer.status_code < 500
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                yield from leftovers(answer.content.decode())
            if path == filled(route, pk).replace("/daily/", "//"):
                break
            if "<str:kind>" not in route:
                break


@pytest.mark.parametrize("route", PAGES)
def test_a_page(route, named, server, browser_of, redis_server):
    for who in ("owner", "staff"):
        named[who].refresh_from_db()
        assert set(found(browser_of(named[who]), route, server.pk)) == set()


def test_nobodys(named, client):
    for path in ("/sign-in/", "/no-such-page/", "/alerts/link/x/", "/password/forgotten/"):
        answer = client.post(path, {"username": "x", "email": "x"}, HTTP_ACCEPT_LANGUAGE="ru")
        assert list(leftovers(answer.content.decode())) == []


def test_locked_out(named, client, settings):
    settings.AXES_ENABLED = True
    for _ in range(20):
        answer = client.post(
            "/sign-in/", {"username": "a@example.com", "password": "x"}, HTTP_ACCEPT_LANGUAGE="ru"
        )
    assert answer.status_code == 429
    assert list(leftovers(answer.content.decode())) == []


def test_a_form_that_has_grown_old(named, alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/alerts/mutes/", {})
    assert answer.status_code == 403
    assert list(leftovers(answer.content.decode())) == []
