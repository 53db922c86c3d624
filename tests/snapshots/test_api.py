"""servers/{id}/snapshots/, snapshots/{id}/, schedules: over the API, as its contract says."""

import time

import pytest

from servers.models import Server
from snapshots.models import Snapshot, SnapshotSchedule
from tests.conftest import PASSWORDS, Clock

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}


@pytest.fixture
def clock():
    """The API goes by the real time, so the worker begins with it."""
    return Clock(time.time())


@pytest.fixture
def call(api_of, alice, server, committed):
    client = api_of(alice)

    def run(method, path, body=None, **headers):
        with committed():
            return getattr(client, method)(f"/api/v1/{path}", body, **headers)

    return run


@pytest.fixture
def base(server):
    return f"servers/{server.pk}"


def test_from_taking_to_deleting(call, base, worker, guest, server):
    answer = call("post", f"{base}/snapshots/", {"title": "Перед обновлением", "memory": True})
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["type"], body["status"]) == ("snapshot.create", "pending")
    assert (body["snapshot"]["title"], body["snapshot"]["taken_at"]) == ("Перед обновлением", None)
    worker.run(20)
    (one,) = call("get", f"{base}/snapshots/").json()["results"]
    assert one["taken_at"]
    assert (one["with_memory"], one["origin"], one["is_present"]) == (True, "person", True)
    rolled = call("post", f"snapshots/{one['id']}/rollback/", {"confirm": server.name})
    assert rolled.status_code == 202
    worker.run(20)
    ended = call("get", f"actions/{rolled.json()['id']}/").json()
    assert ended["summary"] == "Rolled back to “Перед обновлением”."
    deleted = call("delete", f"snapshots/{one['id']}/")
    assert deleted.status_code == 202
    worker.run(20)
    assert guest.snapshots == {}
    assert call("get", f"snapshots/{one['id']}/").status_code == 404


def test_the_same_key_takes_one(call, base, worker):
    first = call("post", f"{base}/snapshots/", {"title": "Once"}, **KEY)
    worker.run(20)
    second = call("post", f"{base}/snapshots/", {"title": "Once"}, **KEY)
    assert first.json() == second.json()
    assert Snapshot.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 65}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"title": "x", "description": "x" * 1001}, "description"),
        ({"title": "x", "memory": "perhaps"}, "memory"),
        ({"title": ["x"]}, "title"),
    ],
)
def test_bad_input(body, field, call, base):
    answer = call("post", f"{base}/snapshots/", body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]
    assert not Snapshot.objects.exists()


def test_at_the_limit(call, base, worker, settings):
    settings.SNAPSHOTS_PER_SERVER = 1
    call("post", f"{base}/snapshots/", {"title": "One"})
    worker.run(20)
    answer = call("post", f"{base}/snapshots/", {"title": "Two"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "limit")
    abilities = call("get", f"{base}/snapshot-abilities/").json()
    assert (abilities["count"], abilities["limit"]) == (1, 1)
    assert abilities["delete_first"] == Snapshot.objects.get().pk
    assert "Delete “One” first" in abilities["refused"]


def test_what_can_be_done(call, base, looked, guest):
    assert call("get", f"{base}/snapshot-abilities/").json()["can_take"] is None
    guest.storage = "thick"
    looked()
    abilities = call("get", f"{base}/snapshot-abilities/").json()
    assert abilities["can_take"] is False
    assert "scsi0" in abilities["refused"]


def test_a_snapshot_before_a_restart(call, base, worker, guest):
    answer = call("post", f"{base}/actions/", {"type": "reboot", "snapshot_first": True})
    assert answer.json()["summary"] == "Taking a snapshot first…"
    worker.run(60)
    assert call("get", f"actions/{answer.json()['id']}/").json()["status"] == "success"
    assert len(guest.snapshots) == 1


def test_a_snapshot_before_a_password(call, base, worker, guest, alice):
    own = PASSWORDS[alice.email]
    answer = call("post", f"{base}/password/", {"current_password": own, "snapshot_first": True})
    assert answer.status_code == 202
    worker.run(60)
    assert list(guest.passwords.values()) == [answer.json()["password"]]
    assert len(guest.snapshots) == 1


class TestSchedules:
    def test_set_and_removed(self, call, base):
        body = {"hour": 3, "minute": 30, "time_zone": "Europe/Moscow", "keep": 4}
        answer = call("put", f"{base}/snapshot-schedules/daily/", body)
        assert answer.status_code == 200, answer.content
        assert {key: answer.json()[key] for key in body} == body
        assert answer.json()["next_run_at"].endswith("00:30:00Z")
        assert [each["kind"] for each in call("get", f"{base}/snapshot-schedules/").json()] == [
            "daily"
        ]
        off = call("put", f"{base}/snapshot-schedules/daily/", {"enabled": False}).json()
        assert (off["next_run_at"], off["keep"]) == (None, 4)
        assert call("delete", f"{base}/snapshot-schedules/daily/").status_code == 204
        assert not SnapshotSchedule.objects.exists()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"hour": 24}, "hour"),
            ({"minute": -1}, "minute"),
            ({"weekday": 7}, "weekday"),
            ({"keep": 0}, "keep"),
            ({"keep": 100}, "keep"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"time_zone": "../../etc/passwd"}, "time_zone"),
            ({"enabled": "perhaps"}, "enabled"),
        ],
    )
    def test_bad_input(self, body, field, call, base):
        answer = call("put", f"{base}/snapshot-schedules/weekly/", body)
        assert answer.status_code == 400
        assert field in answer.json()["error"]["fields"]

    @pytest.mark.parametrize("kind", ["monthly", "x", "DAILY"])
    def test_kinds_that_are_none(self, kind, call, base):
        assert call("put", f"{base}/snapshot-schedules/{kind}/", {}).status_code == 404


def test_a_constant_number_of_queries(call, base, server, clock, django_assert_num_queries):
    for n in range(3):
        Snapshot.objects.create(server=server, name=f"s{n}", title=f"S{n}", taken_at=clock())
    call("get", f"{base}/snapshots/")
    with django_assert_num_queries(4):
        call("get", f"{base}/snapshots/")
    Snapshot.objects.filter(name="s0").delete()
    with django_assert_num_queries(4):
        call("get", f"{base}/snapshots/")


def test_a_gone_servers_snapshots_are_shown_to_nobody(call, server, take, api_of, staff):
    snapshot, _ = take()
    Server.objects.filter(pk=server.pk).update(present=None, status="gone")
    assert call("get", f"snapshots/{snapshot.pk}/").status_code == 404
    assert api_of(staff).get(f"/api/v1/snapshots/{snapshot.pk}/").status_code == 404
