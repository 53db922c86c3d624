"""servers/{id}/actions/, actions/, actions/{id}/: what is asked for, and what came of it."""

import pytest
from rest_framework.test import APIClient

from accounts.audit import SYSTEM
from servers import live, ownership
from servers.models import Action, Server

pytestmark = pytest.mark.django_db

KEY = {"HTTP_IDEMPOTENCY_KEY": "order-1"}


@pytest.fixture
def api(api_of, server, alice, committed):
    """Alice's client; what a request leaves behind is done when it was answered."""
    client: APIClient = api_of(alice)

    def post(path, body=None, **headers):
        with committed():
            return client.post(f"/api/v1/{path}", body, **headers)

    client.act = lambda body=None, **headers: post(
        f"servers/{server.pk}/actions/", body or {"type": "stop"}, **headers
    )
    return client


def test_from_the_request_to_the_end(api, server, worker, alice):
    answer = api.act({"type": "shutdown"})
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "pending"
    assert body["type"] == "shutdown"
    assert body["requested_by"] == alice.email
    assert (body["source"], body["error"], body["host"]) == ("api", None, None)
    assert body["summary"] == "Shutting down…"
    of_server = api.get(f"/api/v1/servers/{server.pk}/").json()["action"]
    assert of_server == body
    worker.run(30)
    body = api.get(f"/api/v1/actions/{body['id']}/").json()
    assert (body["status"], body["summary"]) == ("success", "Shut down.")
    assert body["requested_at"] < body["started_at"] < body["finished_at"]
    server_body = api.get(f"/api/v1/servers/{server.pk}/").json()
    assert (server_body["status"], server_body["action"]) == ("stopped", None)


def test_the_second_sees_the_first(api):
    first = api.act().json()
    answer = api.act({"type": "reboot"})
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("busy", "Powering off is under way.")
    assert error["action"]["id"] == first["id"]


