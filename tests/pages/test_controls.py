"""What a server's page offers, and what it says of actions."""

import re
from datetime import UTC, datetime

import pytest

from servers.models import Action, Server
from tests.pages.reading import row_of, text_of

pytestmark = pytest.mark.django_db

FETCHED = {"X-Requested-With": "fetch"}


def buttons(response):
    """Of each power button in sight: its words, and the reason where it cannot be pressed."""
    bar = response.content.decode().partition('<details class="menu power-menu"')[0]
    found = {}
    for item in bar.split('<span class="power-item">')[1:]:
        words = re.sub(r"<svg.*?</svg>", "", item, flags=re.DOTALL)
        label = re.search(r"<button[^>]*>\s*([^<]+?)\s*</button>", words)[1]
        why = re.search(r'role="tooltip"[^>]*>([^<]+)<', words)
        found[label] = why[1] if why else None
    return found


def press(client, server, type, *, key="k1", **headers):
    return client.post(
        f"/servers/{server.pk}/actions/", {"type": type, "key": key}, headers=headers
    )


class TestButtons:
    @pytest.mark.parametrize(
        ("status", "offered"),
        [
            ("running", {"Shut down", "Restart"}),
            ("stopped", {"Start"}),
            ("suspended", {"Start"}),
            ("unknown", {"Start", "Shut down", "Restart"}),
        ],
    )
    def test_offer_what_the_state_allows(self, status, offered, browser_of, alice, make_server):
        server = make_server(alice, status=status)
        shown = buttons(browser_of(alice).get(f"/servers/{server.pk}/"))
        assert {label for label, why in shown.items() if why is None} == offered
        assert all(why.endswith(".") for why in shown.values() if why)

    def test_a_paused_server_is_resumed(self, browser_of, alice, make_server):
        server = make_server(alice, status="paused")
        assert buttons(browser_of(alice).get(f"/servers/{server.pk}/"))["Resume"] is None

    def test_a_lock_is_told_as_the_reason(self, browser_of, alice, make_server):
        server = make_server(alice)
        Server.objects.filter(pk=server.pk).update(lock="backup")
        response = browser_of(alice).get(f"/servers/{server.pk}/")
        assert buttons(response)["Restart"] == "A backup is running."

    def test_a_container_is_not_offered_what_it_cannot(self, browser_of, alice, make_server):
        server = make_server(alice, kind="lxc")
        text = text_of(browser_of(alice).get(f"/servers/{server.pk}/"))
        assert "Power off" in text
        assert "Pause" not in text
        assert "Reset" not in text.replace("Reset password", "")

    def test_while_an_action_runs_there_is_but_one(
        self, browser_of, alice, make_server, make_action
    ):
        server = make_server(alice, status="stopped")
        make_action(server, person=alice)
        response = browser_of(alice).get(f"/servers/{server.pk}/controls/")
        assert buttons(response)["Start"] == "Starting is under way."
        assert re.search(r"Starting… for 1\d s , since", text_of(response))

    def test_what_waits_for_its_turn_says_so(self, browser_of, alice, make_server, make_action):
        server = make_server(alice)
        make_action(server, "reboot", person=alice, is_queued=True)
        assert "It waits for its turn" in text_of(browser_of(alice).get(f"/servers/{server.pk}/"))

    def test_a_shutdown_can_be_cut_short(self, browser_of, alice, make_server, make_action):
        server = make_server(alice)
        make_action(server, "shutdown", person=alice)
        content = browser_of(alice).get(f"/servers/{server.pk}/controls/").content.decode()
        assert 'form="power-ask" name="type" value="stop"' in content


class TestPressing:
    """Without JavaScript: forms and redirects."""

    def test_starts_and_comes_back(self, browser_of, alice, make_server):
        server = make_server(alice, status="stopped")
        client = browser_of(alice)
        answer = press(client, server, "start")
        assert answer.status_code == 303
        assert answer.url == f"/servers/{server.pk}/"
        action = Action.objects.get()
        assert (action.type, action.requested_by, action.source) == ("start", alice, "web")
        assert "Starting…" in text_of(client.get(answer.url))

    def test_twice_with_one_form_acts_once(self, browser_of, alice, make_server):
        server = make_server(alice, status="stopped")
        for _ in range(2):
            assert press(browser_of(alice), server, "start").status_code == 303
        assert Action.objects.count() == 1

    def test_the_second_of_two_people_is_told_of_the_first(
        self, browser_of, alice, staff, make_server
    ):
        server = make_server(alice, status="stopped")
        press(browser_of(alice), server, "start")
        client = browser_of(staff)
        answer = press(client, server, "start", key="k2")
        assert "Starting is under way." in text_of(client.get(answer.url))
        assert Action.objects.count() == 1

    def test_what_the_state_forbids_says_why(self, browser_of, alice, make_server):
        server = make_server(alice)
        client = browser_of(alice)
        answer = press(client, server, "start")
        assert "It is running." in text_of(client.get(answer.url))
        assert not Action.objects.exists()

    def test_nonsense_is_no_action(self, browser_of, alice, make_server):
        server = make_server(alice)
        for type in ("delete", "x\x00", "password.reset", ""):
            assert press(browser_of(alice), server, type).status_code == 302
        assert not Action.objects.exists()

    def test_what_interrupts_asks_first(self, browser_of, alice, make_server):
        server = make_server(alice)
        path = f"/servers/{server.pk}/actions/?type=stop"
        text = text_of(browser_of(alice).get(path))
        assert "The power is cut at once." in text
        assert "Cancel" in text
        assert not Action.objects.exists()

    def test_the_question_says_when_it_is_too_late(self, browser_of, alice, make_server):
        server = make_server(alice, status="stopped")
        text = text_of(browser_of(alice).get(f"/servers/{server.pk}/actions/?type=stop"))
        assert "Not possible now: It is switched off." in text


