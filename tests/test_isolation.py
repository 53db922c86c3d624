"""Who may see what: every route and socket message, tried as owner, other customer, staff, nobody.

The table is held complete: a new route that is not in it fails a test.
"""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import ApiSession, User
from alerts.models import Alert, AlertRule, Mute, Notification, NotificationChannel
from servers.models import Action, ConsoleRequest, Server
from snapshots.models import Snapshot
from tests.live.conftest import connect, session_of, token_of  # noqa: F401 — a fixture
from tests.live.test_socket import now

SIGN_IN = "sign in"
PEOPLE = ("owner", "other", "staff", "nobody")

# route -> (method, body, what owner, other customer, staff and nobody get)
# A number is a status; SIGN_IN a redirect to the sign-in page.
TABLE: dict[str, tuple[str, dict[str, str] | None, tuple[int | str, ...]]] = {
    "": ("get", None, (200, 200, 200, SIGN_IN)),
    # Everybody's own view of the list; of sparklines each gets their own servers' alone.
    "servers/view/": ("post", {}, (302, 302, 302, SIGN_IN)),
    "servers/sparklines/": ("get", None, (400, 400, 400, SIGN_IN)),
    "servers/<int:pk>/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/metrics/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/metrics.csv": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/controls/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/actions/": ("post", {"type": "start"}, (303, 404, 303, SIGN_IN)),
    "servers/<int:pk>/history/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/password/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/snapshots/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/snapshots/pieces/": ("get", None, (200, 404, 200, SIGN_IN)),
    # The owner's is under way when the staff come.
    "servers/<int:pk>/snapshots/new/": ("post", {"title": "x"}, (303, 404, 409, SIGN_IN)),
    "servers/<int:pk>/snapshots/<int:snapshot_pk>/rollback/": (
        "post",
        {"confirm": "x"},
        (400, 404, 400, SIGN_IN),
    ),
    "servers/<int:pk>/snapshots/<int:snapshot_pk>/delete/": (
        "post",
        {},
        (303, 404, 409, SIGN_IN),
    ),
    "servers/<int:pk>/snapshots/schedules/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/snapshots/schedules/<str:kind>/": (
        "post",
        {"at": "03:00", "time_zone": "UTC", "keep": "1"},
        (303, 404, 303, SIGN_IN),
    ),
    "servers/<int:pk>/settings/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/delete/": ("post", {}, (400, 404, 400, SIGN_IN)),
    "servers/<int:pk>/console/": ("get", None, (200, 404, 200, SIGN_IN)),
    "servers/<int:pk>/console/requests/": ("get", None, (200, 404, 200, SIGN_IN)),
    # The owner's to say, and nobody else's.
    "servers/<int:pk>/console/requests/<int:request_pk>/": (
        "post",
        {"answer": "deny"},
        (302, 404, 403, SIGN_IN),
    ),
    # A page without a person or a server: what opens a console is a ticket.
    "console/": ("get", None, (200, 200, 200, 200)),
    "alerts/": ("get", None, (200, 200, 200, SIGN_IN)),
    "alerts/badge/": ("get", None, (200, 200, 200, SIGN_IN)),
    "alerts/<int:pk>/": ("get", None, (200, 404, 200, SIGN_IN)),
    "alerts/<int:pk>/acknowledge/": ("post", {}, (303, 404, 303, SIGN_IN)),
    "alerts/mutes/": ("post", {}, (404, 404, 404, SIGN_IN)),
    # Silence and channels are everybody's own.
    "alerts/mutes/<int:pk>/": ("post", {}, (303, 404, 404, SIGN_IN)),
    "alerts/rules/": ("get", None, (200, 200, 200, SIGN_IN)),
    "alerts/rules/new/": ("get", None, (200, 200, 200, SIGN_IN)),
    "alerts/rules/<int:pk>/": ("get", None, (200, 404, 200, SIGN_IN)),
    "alerts/rules/<int:pk>/switch/": ("post", {}, (303, 404, 303, SIGN_IN)),
    "alerts/rules/<int:pk>/delete/": ("get", None, (200, 404, 200, SIGN_IN)),
    "alerts/channels/": ("get", None, (200, 200, 200, SIGN_IN)),
    "alerts/channels/new/<str:kind>/": ("get", None, (404, 404, 404, SIGN_IN)),
    "alerts/channels/<int:pk>/": ("get", None, (200, 404, 404, SIGN_IN)),
    "alerts/tests/<int:pk>/": ("get", None, (303, 404, 404, SIGN_IN)),
    "alerts/preferences/": ("get", None, (200, 200, 200, SIGN_IN)),
    "servers/<int:pk>/alerts/": ("get", None, (200, 404, 200, SIGN_IN)),
    # What it permits is in its token, whoever comes with it: tests/alerts/test_links.py.
    "alerts/link/<str:token>/": ("get", None, (410, 410, 410, 410)),
    # A cookie of the browser's: who is signed in has a language of their own.
    "language/": ("post", {"language": "ru"}, (302, 302, 302, 302)),
    "brand.css": ("get", None, (200, 200, 200, 200)),
    "brand/logo": ("get", None, (404, 404, 404, 404)),
    "brand/attention": ("get", None, (404, 404, 404, 404)),
    # The staff of these tests are administrators.
    "setup/": ("get", None, (404, 404, 200, SIGN_IN)),
    "setup/begin/<str:key_text>/": ("get", None, (410, 410, 410, 410)),
    "setup/cluster/": ("get", None, (404, 404, 200, SIGN_IN)),
    "setup/servers/": ("get", None, (404, 404, 200, SIGN_IN)),
    "setup/mail/": ("get", None, (404, 404, 200, SIGN_IN)),
    "setup/customer/": ("get", None, (404, 404, 200, SIGN_IN)),
    # Of somebody whose number is that of the server.
    "people/<int:pk>/invitation/": ("post", {}, (404, 404, 303, SIGN_IN)),
    "acting/begin/": ("post", {"user_pk": "0"}, (403, 403, 404, 403)),
    "acting/end/": ("post", {}, (403, 403, 403, 403)),
    "password/forgotten/": ("get", None, (200, 200, 200, 200)),
    # Who has the link is let in, signed in or not.
    "password/set/<str:uidb64>/<str:token>/": ("get", None, (200, 200, 200, 200)),
    "account/": ("get", None, (200, 200, 200, SIGN_IN)),
    "account/theme/": ("post", {"theme": "dark"}, (303, 303, 303, SIGN_IN)),
    "account/password/": ("post", {}, (400, 400, 400, SIGN_IN)),
    "account/sessions/<uuid:session>/end/": ("post", {}, (303, 404, 404, SIGN_IN)),
    "sign-in/": ("get", None, (302, 302, 302, 200)),
    "sign-out/": ("post", {}, (302, 302, 302, 302)),
    "health/live": ("get", None, (200, 200, 200, 200)),
    "health/ready": ("get", None, (200, 200, 200, 200)),
    # Without METRICS_TOKEN; with it a token opens it and no session: tests/panel/test_metrics.py.
    "metrics": ("get", None, (404, 404, 404, 404)),
    "api/v1/auth/token/": ("post", {}, (400, 400, 400, 400)),
    "api/v1/auth/token/refresh/": ("post", {}, (400, 400, 400, 400)),
    "api/v1/auth/logout/": ("post", {}, (400, 400, 400, 400)),
    "api/v1/servers/": ("get", None, (200, 200, 200, 401)),
    "api/v1/servers/<int:pk>/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/events/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/metrics/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/console/": ("post", {}, (201, 404, 201, 401)),
    "api/v1/servers/<int:pk>/console-requests/": ("get", None, (200, 404, 200, 401)),
    "api/v1/console-requests/<int:pk>/": (
        "post",
        {"answer": "allow"},
        (200, 404, 403, 401),
    ),
    "api/v1/servers/<int:pk>/actions/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/password/": ("post", {}, (400, 404, 400, 401)),
    "api/v1/servers/<int:pk>/snapshots/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/snapshot-abilities/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/snapshot-schedules/": ("get", None, (200, 404, 200, 401)),
    "api/v1/servers/<int:pk>/snapshot-schedules/<str:kind>/": (
        "put",
        {"time_zone": "UTC"},
        (200, 404, 200, 401),
    ),
    "api/v1/snapshots/<int:pk>/": ("get", None, (200, 404, 200, 401)),
    "api/v1/snapshots/<int:pk>/rollback/": ("post", {"confirm": "x"}, (400, 404, 400, 401)),
    "api/v1/actions/": ("get", None, (200, 200, 200, 401)),
    "api/v1/actions/<int:pk>/": ("get", None, (200, 404, 200, 401)),
    "api/v1/alerts/": ("get", None, (200, 200, 200, 401)),
    "api/v1/alerts/<int:pk>/": ("get", None, (200, 404, 200, 401)),
    "api/v1/alerts/<int:pk>/acknowledge/": ("post", {}, (200, 404, 200, 401)),
    "api/v1/alerts/<int:pk>/explanation/": ("get", None, (200, 404, 200, 401)),
    "api/v1/alert-rules/": ("get", None, (200, 200, 200, 401)),
    "api/v1/alert-rules/preview/": ("post", {}, (400, 400, 400, 401)),
    "api/v1/alert-rules/<int:pk>/": ("get", None, (200, 404, 200, 401)),
    "api/v1/alert-rules/<int:pk>/explanation/": ("get", None, (400, 404, 400, 401)),
    "api/v1/servers/<int:pk>/alert-rules/": ("get", None, (200, 404, 200, 401)),
    "api/v1/alert-mutes/": ("get", None, (200, 200, 200, 401)),
    "api/v1/alert-mutes/<int:pk>/": ("delete", None, (204, 404, 404, 401)),
    "api/v1/alert-preferences/": ("get", None, (200, 200, 200, 401)),
    "api/v1/notification-channels/": ("get", None, (200, 200, 200, 401)),
    "api/v1/notification-channels/<int:pk>/": ("get", None, (200, 404, 404, 401)),
    "api/v1/notification-channels/<int:pk>/test/": ("post", {}, (202, 404, 404, 401)),
    "api/v1/notification-channels/<int:pk>/confirmation/": ("post", {}, (400, 404, 404, 401)),
    "api/v1/notification-channels/<int:pk>/secret/": ("post", {}, (400, 404, 404, 401)),
    "api/v1/notifications/": ("get", None, (200, 200, 200, 401)),
    "api/v1/notifications/<int:pk>/": ("get", None, (200, 404, 404, 401)),
    "api/v1/schema/": ("get", None, (200, 200, 200, 200)),
    "api/v1/docs/": ("get", None, (200, 200, 200, 200)),
    "api/v1/": ("get", None, (404, 404, 404, 404)),
}
# The staff site as a whole: Django's own routes below admin/, each tried by a test of its own.
STAFF_SITE = "admin/"


