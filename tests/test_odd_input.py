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
    "/?label=%00",
    f"/?label={LONG}",
    *(f"/servers/{HUGE}/{part}/" for part in ("controls", "history", "password", "settings")),
    *(f"/servers/{HUGE}/snapshots/{part}" for part in ("", "pieces/", "new/", "schedules/")),
    *(f"/servers/{{id}}/snapshots/{HUGE}/{part}/" for part in ("rollback", "delete")),
    "/servers/{id}/snapshots/schedules/%00/",
    "/admin/snapshots/snapshot/?q=%00",
    "/admin/snapshots/snapshot/?age=%00",
    "/servers/{id}/actions/?type=%00",
    f"/servers/{{id}}/actions/?type={LONG}",
    f"/servers/{{id}}/history/?page={HUGE}",
    "/admin/servers/action/?q=%00",
    "/admin/servers/action/?staff=%00",
    f"/admin/servers/action/{HUGE}/change/",
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
    *(
        f"/api/v1/servers/{{id}}/metrics/?{name}={year}-01-01T00:00:00{zone}"
        for name in ("start", "end")
        for year in ("0001", "1969", "1970", "9999")
        for zone in ("Z", "%2B14:00", "-14:00")
    ),
    *(
        f"/api/v1/actions/?{name}={year}T00:00:00{zone}"
        for name in ("since", "until")
        for year in ("0001-01-01", "1969-12-31", "9999-12-31")
        for zone in ("Z", "%2B14:00", "-14:00")
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
    {"email": [[[[]]]], "password": {"a": {"b": {}}}, "refresh": [{}]},
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


@pytest.mark.parametrize("path", ["token/", "token/refresh/", "logout/"])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 100_000, "application/json", 400),
        (b'{"a": ' + b"9" * 10_000 + b"}", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "application/json; charset=zlib", 400),
        (b"{}", "application/json; charset=none", 400),
        (b'"' + b"x" * 1024 * 1024 + b'"', "application/json", 413),
        (b"x" * 40_000_000, "application/json", 413),
        (b"email=" + b"x" * 40_000_000, "application/x-www-form-urlencoded", 415),
    ],
    ids=["lists", "objects", "digits", "no text", "no charset", "odd charset", "large", "huge",
         "a huge form"],
)  # fmt: skip
def test_raw_bodies(path, body, content_type, status, api_of):
    api = api_of()
    api.raise_request_exception = False
    answer = api.generic("POST", f"/api/v1/auth/{path}", body, content_type)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


@pytest.mark.parametrize(
    ("method", "path", "field"),
    [
        ("patch", "", "name"),
        ("delete", "", "confirm"),
        ("post", "actions/", "type"),
        ("post", "console/", "kind"),
        ("post", "password/", "way"),
    ],
)
def test_half_a_character_is_no_text(method, path, field, api_of, alice, server):
    api = api_of(alice)
    api.raise_request_exception = False
    body = f'{{"{field}": "\\ud800", "current_password": "x"}}'
    address = f"/api/v1/servers/{server.pk}/{path}"
    answer = api.generic(method, address, body, "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_two_halves_are_one(api_of, alice, server):
    address = f"/api/v1/servers/{server.pk}/"
    body = '{"notes": "\\ud83d\\ude00"}'
    answer = api_of(alice).generic("patch", address, body, "application/json")
    assert answer.json()["notes"] == "\N{GRINNING FACE}"


@pytest.mark.parametrize("value", ["\x00", LONG, "é" * 300])
def test_the_sign_in_form(value, client):
    answer = client.post("/sign-in/", {"username": value, "password": value, "next": value})
    assert answer.status_code == 200


FORMS = [
    ("actions", {"type": "start", "key": LONG}),
    ("actions", {"type": "start", "key": "\x00"}),
    ("actions", {"type": "\x00"}),
    ("settings", {"name": "\x00", "labels": "\x00=\x00", "notes": LONG * 10}),
    ("settings", {"name": LONG, "labels": LONG}),
    ("delete", {"confirm": "\x00", "key": LONG}),
    ("password", {"username": "\x00", "way": "\x00", "kind": "\x00", "current_password": LONG}),
    ("snapshots/new", {"title": "\x00", "description": LONG, "key": LONG}),
    ("snapshots/new", {"title": LONG, "memory": "\x00"}),
    ("snapshots/new", {"title": "\u202e\u2066"}),
    ("snapshots/schedules/daily", {"at": "99:99", "time_zone": LONG, "keep": "9" * 30}),
    ("snapshots/schedules/daily", {"at": "\x00", "time_zone": "\x00", "keep": "\x00"}),
    ("snapshots/schedules/weekly", {"at": "03:00", "time_zone": "../UTC", "keep": "1"}),
    ("snapshots/schedules/weekly", {"weekday": "9", "at": "3", "time_zone": "utc", "keep": "-1"}),
    ("snapshots/schedules/hourly", {"minute": "-1", "time_zone": "UTC", "keep": "1e3"}),
    ("password", {"username": LONG, "way": "agent", "kind": "chosen", "password": "\x00" * 20}),
]


@pytest.mark.parametrize(("part", "form"), FORMS)
def test_forms(part, form, browser_of, staff, server):
    browser = browser_of(staff)
    browser.raise_request_exception = False
    assert browser.post(f"/servers/{server.pk}/{part}/", form).status_code < 500
