"""notification-channels/ and notifications/: what is told once, and what never is."""

import json
import time
from datetime import timedelta

import pytest

from accounts.models import AuditEntry, IdempotentReply
from alerts import destinations
from alerts.models import DeliveryAttempt, Notification, NotificationChannel
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}
HOOK = {"kind": "webhook", "name": "Pager", "target": "https://hooks.example.com/x?key=s3cr3t"}
BOT = {"kind": "telegram", "target": "-100200300", "secret": "123456789:" + "A" * 35}


@pytest.fixture
def clock():
    return Clock(time.time())


@pytest.fixture
def call(api_of, alice, committed):
    client = api_of(alice)

    def run(method, path, body=None, **headers):
        with committed():
            return getattr(client, method)(f"/api/v1/{path}", body, **headers)

    return run


@pytest.fixture
def hook(call):
    answer = call("post", "notification-channels/", HOOK)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_ones_own_address_is_there_from_the_beginning(call, alice):
    [one] = call("get", "notification-channels/").json()["results"]
    assert (one["kind"], one["target"], one["own_address"]) == ("mail", alice.email, True)


def test_from_adding_to_removing(call, hook):
    one = f"notification-channels/{hook['id']}/"
    assert call("get", one).json()["name"] == "Pager"
    changed = call("patch", one, {"name": "Phone", "enabled": False}).json()
    assert (changed["name"], changed["enabled"]) == ("Phone", False)
    assert call("patch", one, {"enabled": True}).json()["enabled"]
    assert call("delete", one).status_code == 204
    assert call("get", one).status_code == 404


def test_a_key_is_told_once(call, hook):
    assert len(hook["secret"]) > 30
    one = f"notification-channels/{hook['id']}/"
    for answer in (
        call("get", one), call("get", "notification-channels/"), call("patch", one, {"name": "x"})
    ):  # fmt: skip
        assert hook["secret"] not in answer.content.decode()


def test_a_repeated_request_does_not_tell_it_again(call):
    first = call("post", "notification-channels/", HOOK, **KEY)
    second = call("post", "notification-channels/", HOOK, **KEY)
    assert first.json()["secret"]
    assert second.json()["secret"] is None
    assert second.json()["id"] == first.json()["id"]
    kept = json.dumps(list(IdempotentReply.objects.values_list("body", flat=True)))
    assert first.json()["secret"] not in kept


def test_replies_with_a_key_are_not_cached(call, hook):
    answer = call("post", f"notification-channels/{hook['id']}/secret/")
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["secret"] not in ("", None, hook["secret"])
    made = NotificationChannel.objects.get(pk=hook["id"])
    assert destinations.secret_of(made) == answer.json()["secret"]


def test_a_bots_token_is_never_told(call):
    answer = call("post", "notification-channels/", BOT)
    assert answer.status_code == 201, answer.content
    assert answer.json()["secret"] is None
    token = BOT["secret"].partition(":")[2]
    assert token not in answer.content.decode()
    assert token not in call("get", "notification-channels/").content.decode()
    logged = json.dumps(list(AuditEntry.objects.values_list("details", flat=True)))
    assert token not in logged


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**HOOK, "kind": "pigeon"}, "kind"),
        ({**HOOK, "target": "not a url"}, "target"),
        ({**HOOK, "target": "https://127.0.0.1/"}, "target"),
        ({**HOOK, "name": "x" * 65}, "name"),
        ({"kind": "webhook"}, "target"),
        ({**BOT, "secret": "nonsense"}, "secret"),
    ],
)
def test_bad_input(body, field, call):
    answer = call("post", "notification-channels/", body)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["error"]["fields"]) == [field]


def test_ones_own_address_cannot_be_removed(call):
    [one] = call("get", "notification-channels/").json()["results"]
    assert call("delete", f"notification-channels/{one['id']}/").status_code == 400


