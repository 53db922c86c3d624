"""One of the staff in a customer's place: who may, what is recorded, how it ends."""

from datetime import UTC, datetime

import pytest

from accounts import roles
from accounts.audit import Actor
from accounts.models import AuditEntry, Source, User
from alerts import destinations
from alerts.models import NotificationChannel
from servers import facts
from servers.models import Action, ListView
from servers.proxmox.types import GuestConfig


@pytest.fixture
def operator(db):
    return User.objects.create_user("operator@example.com", "demo", role=roles.OPERATOR)


@pytest.fixture
def desk(client, operator):
    client.force_login(operator)
    return client


def begin(browser, person):
    return browser.post("/acting/begin/", {"user_pk": person.pk})


def in_the_place_of(browser):
    return browser.get("/account/").wsgi_request.user.email


def test_the_customers_pages_by_the_staffs_hand(desk, operator, alice, bob, make_server):
    server, other = make_server(alice, "web"), make_server(bob, "theirs")
    reply = begin(desk, alice)
    assert (reply.status_code, reply["Location"]) == (303, "/")
    page = desk.get("/").content.decode()
    assert "web" in page
    assert "theirs" not in page
    assert f"You, {operator.email}, act on behalf of {alice.email}." in page
    assert desk.get(f"/servers/{server.pk}/").status_code == 200
    assert desk.get(f"/servers/{other.pk}/").status_code == 404
    assert desk.get("/admin/").status_code == 302
    entry = AuditEntry.objects.get(event="acting.began")
    assert (entry.actor, entry.on_behalf_of) == (operator, alice)


def test_what_is_done_bears_both_names(desk, operator, alice, make_server):
    server = make_server(alice, status="stopped")
    begin(desk, alice)
    desk.post(f"/servers/{server.pk}/actions/", {"type": "start"})
    action = Action.objects.get()
    assert (action.requested_by, action.by_staff) == (operator, True)
    entry = AuditEntry.objects.get(event="action.requested")
    assert (entry.actor, entry.on_behalf_of_email) == (operator, alice.email)


def test_it_ends_where_it_began(desk, operator, alice):
    begin(desk, alice)
    reply = desk.post("/acting/end/")
    assert (reply.status_code, reply["Location"]) == (
        303,
        f"/admin/accounts/user/{alice.pk}/change/",
    )
    assert in_the_place_of(desk) == operator.email
    assert AuditEntry.objects.filter(event="acting.ended", on_behalf_of=alice).count() == 1
    assert "act on behalf" not in desk.get("/").content.decode()


def test_the_looks_are_of_who_sits_at_the_browser(desk, operator, alice, make_server):
    for name in ("web", "db"):
        make_server(alice, name)
    User.objects.filter(pk=operator.pk).update(theme="light")
    User.objects.filter(pk=alice.pk).update(theme="dark")
    begin(desk, alice)
    desk.post("/servers/view/", {"layout": "cards", "sort": "cpu"})
    page = desk.get("/").content.decode()
    assert 'data-theme="light"' in page
    assert "data-theme-switch" not in page
    assert 'data-layout="cards"' in page
    assert not ListView.objects.filter(user=alice).exists()
    assert ListView.objects.get(user=operator).sort == "cpu"


def test_signing_out_ends_it_too(desk, operator, alice):
    begin(desk, alice)
    desk.post("/sign-out/")
    entry = AuditEntry.objects.get(event="acting.ended")
    assert (entry.actor, entry.on_behalf_of) == (operator, alice)
    assert desk.get("/").status_code == 302


def test_the_last_sign_in_of_the_customer_stays(desk, alice):
    begin(desk, alice)
    alice.refresh_from_db()
    assert alice.last_login is None


@pytest.mark.parametrize("role", [roles.SUPPORT, ""])
def test_who_may_not(client, alice, bob, role):
    User.objects.filter(pk=bob.pk).update(role=role, **roles.flags(role))
    client.force_login(bob)
    assert begin(client, alice).status_code == 403
    assert in_the_place_of(client) == bob.email


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.OPERATOR, roles.ADMIN])
def test_nobody_gets_the_rights_of_staff_by_it(desk, operator, bob, role):
    User.objects.filter(pk=bob.pk).update(role=role, **roles.flags(role))
    assert begin(desk, bob).status_code == 403
    assert in_the_place_of(desk) == operator.email


@pytest.mark.parametrize("mark", [{"is_superuser": True}, {"role": roles.ADMIN}])
def test_nor_of_whose_marks_are_half_those_of_staff(desk, bob, mark):
    User.objects.filter(pk=bob.pk).update(**mark)
    assert begin(desk, bob).status_code == 403


def test_nor_of_who_is_shut_out(desk, bob):
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert begin(desk, bob).status_code == 403


