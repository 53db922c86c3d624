"""A new password by the pages: offered for what it is, asked for with one's own, shown once."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import AuditEntry, IdempotentReply
from servers import facts, reading
from servers.models import Action, Server
from servers.proxmox.types import GuestConfig
from tests.conftest import PASSWORDS
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_facts(make_server, alice):
    """A server of Alice's of which so much is known."""

    def make(status="running", kind="qemu", **known):
        server = make_server(alice, "web", status=status, kind=kind)
        facts.note(
            server.pk,
            GuestConfig(**{"identity": "x", "agent_enabled": False, **known}),
            now=datetime.now(UTC),
        )
        server.refresh_from_db()
        return server

    return make


@pytest.fixture
def reset(browser_of, alice):
    def send(server, *, key="k1", **form):
        wish = {
            "username": "root",
            "way": "agent",
            "kind": "generated",
            "current_password": PASSWORDS[alice.email],
            "key": key,
            **form,
        }
        return browser_of(alice).post(f"/servers/{server.pk}/password/", wish)

    return send


@pytest.fixture
def page_of(browser_of, alice):
    return lambda server: text_of(browser_of(alice).get(f"/servers/{server.pk}/password/"))


class TestOffered:
    def test_a_container_is_sent_to_its_console(self, with_facts, page_of):
        text = page_of(with_facts(kind="lxc"))
        assert "Proxmox cannot set the password of a container from outside." in text
        assert "passwd" in text
        assert "Open the console" in text

    def test_where_there_is_no_way_that_is_said(self, with_facts, page_of):
        assert "neither a guest agent nor cloud-init" in page_of(with_facts())

    def test_an_agent_answers_only_while_it_runs(self, with_facts, page_of):
        assert "Start it first." in page_of(with_facts("stopped", agent_enabled=True))

    def test_what_is_not_known_is_looked_up(self, make_server, alice, page_of, sent, committed):
        server = make_server(alice)
        with committed():
            assert "It is being looked up" in page_of(server)
        assert [(each.name, each.arguments) for each in sent] == [
            ("servers.read_guest", {"server_id": server.pk})
        ]

    def test_what_was_read_lately_is_not_read_again(self, with_facts, page_of, sent, committed):
        with committed():
            page_of(with_facts(agent_enabled=True))
        assert sent == []

    @pytest.mark.parametrize(
        ("known", "user"),
        [
            ({"agent_enabled": True}, "root"),
            ({"agent_enabled": True, "is_windows": True}, "Administrator"),
            ({"has_cloud_init": True, "cloud_init_user": "ubuntu"}, "ubuntu"),
        ],
    )
    def test_the_usual_user_is_proposed(self, known, user, with_facts, browser_of, alice):
        server = with_facts(**known)
        content = browser_of(alice).get(f"/servers/{server.pk}/password/").content.decode()
        assert f'name="username" value="{user}"' in content

    def test_both_ways_are_told_apart(self, with_facts, page_of):
        text = page_of(with_facts(agent_enabled=True, has_cloud_init=True))
        assert "At once, by the guest agent" in text
        assert "At the next start, by cloud-init" in text


class TestSetting:
    def test_it_is_shown_once_and_kept_nowhere(self, with_facts, reset, browser_of, alice):
        server = with_facts(agent_enabled=True)
        answer = reset(server)
        assert answer.status_code == 200
        password = answer.context["password"]
        assert password in text_of(answer)
        assert "no-store" in answer["Cache-Control"]
        again = reset(server)
        assert password not in again.content.decode()
        assert "It was shown before." in text_of(again)
        assert Action.objects.count() == 1
        kept = [*Action.objects.values(), *AuditEntry.objects.values()]
        assert password not in str([*kept, *IdempotentReply.objects.values()])
        assert password not in str(browser_of(alice).get(f"/servers/{server.pk}/").content)

    def test_a_chosen_one_is_not_repeated(self, with_facts, reset):
        answer = reset(with_facts(agent_enabled=True), kind="chosen", password="my-own-choice-1")
        assert "my-own-choice-1" not in answer.content.decode()
        assert "The one that you chose." in text_of(answer)

    @pytest.mark.parametrize(
        ("form", "status", "said"),
        [
            ({"current_password": "wrong"}, 403, "This is not your password."),
            ({"current_password": ""}, 400, "This field is required."),
            ({"username": "a:b"}, 400, "without ':'"),
            ({"kind": "chosen", "password": "short"}, 400, "8 to 128 characters"),
            ({"kind": "chosen", "password": ""}, 400, "Enter the password"),
            ({"way": "cloud_init"}, 400, "Select a valid choice."),
        ],
    )
    def test_what_is_wrong_is_said_and_only_passwords_are_lost(
        self, form, status, said, with_facts, reset
    ):
        answer = reset(with_facts(agent_enabled=True), **{"username": "ubuntu", **form})
        assert answer.status_code == status
        assert said in text_of(answer)
        content = answer.content.decode()
        assert f'value="{form.get("username", "ubuntu")}"' in content
        for secret in ("wrong", "short", "correct horse"):
            assert f'value="{secret}"' not in content
        assert not Action.objects.exists()

    def test_guessing_ones_own_is_stopped(self, with_facts, reset):
        server = with_facts(agent_enabled=True)
        for _ in range(10):
            reset(server, current_password="wrong")
        assert reset(server).status_code == 429
        assert not Action.objects.exists()

    def test_while_something_runs_it_waits(self, with_facts, reset):
        server = with_facts(agent_enabled=True)
        reset(server)
        answer = reset(server, key="k2")
        assert answer.status_code == 409
        assert "Setting the password is under way." in text_of(answer)

    def test_by_cloud_init_it_waits_for_a_restart(self, with_facts, reset, page_of):
        server = with_facts(has_cloud_init=True)
        answer = reset(server, way="cloud_init")
        assert "It holds after the next start" in text_of(answer)
        Server.objects.filter(pk=server.pk).update(password_set_at=datetime.now(UTC))
        assert "A new password waits for the next start" in page_of(server)

    def test_what_waits_is_on_the_servers_page_too(self, with_facts, browser_of, alice):
        server = with_facts(has_cloud_init=True)
        Server.objects.filter(pk=server.pk).update(password_set_at=datetime.now(UTC))
        response = browser_of(alice).get(f"/servers/{server.pk}/")
        assert "A new password waits for the next start" in text_of(response)
        assert 'data-key="pending"' in response.content.decode()


class TestReading:
    def test_tells_what_it_can_do(self, server, clock, committed):
        Server.objects.filter(pk=server.pk).update(facts={}, facts_at=None)
        assert reading.read(server.pk, now=clock())
        server.refresh_from_db()
        assert facts.facts_of(server).agent_enabled
        assert not reading.read(server.pk, now=clock())
        assert reading.read(server.pk, now=clock() + timedelta(minutes=11))

    def test_another_guest_in_its_place_is_not_it(self, server, clock, world):
        Server.objects.filter(pk=server.pk).update(facts={}, facts_at=None, identity="other")
        assert not reading.read(server.pk, now=clock())
        server.refresh_from_db()
        assert server.facts_at is None

    def test_a_proxmox_that_is_away_is_no_failure(self, server, clock, world):
        Server.objects.filter(pk=server.pk).update(facts={}, facts_at=None)
        world.guests.clear()
        assert not reading.read(server.pk, now=clock())
