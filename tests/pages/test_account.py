"""The account: who one is, how the pages look, the password, where one is signed in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import ApiSession, AuditEntry, User

ABOUT = {"first_name": "", "last_name": "", "language": "en", "time_zone": "UTC", "theme": ""}
PASSWORD = {"current_password": "demo", "new_password": "a-much-better-one"}


@pytest.fixture
def alice_in(client, alice):
    alice.set_password("demo")
    alice.save()
    client.force_login(alice)
    return client


def test_it_shows_what_there_is(alice_in, alice):
    page = alice_in.get("/account/").content.decode()
    assert alice.email in page
    assert 'name="language"' in page
    assert 'name="time_zone"' in page
    assert reverse("alert-preferences") in page


def test_what_is_chosen_is_kept(alice_in, alice):
    wish = {**ABOUT, "first_name": "Ann", "time_zone": "Europe/Berlin", "theme": "dark"}
    assert alice_in.post("/account/", wish).status_code == 303
    alice.refresh_from_db()
    assert (alice.first_name, alice.time_zone, alice.theme) == ("Ann", "Europe/Berlin", "dark")
    entry = AuditEntry.objects.get(event="account.changed")
    assert entry.details == {"time_zone": "Europe/Berlin", "theme": "dark"}
    assert (entry.actor, entry.object_id) == (alice, alice.pk)
    page = alice_in.get("/").content.decode()
    assert 'data-theme="dark"' in page.partition(">")[2].partition(">")[0]


def test_the_same_again_is_no_change(alice_in):
    alice_in.post("/account/", ABOUT)
    AuditEntry.objects.all().delete()
    assert alice_in.post("/account/", ABOUT).status_code == 303
    assert not AuditEntry.objects.filter(event="account.changed").exists()


def test_quiet_hours_follow_the_clock(alice_in, alice, make_server, make_alert):
    later = datetime.now(UTC) + timedelta(days=9)
    alert = make_alert(make_server(alice), tell_at=later)
    alice_in.post("/account/", {**ABOUT, "first_name": "Ann"})
    alert.refresh_from_db()
    assert alert.tell_at == later
    alice_in.post("/account/", {**ABOUT, "time_zone": "Asia/Tokyo"})
    alert.refresh_from_db()
    assert alert.tell_at < later


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language", "de"),
        ("time_zone", "Mars/Base"),
        ("time_zone", "Factory"),
        ("time_zone", "localtime"),
        ("time_zone", ""),
        ("theme", "pink"),
        ("first_name", "x" * 151),
    ],
)
def test_what_there_is_not_is_refused_and_nothing_lost(alice_in, alice, field, value):
    reply = alice_in.post("/account/", {**ABOUT, "last_name": "Kept", field: value})
    assert reply.status_code == 400
    assert reply.context["profile_form"].errors.keys() == {field}
    assert 'value="Kept"' in reply.content.decode()
    alice.refresh_from_db()
    assert (alice.last_name, alice.language) == ("", "en")


# The theme, from the menu


def test_the_menus_switch_is_kept(alice_in, alice):
    reply = alice_in.post(
        "/account/theme/", {"theme": "light"}, headers={"X-Requested-With": "fetch"}
    )
    assert reply.status_code == 204
    alice.refresh_from_db()
    assert alice.theme == "light"
    reply = alice_in.post("/account/theme/", {"theme": "system", "back": "/alerts/"})
    assert (reply.status_code, reply["Location"]) == (303, "/alerts/")
    alice.refresh_from_db()
    assert alice.theme == ""


def test_it_leads_to_no_other_site(alice_in):
    reply = alice_in.post("/account/theme/", {"theme": "dark", "back": "//evil.example/"})
    assert reply["Location"] == "/account/"


def test_a_theme_there_is_not(alice_in):
    assert alice_in.post("/account/theme/", {"theme": "pink"}).status_code == 400


# The password


def test_another_password_ends_what_is_signed_in_elsewhere(alice_in, alice, browser_of):
    elsewhere = browser_of(alice)
    assert alice_in.post("/account/password/", PASSWORD).status_code == 303
    alice.refresh_from_db()
    assert alice.check_password("a-much-better-one")
    assert alice_in.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    assert AuditEntry.objects.get(event="account.password_changed").details == {}


@pytest.mark.parametrize(
    ("wish", "status", "field"),
    [
        ({"current_password": "wrong"}, 403, "current_password"),
        ({"new_password": "short"}, 400, "new_password"),
        ({"new_password": "1234567890"}, 400, "new_password"),
        ({"new_password": ""}, 400, "new_password"),
    ],
)
def test_a_password_that_is_not_taken(alice_in, alice, wish, status, field):
    reply = alice_in.post("/account/password/", {**PASSWORD, **wish})
    assert reply.status_code == status
    assert field in reply.context["password_form"].errors
    assert "a-much-better-one" not in reply.content.decode()
    alice.refresh_from_db()
    assert alice.check_password("demo")


def test_guessing_the_present_password_closes_the_door(alice_in):
    wish = {**PASSWORD, "current_password": "wrong"}
    for _ in range(10):
        reply = alice_in.post("/account/password/", wish)
    assert reply.status_code == 429


# Signed in over the API


@pytest.fixture
def make_session():
    def make(user, **fields):
        now = datetime.now(UTC) - timedelta(hours=1)
        times = {"started_at": now, "renewed_at": now}
        return ApiSession.objects.create(user=user, address="192.0.2.9", **times, **fields)

    return make


def test_a_program_is_signed_out(alice_in, alice, make_session):
    session = make_session(alice)
    assert "192.0.2.9" in alice_in.get("/account/").content.decode()
    assert alice_in.post(f"/account/sessions/{session.pk}/end/").status_code == 303
    session.refresh_from_db()
    assert session.ended_at is not None
    assert "192.0.2.9" not in alice_in.get("/account/").content.decode()
    assert AuditEntry.objects.filter(event="account.api_session_ended").count() == 1
    assert alice_in.post(f"/account/sessions/{session.pk}/end/").status_code == 303
    assert AuditEntry.objects.filter(event="account.api_session_ended").count() == 1


def test_nobody_elses(alice_in, bob, make_session):
    session = make_session(bob)
    assert alice_in.post(f"/account/sessions/{session.pk}/end/").status_code == 404
    session.refresh_from_db()
    assert session.ended_at is None


def test_people_without_a_theme_get_the_systems(client, alice):
    client.force_login(alice)
    assert "data-theme=" not in client.get("/").content.decode().partition("<head")[0]
    User.objects.filter(pk=alice.pk).update(theme="dark")
    assert 'data-theme="dark"' in client.get("/").content.decode().partition("<head")[0]