def routes(patterns=None, prefix=""):
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, path)
        else:
            assert isinstance(entry, URLPattern)
            yield path


def staff_routes():
    return sorted({path for path in routes() if path.startswith(STAFF_SITE)})


@pytest.fixture
def people(server, alice, bob, staff):
    """Four kinds of people, a server of the first, and what of it bears its number."""
    an_action_of(server, pk=server.pk)
    Snapshot.objects.create(
        pk=server.pk, server=server, name="before", title="Before", taken_at=server.status_since
    )
    alerts_of(server, alice)
    ConsoleRequest.objects.create(
        pk=server.pk, server=server, asked_by=staff, asked_by_email=staff.email, reason="x",
        asked_at=server.status_since, until=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    at = server.status_since
    User.objects.get_or_create(pk=server.pk, defaults={"email": "somebody@example.com"})
    ApiSession.objects.create(pk=UUID(int=server.pk), user=alice, started_at=at, renewed_at=at)
    return dict(zip(PEOPLE, (alice, bob, staff, None), strict=True))


def alerts_of(server, owner):
    """A rule, an alert, a channel, a mute and a test: all of them bear the server's number."""
    at = server.status_since
    AlertRule.objects.filter(pk=server.pk).delete()
    rule = AlertRule.objects.create(
        pk=server.pk, owner=owner, metric="cpu", threshold=0.9, created_at=at, updated_at=at
    )
    Alert.objects.create(
        pk=server.pk, rule=rule, server=server, owner=owner, metric="cpu", severity="warning",
        condition="greater_than", threshold=0.9, since=at, fired_at=at,
    )  # fmt: skip
    Mute.objects.create(pk=server.pk, owner=owner, server=server, created_at=at)
    channel = NotificationChannel.objects.create(
        pk=server.pk, owner=owner, kind="telegram", target="1", confirmed_at=at, created_at=at
    )
    Notification.objects.create(
        pk=server.pk, recipient=owner, kind="test", channel=channel, subject="x", body="x",
        address="1", created_at=at,
    )  # fmt: skip


def an_action_of(server, **fields):
    at = server.status_since
    given = {"type": "start", "status": "success", "active": None, "source": "web", **fields}
    return Action.objects.create(server=server, requested_at=at, deadline=at, **given)


def filled(route, pk):
    """An address of that server, and of what of it bears its number."""
    for part in ("<int:pk>", "<int:snapshot_pk>", "<int:request_pk>"):
        route = route.replace(part, str(pk))
    route = route.replace("<uuid:session>", str(UUID(int=pk)))
    for part in ("<str:uidb64>", "<str:token>", "<str:key_text>"):
        route = route.replace(part, "x")
    return "/" + route.replace("<str:kind>", "daily")


def outcome(answer):
    if answer.status_code == 302 and answer.url.startswith(("/sign-in/", "/admin/login/")):
        return SIGN_IN if "next=" in answer.url else 302
    return answer.status_code


def test_every_route_is_in_the_table():
    found = {path for path in routes() if not path.startswith(STAFF_SITE)}
    assert found == set(TABLE)


@pytest.mark.django_db
@pytest.mark.parametrize("route", TABLE)
def test_a_route_by_session(route, people, server, browser_of, redis_server):
    method, body, expected = TABLE[route]
    path = filled(route, server.pk)
    form = {"content_type": "application/json"} if route.startswith("api/") else {}
    got = tuple(
        outcome(getattr(browser_of(people[who]), method)(path, body, **form)) for who in PEOPLE
    )
    assert got == expected


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in TABLE if route.startswith("api/")])
def test_a_route_by_token(route, people, server, api_of, redis_server):
    method, body, expected = TABLE[route]
    path = filled(route, server.pk)
    got = tuple(getattr(api_of(people[who]), method)(path, body).status_code for who in PEOPLE)
    assert got == expected


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in TABLE if "<int:pk>" in route])
def test_somebody_elses_server_looks_like_none(route, people, server, browser_of):
    method, body, _ = TABLE[route]
    form = {"content_type": "application/json"} if route.startswith("api/") else {}
    ask = getattr(browser_of(people["other"]), method)
    theirs = ask(filled(route, server.pk), body, **form)
    nobodys = ask(filled(route, 999999), body, **form)
    assert theirs.status_code == nobodys.status_code == 404
    if "api" in route:
        assert theirs.content == nobodys.content


