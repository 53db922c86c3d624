"""DELETE servers/{id}/: confirmed by name, never by mistake, and for good."""

import pytest

from servers.models import Action, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def delete(api_of, alice, server, committed):
    client = api_of(alice)

    def run(body=None, who=None):
        with committed():
            return (who or client).delete(
                f"/api/v1/servers/{server.pk}/",
                {"confirm": server.name, "stop_first": True} if body is None else body,
            )

    run.client = client
    return run


@pytest.fixture
def unprotected(server):
    Server.objects.filter(pk=server.pk).update(protected=False)


def test_it_is_stopped_and_deleted(
    delete, unprotected, server, world, worker, verbs, staff, api_of
):
    answer = delete()
    assert answer.status_code == 202
    assert answer.json()["summary"] == "Powering off, to delete it…"
    worker.run(30)
    assert server.vmid not in world.guests
    assert verbs() == [("POST", "stop"), ("DELETE", str(server.vmid))]
    server.refresh_from_db()
    assert (server.status, server.present) == ("gone", None)
    # Its owner sees how the deletion ended, and the server no more; staff keep the history.
    ended = delete.client.get(f"/api/v1/actions/{answer.json()['id']}/").json()
    assert (ended["status"], ended["summary"]) == ("success", "Deleted, with its disks.")
    assert delete.client.get(f"/api/v1/servers/{server.pk}/").status_code == 404
    kept = api_of(staff).get(f"/api/v1/servers/{server.pk}/actions/").json()
    assert [step["step"] for step in kept["results"][0]["host"]["steps"]] == ["stop", "destroy"]


def test_the_same_again_when_it_is_gone(
    delete, unprotected, server, worker, committed, bob, api_of
):
    path, body = f"/api/v1/servers/{server.pk}/", {"confirm": server.name, "stop_first": True}
    again = {"HTTP_IDEMPOTENCY_KEY": "once"}
    with committed():
        first = delete.client.delete(path, body, **again)
    worker.run(30)
    assert delete.client.delete(path, body, **again).json() == first.json()
    assert delete.client.delete(path, {**body, "confirm": "x"}, **again).status_code == 422
    assert delete.client.delete(path, body, HTTP_IDEMPOTENCY_KEY="other").status_code == 404
    assert delete.client.delete(path, body).status_code == 404
    assert api_of(bob).delete(path, body, **again).status_code == 404


def test_a_stopped_one(delete, unprotected, server, world, worker, verbs):
    world.set_power(server.vmid, "stopped")
    Server.objects.filter(pk=server.pk).update(status="stopped")
    assert delete({"confirm": server.name}).status_code == 202
    worker.run(30)
    assert server.vmid not in world.guests
    assert [method for method, _ in verbs()] == ["DELETE"]


def test_purged_from_everything(delete, unprotected, worker, wire):
    delete()
    worker.run(30)
    (request,) = [request for request in wire.requests if request.method == "DELETE"]
    assert request.params == {"purge": "1"}


def test_protection(delete, server):
    answer = delete()
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "protected")


def test_protection_that_came_in_between(delete, unprotected, server, worker, world, now_of):
    answer = delete()
    Server.objects.filter(pk=server.pk).update(protected=True)
    worker.run(30)
    assert Action.objects.get(pk=answer.json()["id"]).error_code == "protected"
    assert server.vmid in world.guests


def test_proxmoxs_own_protection(delete, unprotected, server, worker, guest, world):
    guest.protection = True
    answer = delete()
    worker.run(30)
    assert Action.objects.get(pk=answer.json()["id"]).error_code == "protected"
    assert guest.power == "running"
    # From now on it is known before.
    again = delete()
    assert (again.status_code, again.json()["error"]["code"]) == (422, "protected_in_proxmox")


@pytest.mark.parametrize("name", ["", "web", "WEB1", "another"])
def test_another_name(name, delete, unprotected):
    answer = delete({"confirm": name, "stop_first": True})
    assert answer.status_code == 400
    assert "confirm" in answer.json()["error"]["fields"]
    assert not Action.objects.exists()


def test_a_running_one_is_not_stopped_unasked(delete, unprotected, server):
    answer = delete({"confirm": server.name})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_state")


def test_customers_may_be_forbidden_to(delete, unprotected, settings, api_of, staff):
    settings.CUSTOMERS_MAY_DELETE = False
    answer = delete()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert delete(who=api_of(staff)).status_code == 202


def test_another_guest_under_its_vmid_lives(delete, unprotected, server, world, worker):
    other = world.reuse_vmid(server.vmid)
    answer = delete()
    worker.run(60)
    assert Action.objects.get(pk=answer.json()["id"]).error_code == "other_guest"
    assert world.guests[server.vmid] is other


def test_without_the_right_to(delete, unprotected, server, world, worker, guest):
    world.set_power(server.vmid, "stopped")
    reason = f"Permission check failed (/vms/{server.vmid}, VM.Allocate)"
    world.fail_next("DELETE", f"/qemu/{server.vmid}", status=403, reason=reason)
    answer = delete()
    worker.run(30)
    action = Action.objects.get(pk=answer.json()["id"])
    assert (action.status, action.error_code) == ("failed", "denied")
