"""Who may do what: each route that acts, tried by each role, on a server that is somebody else's."""

from datetime import UTC, datetime

import pytest

from accounts import appointment
from accounts.audit import COMMAND, Actor
from accounts.models import Source, User
from alerts.models import Alert
from servers import actions, ownership
from servers.models import Action
from snapshots.models import Snapshot

ROLES = ("support", "operator", "admin")
YES = frozenset((200, 201, 202, 204, 302, 303))
NO = frozenset((403,))

# What is asked for -> who may, of the roles.
OPERATORS = ("operator", "admin")
ADMINS = ("admin",)
API = {
    ("post", "servers/{pk}/actions/", "type=stop"): OPERATORS,
    ("patch", "servers/{pk}/", "notes=x"): OPERATORS,
    ("delete", "servers/{pk}/", "confirm={name};stop_first=true"): ADMINS,
    ("post", "servers/{pk}/snapshots/", "title=x"): OPERATORS,
    ("delete", "snapshots/{pk}/", ""): OPERATORS,
    ("post", "snapshots/{pk}/rollback/", "confirm={name}"): OPERATORS,
    ("put", "servers/{pk}/snapshot-schedules/daily/", "time_zone=UTC;keep=1"): OPERATORS,
    ("post", "servers/{pk}/console/", "kind=vnc"): OPERATORS,
    ("post", "alerts/{pk}/acknowledge/", ""): OPERATORS,
}
PAGES = {
    ("servers/{pk}/actions/", "type=stop"): OPERATORS,
    ("servers/{pk}/settings/", "name={name};notes=x"): OPERATORS,
    ("servers/{pk}/delete/", "confirm={name};stop_first=on"): ADMINS,
    ("servers/{pk}/snapshots/new/", "title=x"): OPERATORS,
    ("servers/{pk}/snapshots/{pk}/delete/", ""): OPERATORS,
    ("servers/{pk}/snapshots/{pk}/rollback/", "confirm={name}"): OPERATORS,
    ("servers/{pk}/snapshots/schedules/daily/", "at=03:00;time_zone=UTC;keep=1"): OPERATORS,
    ("alerts/{pk}/acknowledge/", ""): OPERATORS,
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def person_of():
    def make(role):
        return User.objects.create_user(f"{role}@example.com", "long enough", role=role)

    return make


@pytest.fixture
def target(server):
    """A server that can be deleted and rolled back; what hangs on it bears its number."""
    ownership.protect(server, False, actor=COMMAND, now=datetime.now(UTC))
    Snapshot.objects.create(
        pk=server.pk, server=server, name="before", title="Before", taken_at=server.status_since
    )
    Alert.objects.create(
        pk=server.pk, server=server, owner=server.owner, metric="cpu", severity="warning",
        condition="greater_than", threshold=0.9, since=server.status_since,
        fired_at=server.status_since,
    )  # fmt: skip
    server.refresh_from_db()
    return server


def filled(text, server):
    return text.format(pk=server.pk, name=server.name)


def body_of(text, server):
    return dict(pair.split("=", 1) for pair in filled(text, server).split(";") if pair)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("wish", API, ids=lambda wish: f"{wish[0]} {wish[1]}")
def test_over_the_api(wish, role, target, browser_of, person_of):
    method, path, body = wish
    client = browser_of(person_of(role))
    answer = getattr(client, method)(
        f"/api/v1/{filled(path, target)}",
        body_of(body, target),
        content_type="application/json",
    )
    assert answer.status_code in (YES if role in API[wish] else NO), answer.content
    if role not in API[wish]:
        assert answer.json()["error"]["code"] == "forbidden"
        assert not Action.objects.filter(server=target).exists()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("wish", PAGES, ids=lambda wish: wish[0])
def test_on_pages(wish, role, target, browser_of, person_of):
    path, body = wish
    client = browser_of(person_of(role))
    answer = client.post(f"/{filled(path, target)}", body_of(body, target))
    may = role in PAGES[wish]
    # What is not allowed leads back to the server's page, which says so, where nothing was typed.
    refused = (403, 303) if path.endswith("/actions/") else NO
    assert answer.status_code in (YES if may else refused), answer.content
    if not may:
        assert not Action.objects.filter(server=target).exists()


@pytest.mark.parametrize("role", ROLES)
def test_everybody_of_the_staff_sees(role, target, browser_of, person_of):
    client = browser_of(person_of(role))
    for path in ("", "history/", "password/", "snapshots/", "snapshots/schedules/", "settings/",
                 "alerts/", "snapshots/new/", "actions/?type=stop"):  # fmt: skip
        assert client.get(f"/servers/{target.pk}/{path}").status_code == 200, path


def test_buttons_say_why_not(target, browser_of, person_of):
    page = browser_of(person_of("support")).get(f"/servers/{target.pk}/").content.decode()
    assert "Your role lets you look at servers of others, but not do this." in page
    assert 'aria-disabled="true"' in page


@pytest.mark.parametrize("role", ROLES)
def test_one_s_own_are_one_s_own(role, target, browser_of, person_of):
    person = person_of(role)
    ownership.assign([target], person, actor=COMMAND, now=datetime.now(UTC))
    answer = browser_of(person).post(
        f"/api/v1/servers/{target.pk}/actions/", {"type": "stop"}, content_type="application/json"
    )
    assert answer.status_code == 202


def test_a_role_that_is_taken_stops_what_waits(target, person_of, clock):
    from servers import dispatch
    from servers.steps import Unfit

    person = person_of("operator")
    action = actions.launch(
        target, "stop", actor=Actor(person, Source.WEB), now=clock(), seconds=60
    )
    found = Action.objects.select_related("server", "requested_by")
    dispatch.check_person(found.get(pk=action.pk))
    appointment.appoint(person, "support", actor=COMMAND, now=clock(), tell=lambda _person: None)
    with pytest.raises(Unfit, match="may not act"):
        dispatch.check_person(found.get(pk=action.pk))


@pytest.mark.parametrize("path", ["/admin/", "/admin/servers/server/"])
def test_who_loses_a_role_loses_the_staff_site_at_once(path, browser_of, person_of, clock):
    person = person_of("support")
    client = browser_of(person)
    assert client.get(path).status_code == 200
    appointment.appoint(person, "", actor=COMMAND, now=clock(), tell=lambda _person: None)
    assert client.get(path).status_code == 302