# What changes something, besides the method that stands in the table.
CHANGES = [
    ("post", "actions/", {"type": "stop"}, (202, 404, 202, 401)),
    ("patch", "", {"notes": "x"}, (200, 404, 200, 401)),
    ("delete", "", {"confirm": "x"}, (400, 404, 400, 401)),
    ("post", "snapshots/", {"title": "x"}, (202, 404, 202, 401)),
    ("delete", "snapshot-schedules/daily/", {}, (404, 404, 404, 401)),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "body", "expected"), CHANGES)
@pytest.mark.parametrize("way", ["session", "token"])
def test_a_change(way, method, path, body, expected, people, server, browser_of, api_of):
    got = []
    for who in PEOPLE:
        Action.objects.filter(server=server, active=True).delete()
        client = browser_of(people[who]) if way == "session" else api_of(people[who])
        form = {"content_type": "application/json"} if way == "session" else {}
        got.append(
            getattr(client, method)(
                f"/api/v1/servers/{server.pk}/{path}", body, **form
            ).status_code
        )
    assert tuple(got) == expected
    asked = Action.objects.filter(server=server, type="stop")
    assert asked.filter(requested_by=people["other"]).count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/api/v1/servers/"])
def test_lists_hold_ones_own_alone(path, people, server, browser_of, clock):
    Server.objects.filter(pk=server.pk).update(name="alices-own-server")
    shown = {who: b"alices-own-server" in browser_of(people[who]).get(path).content
             for who in PEOPLE}  # fmt: skip
    assert shown == {"owner": True, "other": False, "staff": True, "nobody": False}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", staff_routes())
