"""Odd input gets an answer, never a 500. Each also as staff, who see most."""

import pytest

pytestmark = pytest.mark.django_db

HUGE = "9" * 30
LONG = "x" * 5000
ADDRESSES = [
    "/?q=%00",
    f"/?q={LONG}",
    f"/?page={HUGE}",
    "/?page=x",
    "/?status=%00",
    "/?sort=%00&order=x",
    "/servers/{id}/?range=%00",
    "/servers/{id}/?range=9h",
    f"/servers/{HUGE}/",
    "/sign-in/?next=%00",
    "/api/v1/servers/?name=%00",
    f"/api/v1/servers/?name={LONG}",
    f"/api/v1/servers/?page={HUGE}",
    "/api/v1/servers/?page_size=%00",
    "/api/v1/servers/?status=%00",
    "/api/v1/servers/?ordering=%00",
    *(f"/api/v1/servers/?id={odd}" for odd in (HUGE, "%00", "-1", "1.5", "NaN", "1e400", ",,")),
    f"/api/v1/servers/{HUGE}/",
    f"/api/v1/servers/{HUGE}/metrics/",
    *(
        f"/api/v1/servers/{{id}}/metrics/?{odd}"
        for odd in ("start=%00", f"step={HUGE}", "start=0001-01-01", f"end={HUGE}", "step=1e9")
    ),
    "/admin/servers/server/?q=%00",
    "/admin/servers/server/?status__exact=%00",
    f"/admin/servers/server/{HUGE}/change/",
    "/admin/servers/server/%00/change/",
]
BODIES = [
    {"email": "a\x00@example.com", "password": "x", "refresh": "\x00"},
    {"email": "a@example.com", "password": "x\x00", "refresh": "é.é.é"},
    {"email": {"a": 1}, "password": [], "refresh": {}},
    [],
    "text",
    5,
    None,
]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: a[:50])
def test_addresses(address, browser_of, staff, server):
    browser = browser_of(staff)
    browser.raise_request_exception = False
    assert browser.get(address.replace("{id}", str(server.pk))).status_code < 500


@pytest.mark.parametrize("path", ["token/", "token/refresh/", "logout/"])
@pytest.mark.parametrize("body", BODIES, ids=repr)
def test_bodies(path, body, api_of):
    api = api_of()
    api.raise_request_exception = False
    answer = api.post(f"/api/v1/auth/{path}", body)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


@pytest.mark.parametrize("value", ["\x00", LONG, "é" * 300])
def test_the_sign_in_form(value, client):
    answer = client.post("/sign-in/", {"username": value, "password": value, "next": value})
    assert answer.status_code == 200
