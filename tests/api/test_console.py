"""POST servers/{id}/console/: a ticket, and never a word to Proxmox."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from servers import consoles
from servers.models import ConsoleSession, Server

pytestmark = pytest.mark.django_db


def ask(client, server, **body):
    return client.post(f"/api/v1/servers/{server.pk}/console/", body)


def test_a_ticket_stands_where_browsers_send_it_to_nobody(server, alice, api_of, wire):
    wire.requests.clear()
    answer = ask(api_of(alice), server)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    url = urlsplit(body["url"])
    assert (url.path, url.query, body["kind"]) == ("/console/", "", "vnc")
    session = ConsoleSession.objects.get()
    assert session.ticket_hash == consoles.hash_of(url.fragment)
    assert datetime.fromisoformat(body["expires_at"]) == session.expires_at
    assert session.expires_at - session.created_at == timedelta(seconds=30)
    assert (session.user, session.server, session.source) == (alice, server, "api")
    assert session.api_session
    assert not session.session_key
    assert wire.requests == []


def test_a_browsers_ticket_hangs_on_its_session(server, alice, browser_of):
    client = browser_of(alice)
    answer = client.post(
        f"/api/v1/servers/{server.pk}/console/", {}, content_type="application/json"
    )
    assert answer.status_code == 201
    session = ConsoleSession.objects.get()
    assert (session.source, session.session_key) == ("web", client.session.session_key)
    assert session.api_session is None


def test_a_browser_needs_the_csrf_token(server, alice):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(
        f"/api/v1/servers/{server.pk}/console/", {}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert not ConsoleSession.objects.exists()


def test_the_kind_may_be_chosen(server, alice, api_of):
    Server.objects.filter(pk=server.pk).update(facts_at=None)
    assert ask(api_of(alice), server, kind="text").json()["kind"] == "text"
    answer = ask(api_of(alice), server, kind="spice")
    assert answer.status_code == 400
    assert "kind" in answer.json()["error"]["fields"]


def test_a_container_has_a_terminal(server, alice, api_of):
    Server.objects.filter(pk=server.pk).update(kind="lxc", facts_at=None)
    assert ask(api_of(alice), server).json()["kind"] == "text"


@pytest.mark.parametrize(
    ("facts", "kind", "code"),
    [
        ({"has_screen": False, "has_serial": True}, "vnc", "no_screen"),
        ({"has_screen": True, "has_serial": False}, "text", "no_serial"),
        ({"has_screen": False, "has_serial": False}, "vnc", "no_console"),
    ],
)
def test_what_is_known_not_to_be_there_is_refused(facts, kind, code, server, alice, api_of):
    Server.objects.filter(pk=server.pk).update(facts=facts, facts_at=datetime.now().astimezone())
    answer = ask(api_of(alice), server, kind=kind)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert not ConsoleSession.objects.exists()


def test_what_was_read_long_ago_decides_nothing(server, alice, api_of):
    old = datetime.now().astimezone() - timedelta(minutes=11)
    Server.objects.filter(pk=server.pk).update(facts={"has_screen": False}, facts_at=old)
    assert ask(api_of(alice), server, kind="vnc").status_code == 201
