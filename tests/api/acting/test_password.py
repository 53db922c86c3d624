"""POST servers/{id}/password/: shown once, kept nowhere, and only said to be set when it is."""

import json
import logging
import re

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.db import connection

from accounts.models import AuditEntry, IdempotentReply
from servers import operations, passwords
from servers.models import Action, Server
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.django_db

CHOSEN = "Canary-Pa55word-Xyzzy"
OWN = {"current_password": PASSWORDS["alice@example.com"]}


@pytest.fixture
def reset(api_of, alice, server, committed):
    client = api_of(alice)

    def run(_server=None, **body):
        headers = {"HTTP_IDEMPOTENCY_KEY": body.pop("key")} if "key" in body else {}
        with committed():
            return client.post(
                f"/api/v1/servers/{(_server or server).pk}/password/", {**OWN, **body}, **headers
            )

    run.client = client
    return run


@pytest.fixture
def cloud(server, guest):
    """Without an agent, with a cloud-init drive."""
    tell_facts(server, has_cloud_init=True)
    guest.agent = type(guest.agent)("none")
    guest.cloud_init_drive = True


def tell_facts(server, **facts):
    Server.objects.filter(pk=server.pk).update(facts=facts)


def ended(answer):
    return Action.objects.get(pk=answer.json()["id"])


def test_by_the_agent_with_a_generated_one(reset, server, guest, worker):
    answer = reset()
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["username"], body["type"]) == (operations.usual_user(server), "password.reset")
    assert answer["Cache-Control"] == "no-store"
    assert re.fullmatch(r"([A-HJ-NP-Za-km-z2-9]{5}-){3}[A-HJ-NP-Za-km-z2-9]{5}", body["password"])
    worker.run(10)
    assert ended(answer).status == "success"
    assert guest.passwords == {body["username"]: body["password"]}


def test_a_chosen_one_for_another_user(reset, guest, worker):
    answer = reset(username="debian", password=CHOSEN, way="agent")
    assert answer.json()["password"] == CHOSEN
    worker.run(10)
    assert guest.passwords == {"debian": CHOSEN}
    assert ended(answer).parameters == {"username": "debian", "way": "agent"}


def test_it_is_kept_nowhere(reset, server, worker, caplog, sent):
    caplog.set_level(logging.DEBUG)
    answer = reset(password=CHOSEN, key="k1")
    queued = json.dumps([message.arguments for message in worker.messages])
    assert "sealed" in queued
    assert CHOSEN not in queued
    worker.run(10)
    assert ended(answer).status == "success"
    assert CHOSEN not in caplog.text
    assert CHOSEN not in database_text()
    assert not mail.outbox
    assert ended(answer).seal == ""