class TestFetched:
    """With JavaScript: the piece itself comes back, with a status."""

    @pytest.mark.parametrize(
        ("status", "before", "code", "error"),
        [
            ("stopped", None, 202, None),
            ("stopped", "start", 409, "Starting is under way."),
            ("running", None, 422, "It is running."),
        ],
    )
    def test_says_what_came_of_it(
        self, status, before, code, error, browser_of, alice, make_server, make_action
    ):
        server = make_server(alice, status=status)
        if before:
            make_action(server, before, person=alice)
        answer = press(browser_of(alice), server, "start", **FETCHED)
        content = answer.content.decode()
        assert answer.status_code == code
        assert 'data-part="controls"' in content
        assert "<html" not in content
        assert (f'data-error="{error}"' in content) is (error is not None)

    def test_the_question_is_a_piece_too(self, browser_of, alice, make_server):
        path = f"/servers/{make_server(alice).pk}/actions/?type=reset"
        content = browser_of(alice).get(path, headers=FETCHED).content.decode()
        assert 'data-part="confirm"' in content
        assert "<html" not in content

    def test_is_never_kept(self, browser_of, alice, make_server):
        answer = browser_of(alice).get(f"/servers/{make_server(alice).pk}/controls/")
        assert "no-store" in answer["Cache-Control"]

    def test_another_site_cannot_press(self, alice, make_server, client):
        server = make_server(alice, status="stopped")
        client.handler.enforce_csrf_checks = True
        client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
        assert press(client, server, "start", **FETCHED).status_code == 403
        assert not Action.objects.exists()


class TestOutcome:
    def test_is_said_in_one_sentence(self, browser_of, alice, make_server, make_action):
        server = make_server(alice)
        make_action(server, ended=5, person=alice)
        text = text_of(browser_of(alice).get(f"/servers/{server.pk}/controls/"))
        assert "Started." in text
        assert "by you" in text

    def test_is_news_for_ten_minutes(self, browser_of, alice, make_server, make_action):
        server = make_server(alice)
        make_action(server, ended=700, person=alice)
        content = browser_of(alice).get(f"/servers/{server.pk}/").content.decode()
        assert "data-ended" not in content
        assert "Started." in content

    def test_a_shutdown_that_was_ignored_offers_to_pull_the_plug(
        self,
        browser_of,
        alice,
        server,
        guest,
        worker,
        ask,
    ):
        guest.ignores_shutdown = True
        ask(server, "shutdown")
        worker.run(200)
        Action.objects.update(finished_at=datetime.now(UTC))
        response = browser_of(alice).get(f"/servers/{server.pk}/controls/")
        assert "The server did not react to being asked." in text_of(response)
        assert 'data-key="cut"' in response.content.decode()
        assert "What the host said" in text_of(response)

    def test_what_the_host_said_is_never_markup(
        self, browser_of, staff, alice, make_server, make_action
    ):
        server = make_server(alice)
        hostile = "<img src=x onerror=alert(1)>"
        failed = {"status": "failed", "error_code": "denied", "error_message": hostile}
        make_action(server, ended=1, person=alice, log=hostile, **failed)
        for path in ("controls/", "history/", ""):
            content = browser_of(staff).get(f"/servers/{server.pk}/{path}").content.decode()
            assert "<img" not in content
            assert "&lt;img" in content

    def test_staff_see_the_log_and_customers_do_not(
        self, browser_of, staff, alice, make_server, make_action
    ):
        server = make_server(alice)
        make_action(server, "reboot", person=alice, log="one\ntwo", node="pve-hidden-7")
        path = f"/servers/{server.pk}/controls/"
        assert "one two" in text_of(browser_of(staff).get(path))
        alices = text_of(browser_of(alice).get(path))
        assert "one two" not in alices
        assert "pve-hidden-7" not in alices


def test_a_row_of_the_list_tells_what_runs(browser_of, alice, make_server, make_action):
    busy = make_server(alice, "busy", status="stopped")
    make_server(alice, "idle")
    make_action(busy, person=alice)
    response = browser_of(alice).get("/")
    assert re.search(r'data-field="action" data-action="\d+">', row_of(response, "busy"))
    assert "Starting…" in row_of(response, "busy")
    assert 'data-action="" hidden' in row_of(response, "idle")


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("actions", {"type": "stop"}),
        ("settings", {"name": "mine"}),
        ("delete", {"confirm": "web", "stop_first": "on"}),
        ("password", {"username": "root", "way": "agent", "kind": "generated"}),
    ],
)
def test_nobody_acts_on_a_server_of_somebody_else(part, form, browser_of, alice, bob, make_server):
    server = make_server(alice, "web")
    wish = {**form, "current_password": "battery staple"}
    answer = browser_of(bob).post(f"/servers/{server.pk}/{part}/", wish)
    assert answer.status_code == 404
    assert not Action.objects.exists()
    server.refresh_from_db()
    assert server.name == "web"