def test_not_in_this_state(api, server):
    answer = api.act({"type": "start"})
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "wrong_state", "message": "It is running.", "fields": {},
    }  # fmt: skip
    Server.objects.filter(pk=server.pk).update(lock="backup")
    answer = api.act({"type": "stop"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "locked")


@pytest.mark.parametrize(
    "body", [{}, {"type": "explode"}, {"type": ["stop"]}, {"type": None}, {"type": "delete"}, []]
)
def test_bad_input(api, server, body, committed):
    answer = api.post(f"/api/v1/servers/{server.pk}/actions/", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"
    assert not Action.objects.exists()


class TestIdempotencyKey:
    def test_the_same_again_is_answered_as_before(self, api, worker):
        first = api.act(**KEY)
        worker.run(20)
        second = api.act(**KEY)
        assert (second.status_code, second.json()) == (202, first.json())
        assert Action.objects.count() == 1

    def test_another_body_is_refused(self, api):
        api.act(**KEY)
        answer = api.act({"type": "reset"}, **KEY)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "key_reused")

    def test_what_was_refused_may_be_tried_again(self, api, worker, server):
        Server.objects.filter(pk=server.pk).update(lock="backup")
        assert api.act(**KEY).status_code == 422
        Server.objects.filter(pk=server.pk).update(lock="")
        assert api.act(**KEY).status_code == 202

    def test_it_is_each_persons_own(self, api, api_of, staff, server, worker, committed):
        first = api.act(**KEY).json()
        worker.run(20)
        path = f"/api/v1/servers/{server.pk}/actions/"
        with committed():
            answer = api_of(staff).post(path, {"type": "start"}, **KEY)
        assert answer.status_code == 202
        assert answer.json()["id"] != first["id"]

    @pytest.mark.parametrize("other", ["Order-1", "ordér-1"])
    def test_keys_that_look_alike_are_two(self, other, api, worker, server):
        first = api.act({"type": "reset"}, **KEY).json()
        worker.run(20)
        again = api.act({"type": "reset"}, HTTP_IDEMPOTENCY_KEY=other)
        assert again.json()["id"] != first["id"]

    def test_it_is_not_endless(self, api):
        assert api.act(HTTP_IDEMPOTENCY_KEY="k" * 129).status_code == 400


class TestHistory:
    @pytest.fixture
    def done(self, api, worker, api_of, staff, server, committed):
        """One action of Alice's that worked, one of the staff's that is under way."""
        api.act({"type": "stop"})
        worker.run(20)
        with committed():
            api_of(staff).post(f"/api/v1/servers/{server.pk}/actions/", {"type": "start"})
        return list(Action.objects.order_by("id"))

    def listed(self, client, path, **query):
        answer = client.get(f"/api/v1/{path}", query)
        assert answer.status_code == 200, answer.content
        return [action["type"] for action in answer.json()["results"]]

    def test_of_one_server(self, api, done, server):
        assert self.listed(api, f"servers/{server.pk}/actions/") == ["start", "stop"]

    def test_who_of_the_staff_it_was_is_not_told(self, api, done):
        body = api.get(f"/api/v1/actions/{done[1].pk}/").json()
        assert (body["by_staff"], body["requested_by"], body["host"]) == (True, None, None)

    def test_nor_who_had_the_server_before(self, api, done, server, bob, api_of, clock):
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        bobs = api_of(bob)
        listed = bobs.get(f"/api/v1/servers/{server.pk}/actions/")
        assert "alice" not in listed.content.decode()
        assert [action["requested_by"] for action in listed.json()["results"]] == [None, None]
        assert self.listed(bobs, "actions/", by="alice") == []
        assert live.action_of(done[0])["requested_by"] is None

    def test_staff_see_where_it_was_done(self, done, api_of, staff, server):
        body = api_of(staff).get(f"/api/v1/actions/{done[0].pk}/").json()
        host = body["host"]
        assert host["cluster"] == "fra1"
        assert host["node"].startswith("pve")
        assert host["upid"].startswith("UPID:")
        assert [step["step"] for step in host["steps"]] == ["stop"]

    @pytest.mark.parametrize(
        ("query", "types"),
        [
            ({}, ["start", "stop"]),
            ({"status": "success"}, ["stop"]),
            ({"type": "start"}, ["start"]),
            ({"by": "alice"}, ["stop"]),
            ({"by": "staff@"}, ["start"]),
            ({"cluster": "fra1"}, ["start", "stop"]),
            ({"cluster": "elsewhere"}, []),
            ({"source": "api"}, ["start", "stop"]),
            ({"since": "2030-01-01T00:00:00Z"}, []),
            ({"until": "2030-01-01T00:00:00Z"}, ["start", "stop"]),
        ],
    )
    def test_staff_filter(self, query, types, done, api_of, staff):
        assert self.listed(api_of(staff), "actions/", **query) == types

    def test_a_customer_cannot_ask_who_of_the_staff_or_which_cluster(self, api, done):
        assert self.listed(api, "actions/", by="staff@") == []
        assert self.listed(api, "actions/", cluster="elsewhere") == ["start", "stop"]

    def test_a_former_owner_is_nobodys_business(self, done, api_of, bob, server, clock):
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        client = api_of(bob)
        body = client.get(f"/api/v1/actions/{done[0].pk}/").json()
        assert (body["requested_by"], body["by_staff"]) == (None, False)
        assert self.listed(client, "actions/", by="alice") == []

    def test_bob_sees_nothing_of_it(self, api_of, bob, done):
        assert self.listed(api_of(bob), "actions/") == []
        assert api_of(bob).get(f"/api/v1/actions/{done[0].pk}/").status_code == 404

    def test_a_constant_number_of_queries(self, done, api_of, staff, django_assert_num_queries):
        client = api_of(staff)
        with django_assert_num_queries(3):
            client.get("/api/v1/actions/", {"page_size": 1})
        with django_assert_num_queries(2):  # the page that holds all of them shows how many
            client.get("/api/v1/actions/", {"page_size": 2})


class TestWhatTheHostSaid:
    """Its address and the panel's tokens are the staff's business."""

    @pytest.fixture
    def refused(self, api, api_of, staff, server, world, worker):
        def run():
            answer = api.act({"type": "stop"})
            worker.run(120)
            path = f"actions/{answer.json()['id']}/"
            page = api.get(f"/api/v1/{path}").json()["error"]["message"]
            return page, api_of(staff).get(f"/api/v1/{path}").json()["host"]["message"]

        return run

    def test_it_does_not_answer(self, refused, world, browser_of, alice, staff, server):
        world.dark()
        to_customer, to_staff = refused()
        assert to_customer == ""
        assert "pve.example.com" in to_staff
        for person, is_told in ((alice, False), (staff, True)):
            page = browser_of(person).get(f"/servers/{server.pk}/").content.decode()
            assert ("pve.example.com" in page) == is_told

    def test_it_denies(self, refused, world, server):
        world.fail_next("POST", "status/stop", status=401, reason="invalid token panel@pve!act")
        to_customer, to_staff = refused()
        assert "panel@pve" not in to_customer
        assert "panel@pve" in to_staff

    def test_its_words_about_the_server_are_told(self, refused, world):
        world.fail_task("qmstop", "bridge 'vmbr9' does not exist")
        assert refused()[0] == "bridge 'vmbr9' does not exist"