def test_the_staff_site_is_staffs(route, method, people, browser_of):
    path = "/" + route.replace("<path:object_id>", "1").replace("<id>", "1")
    path = path.replace("<path:content_type_id>", "1").replace("(?P<url>.*)$", "x")
    path = re.sub(r"\^\(\?P<app_label>[a-z|]+\)/\$", "servers/", path)
    assert not set(path) & set("<>()^$"), "a part of the route that this test does not fill in"
    # The sign-in page itself, and the way out, which leads there.
    expected = {"/admin/login/": 200, "/admin/logout/": 302}.get(path, SIGN_IN)
    for who in ("owner", "other", "nobody"):
        answer = getattr(browser_of(people[who]), method)(path)
        assert outcome(answer) == expected, (who, answer)
        assert b"changelist" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["owner", "other", "nobody"])
@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/servers/server/", "/admin/servers/cluster/", "/admin/accounts/user/"],
)
def test_nobody_else_gets_into_the_staff_site(path, who, people, browser_of):
    answer = browser_of(people[who]).get(path)
    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")


@pytest.mark.django_db(transaction=True)
class TestSocket:
    """Subscribing, by session and by token."""

    expected = {
        "owner": "subscribed",
        "other": "not_found",
        "staff": "subscribed",
        "nobody": "not_authenticated",
    }

    @pytest.mark.parametrize("who", PEOPLE)
    @pytest.mark.parametrize("way", ["session", "token"])
    async def test_subscribe(self, who, way, people, server, connect):  # noqa: F811
        person = people[who]
        if person is None:
            socket = await connect()
        elif way == "session":
            socket = await connect(session=await session_of(person))
        else:
            socket = await connect(token=await token_of(person, now()), origin=None)
        await socket.send(type="subscribe", server=server.pk)
        heard = await socket.hear()
        assert heard.get("code", heard["type"]) == self.expected[who]

    async def test_the_other_hears_nothing_of_a_cycle(self, people, server, connect, pass_cycle):  # noqa: F811
        socket = await connect(session=await session_of(people["other"]))
        await socket.send(type="subscribe", server=server.pk)
        await socket.hear()
        await sync_to_async(pass_cycle)()
        assert await socket.silence()