def database_text():
    """Every value of every table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found.append(repr(cursor.fetchall()))
    assert len(found) > 10
    return "".join(found)


def test_neither_half_opens_it_alone(reset, worker):
    answer = reset(password=CHOSEN)
    (message,) = [m for m in worker.messages if m.name == "servers.run_action"]
    key = ended(answer).seal
    assert passwords.unseal(key, message.arguments["sealed"]) == CHOSEN
    assert passwords.unseal("", message.arguments["sealed"]) is None
    assert passwords.unseal(key, "") is None


def test_the_same_request_again_does_not_show_it_again(reset, worker):
    first = reset(key="k1").json()
    worker.run(10)
    second = reset(key="k1").json()
    assert first["password"]
    assert second == {**first, "password": None}
    assert Action.objects.count() == 1
    assert first["password"] not in str(IdempotentReply.objects.values("body"))


def test_another_password_with_the_same_key(reset):
    reset(key="k1", password=CHOSEN)
    assert reset(key="k1", password=CHOSEN + "2").status_code == 422


class TestOwnPassword:
    def test_it_is_asked_for(self, reset):
        answer = reset(current_password="not mine")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_password")
        assert "current_password" in answer.json()["error"]["fields"]
        assert not Action.objects.exists()

    def test_wrong_ones_count_as_sign_ins_do(self, reset, alice):
        reset(current_password="not mine")
        assert AccessAttempt.objects.get(username=alice.email).failures_since_start == 1

    def test_after_ten_the_door_is_closed(self, reset):
        for _ in range(10):
            reset(current_password="not mine")
        assert reset().status_code == 429
        assert not Action.objects.exists()

    def test_it_is_in_no_log(self, reset, caplog):
        caplog.set_level(logging.DEBUG)
        reset(current_password=CHOSEN)
        assert CHOSEN not in caplog.text + database_text()


class TestNotConfirmed:
    @pytest.mark.parametrize("form", ["data", "result"])
    @pytest.mark.parametrize("applied", [True, False])
    def test_null_is_no_success(self, applied, form, reset, world, server, worker):
        world.agent_null(server.vmid, applied=applied, form=form)
        answer = reset()
        worker.run(10)
        action = ended(answer)
        assert (action.status, action.error_code) == ("lost", "not_confirmed")

    @pytest.mark.parametrize("way", ["agent", "cloud_init"])
    def test_no_answer_at_all(self, way, reset, world, server, worker, verbs, request, guest):
        if way == "cloud_init":
            request.getfixturevalue("cloud")
        method, path = ("PUT", "config") if way == "cloud_init" else ("POST", "set-user-password")
        world.accept_silently(method, path)
        answer = reset()
        worker.run(60)
        action = ended(answer)
        assert (action.status, action.error_code) == ("lost", "not_confirmed")
        assert len(verbs()) == 1

    def test_an_agent_that_hangs_may_yet_have_done_it(self, reset, world, server, worker):
        world.set_agent(server.vmid, "hanging")
        answer = reset()
        worker.run(60)
        action = ended(answer)
        assert (action.status, action.error_code) == ("lost", "not_confirmed")
        assert "got timeout" in action.error_message

    def test_the_worker_dies_while_it_asks(self, reset, worker, monkeypatch, clock):
        class Killed(BaseException):
            pass

        def die(*args, **kwargs):
            raise Killed

        monkeypatch.setattr("servers.dispatch.set_password", die)
        answer = reset()
        with pytest.raises(Killed):
            worker.run(10)
        worker.run(120)
        action = ended(answer)
        assert (action.status, action.error_code) == ("lost", "not_confirmed")


def test_the_agents_own_words(reset, world, server, worker):
    world.set_agent(server.vmid, "up", error="cannot find 'passwd' program in PATH")
    answer = reset()
    worker.run(10)
    action = ended(answer)
    assert (action.status, action.error_code) == ("failed", "agent")
    assert action.error_message == "Agent error: cannot find 'passwd' program in PATH"


def test_an_agent_that_is_not_there(reset, world, server, worker):
    world.set_agent(server.vmid, "dead")
    answer = reset()
    worker.run(20)
    action = ended(answer)
    assert (action.status, action.error_code) == ("failed", "agent")


def test_a_user_that_does_not_exist(reset, worker):
    answer = reset(username="nobody-here")
    worker.run(10)
    assert ended(answer).status == "failed"


class TestCloudInit:
    def test_for_the_next_start(self, reset, cloud, server, guest, worker, pass_cycle):
        answer = reset(username="debian", password=CHOSEN)
        assert answer.json()["step"] == "cloud_init"
        worker.run(10)
        assert ended(answer).status == "success"
        assert guest.passwords == {}
        assert is_pending(server)
        pass_cycle()
        assert is_pending(server), "it has not been started anew"

    def test_a_reset_is_no_restart(self, reset, cloud, server, worker, pass_cycle, committed):
        reset(password=CHOSEN)
        worker.run(10)
        self.power("reset", reset, server, committed, worker)
        pass_cycle()
        assert is_pending(server)

    def test_until_it_has_really_restarted(
        self, reset, cloud, server, guest, worker, pass_cycle, committed
    ):
        reset(username="debian", password=CHOSEN)
        worker.run(10)
        self.power("reboot", reset, server, committed, worker)
        for _ in range(3):
            pass_cycle()
        assert guest.passwords == {"debian": CHOSEN}
        assert not is_pending(server)

    def power(self, type, reset, server, committed, worker):
        path = f"/api/v1/servers/{server.pk}/actions/"
        with committed():
            assert reset.client.post(path, {"type": type}).status_code == 202
        worker.run(30)

    def test_the_drive_is_gone_meanwhile(self, reset, cloud, guest, worker):
        guest.cloud_init_drive = False
        answer = reset()
        worker.run(10)
        assert ended(answer).error_code == "no_cloud_init"


def test_windows_gets_none_by_cloud_init(reset, server):
    """Proxmox would keep it in the configuration as it is."""
    tell_facts(server, has_cloud_init=True, is_windows=True)
    answer = reset()
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_password_way")


def is_pending(server):
    return operations.password_is_pending(
        Server.objects.select_related("last_sample").get(pk=server.pk)
    )


def test_a_container_has_no_way(reset, polled, alice, server):
    container = Server.objects.filter(kind="lxc").first()
    Server.objects.filter(pk=container.pk).update(owner=alice)
    answer = reset(container)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_kind")


def test_neither_agent_nor_cloud_init(reset, server):
    tell_facts(server)
    answer = reset()
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_password_way")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"),
        ("password", "x" * 200),
        ("password", "пароль-пароль"),
        ("password", " leading space"),
        ("password", "tab\tinside-it"),
        ("username", " root"),
        ("username", "a:b"),
        ("username", "x" * 65),
        ("username", "корень"),
        ("way", "cloud_init"),
        ("way", "magic"),
    ],
)
def test_bad_input(field, value, reset, server):
    tell_facts(server, agent_enabled=True)
    answer = reset(**{field: value})
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]
    assert not Action.objects.exists()


def test_the_message_is_lost(reset, worker, guest):
    answer = reset()
    worker.lose()
    worker.run(120)
    action = ended(answer)
    assert (action.status, action.error_code) == ("failed", "secret_lost")
    assert guest.passwords == {}
    assert action.seal == ""


def test_generated_ones_are_strong_and_differ():
    made = {passwords.generate() for _ in range(200)}
    assert len(made) == 200
    for each in made:
        assert passwords.problem_with(each) is None
        assert set(each) & set("0O1lIo") == set()
        assert passwords.is_mixed(each)


def test_who_asked_is_in_the_audit_log(reset, server, alice):
    reset(username="debian", password=CHOSEN)
    entry = AuditEntry.objects.get(event="action.requested", object_id=server.pk)
    assert entry.actor == alice
    assert entry.details["username"] == "debian"
    assert CHOSEN not in str(entry.details)