def test_those_of_others_are_like_none(call, hook, api_of, bob, staff):
    for person in (bob, staff):
        other = api_of(person)
        base = f"/api/v1/notification-channels/{hook['id']}/"
        assert other.get(base).status_code == 404
        assert other.patch(base, {"target": "https://evil.example.com/"}).status_code == 404
        assert other.delete(base).status_code == 404
        for what in ("test", "secret", "confirmation"):
            assert other.post(f"{base}{what}/").status_code == 404
    assert NotificationChannel.objects.filter(pk=hook["id"]).exists()


class TestTrying:
    def test_its_answer_is_asked_for(self, call, hook, clock, alice):
        answer = call("post", f"notification-channels/{hook['id']}/test/")
        assert answer.status_code == 202
        one = answer.json()
        assert (one["kind"], one["status"]) == ("test", "pending")
        Notification.objects.filter(pk=one["id"]).update(status="sent", answer="HTTP 200: ok")
        DeliveryAttempt.objects.create(
            notification_id=one["id"], began_at=clock(), ended_at=clock(), outcome="sent",
            answer="HTTP 200: ok",
        )  # fmt: skip
        told = call("get", f"notifications/{one['id']}/").json()
        assert (told["status"], told["answer"]) == ("sent", "HTTP 200: ok")
        assert [attempt["outcome"] for attempt in told["log"]] == ["sent"]
        assert told["alerts"] == []

    def test_the_same_key_sends_one(self, call, hook):
        path = f"notification-channels/{hook['id']}/test/"
        assert call("post", path, **KEY).json() == call("post", path, **KEY).json()
        assert Notification.objects.filter(kind="test").count() == 1

    def test_too_many(self, call, hook):
        path = f"notification-channels/{hook['id']}/test/"
        codes = [call("post", path).status_code for _ in range(destinations.TESTS_A_MINUTE + 1)]
        assert codes == [202] * destinations.TESTS_A_MINUTE + [429]

    def test_an_address_is_confirmed_first(self, call):
        made = call(
            "post", "notification-channels/", {"kind": "mail", "target": "ops@example.com"}
        ).json()
        base = f"notification-channels/{made['id']}"
        assert made["confirmed_at"] is None
        assert call("post", f"{base}/test/").status_code == 400
        assert call("post", f"{base}/confirmation/").status_code == 202

    def test_what_is_confirmed_needs_no_other(self, call, hook):
        path = f"notification-channels/{hook['id']}/confirmation/"
        assert call("post", path).status_code == 400


class TestNotifications:
    @pytest.fixture
    def told(self, alice, bob, clock):
        def make(person, **fields):
            return Notification.objects.create(
                recipient=person, subject="x", body="y", address=person.email,
                created_at=clock(), **fields,
            )  # fmt: skip

        return make

    def test_ones_own_alone(self, call, told, alice, bob):
        mine, theirs = told(alice), told(bob)
        assert [each["id"] for each in call("get", "notifications/").json()["results"]] == [
            mine.pk
        ]
        assert call("get", f"notifications/{theirs.pk}/").status_code == 404

    def test_the_latest_first(self, call, told, alice, clock):
        first = told(alice)
        Notification.objects.filter(pk=first.pk).update(created_at=clock() - timedelta(hours=1))
        second = told(alice)
        ids = [each["id"] for each in call("get", "notifications/").json()["results"]]
        assert ids == [second.pk, first.pk]

    def test_filters(self, call, told, alice):
        told(alice)
        fired = told(alice, kind="fired", status="given_up")
        for query in ("kind=fired", "status=given_up"):
            found = call("get", f"notifications/?{query}").json()["results"]
            assert [each["id"] for each in found] == [fired.pk]
        assert call("get", "notifications/?kind=x").status_code == 400

    def test_as_many_queries_for_one_as_for_many(
        self, call, told, alice, django_assert_max_num_queries
    ):
        for _ in range(10):
            told(alice)
        with django_assert_max_num_queries(6):
            call("get", "notifications/")
