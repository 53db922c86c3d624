"""The console's page as the server renders it."""

from datetime import UTC, datetime

import pytest

from servers import console_ends
from servers.console_ends import End
from servers.models import ConsoleSession, Server
from servers.views.console import texts

pytestmark = pytest.mark.django_db


def page_of(browser, server, kind=""):
    return browser.get(f"/servers/{server.pk}/console/", {"kind": kind} if kind else {})


def know(server, **facts):
    Server.objects.filter(pk=server.pk).update(facts=facts, facts_at=datetime.now(UTC))


def test_it_asks_nothing_of_proxmox_and_makes_no_ticket(server, alice, browser_of, wire):
    wire.requests.clear()
    answer = page_of(browser_of(alice), server)
    assert answer.status_code == 200
    assert wire.requests == []
    assert not ConsoleSession.objects.exists()


def test_both_kinds_are_offered_where_there_are_both(server, alice, browser_of):
    know(server, has_screen=True, has_serial=True)
    content = page_of(browser_of(alice), server, "text").content.decode()
    assert 'data-kind="text"' in content
    assert 'href="?kind=vnc"' in content


def test_a_lone_kind_is_no_choice(server, alice, browser_of):
    know(server, has_serial=True)
    answer = page_of(browser_of(alice), server)
    assert answer.context["kinds"] == []
    assert answer.context["kind"] == "text"


def test_inline_styles_are_allowed_here_alone(server, alice, browser_of):
    browser = browser_of(alice)
    for path, is_allowed in (
        (f"/servers/{server.pk}/console/", True),
        ("/console/", True),
        (f"/servers/{server.pk}/", False),
        ("/", False),
    ):
        policy = browser.get(path)["Content-Security-Policy"]
        assert ("unsafe-inline" in policy) == is_allowed, path
        assert "script-src" not in policy
        assert "default-src 'self'" in policy


def test_the_page_for_a_ticket_needs_no_sign_in_and_holds_nothing(server, browser_of):
    answer = browser_of().get("/console/")
    assert answer.status_code == 200
    assert server.name not in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_every_way_to_end_has_words():
    ends = {end.reason for end in vars(console_ends).values() if isinstance(end, End)}
    assert set(texts()["ends"]) == ends


def test_codes_are_of_our_own_range_and_told_apart():
    ends = [end for end in vars(console_ends).values() if isinstance(end, End)]
    codes = [end.code for end in ends]
    assert len(set(codes)) == len(codes)
    assert all(code in (1000, 1001) or 4000 <= code < 5000 for code in codes)