@pytest.mark.parametrize(
    "odd",
    [{}, {"user_pk": "x"}, {"user_pk": "999999"}, {"user_pk": "9" * 40}, {"user_pk": "9" * 5000}],
)
def test_nobody_there(desk, odd):
    assert desk.post("/acting/begin/", odd).status_code in {400, 403, 404}


def test_customers_do_not_learn_who_there_is(client, alice, bob):
    client.force_login(alice)
    client.raise_request_exception = False
    for number in (bob.pk, "999999"):
        assert client.post("/acting/begin/", {"user_pk": number}).status_code == 403


def test_nor_by_a_link(desk, alice):
    assert desk.get(f"/acting/begin/?user_pk={alice.pk}").status_code in {400, 405}
    assert desk.get("/acting/end/").status_code in {403, 405}


@pytest.mark.parametrize(
    "change",
    [
        {"role": roles.SUPPORT, **roles.flags(roles.SUPPORT)},
        {"role": "", **roles.flags("")},
        {"is_active": False},
    ],
)
def test_it_ends_with_the_right_to_it(desk, operator, alice, change):
    begin(desk, alice)
    User.objects.filter(pk=operator.pk).update(**change)
    assert desk.get("/").status_code == 302
    assert desk.get("/api/v1/servers/").status_code == 401


def test_and_with_the_password_of_the_staff(desk, operator, alice):
    begin(desk, alice)
    assert desk.get("/").status_code == 200
    operator.set_password("another one")
    operator.save()
    assert desk.get("/").status_code == 302
    assert desk.get("/api/v1/servers/").status_code == 401


def test_and_when_the_customer_becomes_staff(desk, alice):
    begin(desk, alice)
    User.objects.filter(pk=alice.pk).update(role=roles.ADMIN, **roles.flags(roles.ADMIN))
    assert desk.get("/admin/").status_code == 302
    assert desk.get("/").status_code == 302


@pytest.mark.parametrize("path", ["", "theme/", "password/"])
def test_the_account_is_the_customers_alone(desk, alice, path):
    begin(desk, alice)
    assert desk.post(f"/account/{path}", {"theme": "dark"}).status_code == 403
    alice.refresh_from_db()
    assert alice.theme == ""


def test_a_root_password_wants_the_staffs_own(desk, alice, make_server):
    alice.set_password("alices")
    alice.save()
    server = make_server(alice)
    facts.note(
        server.pk,
        GuestConfig(identity="x", agent_enabled=True),
        now=datetime.now(UTC),
    )
    begin(desk, alice)
    wish = {"way": "agent", "username": "root", "kind": "generated", "key": "k"}
    path = f"/servers/{server.pk}/password/"
    refused = desk.post(path, {**wish, "current_password": "alices"})
    assert (refused.status_code, Action.objects.count()) == (403, 0)
    assert desk.post(path, {**wish, "current_password": "demo"}).status_code < 400
    assert Action.objects.get().type == "password.reset"


@pytest.mark.parametrize("kind", ["page", "api"])
def test_where_they_are_told_is_the_customers_alone(desk, alice, kind):
    begin(desk, alice)
    wish = {"kind": "webhook", "name": "mine", "target": "https://hooks.example.com/x"}
    if kind == "page":
        reply = desk.post("/alerts/channels/new/webhook/", {**wish, "key": "k"})
        assert "Only the customers themselves" in reply.content.decode()
    else:
        reply = desk.post("/api/v1/notification-channels/", wish, content_type="application/json")
    assert reply.status_code == 403
    assert not NotificationChannel.objects.filter(owner=alice, kind="webhook").exists()


def test_nor_do_staff_see_a_key_of_theirs(desk, alice):
    channel, secret = destinations.add(
        alice, "webhook", name="", target="https://hooks.example.com/x",
        actor=Actor(alice, Source.WEB), now=datetime.now(UTC),
    )  # fmt: skip
    begin(desk, alice)
    path = f"/api/v1/notification-channels/{channel.pk}/"
    assert desk.post(f"{path}secret/", content_type="application/json").status_code == 403
    assert desk.patch(path, {"name": "x"}, content_type="application/json").status_code == 403
    assert desk.post(f"/alerts/channels/{channel.pk}/", {"do": "rotate"}).status_code == 403
    channel.refresh_from_db()
    assert destinations.secret_of(channel) == secret


def test_a_token_speaks_for_its_person_alone(desk, operator, alice, bob, make_server, api_of):
    """Also where it comes along with a session in somebody's place."""
    server = make_server(bob, status="stopped")
    begin(desk, alice)
    token = api_of(bob)._credentials["HTTP_AUTHORIZATION"]
    reply = desk.post(
        f"/api/v1/servers/{server.pk}/actions/",
        {"type": "start"},
        content_type="application/json",
        HTTP_AUTHORIZATION=token,
    )
    assert reply.status_code == 202
    entry = AuditEntry.objects.get(event="action.requested")
    assert (entry.actor, entry.on_behalf_of) == (bob, None)
