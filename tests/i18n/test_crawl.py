"""Every page in Russian, as a customer, as staff and as nobody, with no English left over.

Names of servers, people and hosts are Russian or digits here: what is Latin on a page is ours.
"""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import cycle
from urllib.parse import urljoin, urlsplit

import pytest

from accounts import events
from accounts.models import ApiSession, AuditEntry, Source, User
from alerts.models import (
    Alert,
    AlertEvent,
    AlertRule,
    Incident,
    MaintenanceWindow,
    Metric,
    Mute,
    Notification,
    NotificationChannel,
    Severity,
)
from servers import action_words, console_ends
from servers.models import Cluster, ConsoleSession, Label, Node, Server
from snapshots.models import ServerSnapshots, Snapshot, SnapshotSchedule
from tests.i18n.leftovers import leftovers
from tests.pages.conftest import (  # noqa: F401 — fixtures
    make_action,
    make_alert,
    make_server,
    tell_disk,
)

pytestmark = pytest.mark.django_db
MOST_PAGES = 500
# What leads elsewhere, ends the session, or is no page.
NOT_FOLLOWED = re.compile(
    r"/(sign-out|static|api|jsi18n|admin/logout|language)/|_facets|\.(js|css|svg)"
)


@pytest.fixture
def fresh_cluster(db):
    return Cluster.objects.create(name="кластер", last_cycle_at=datetime.now(UTC))


@pytest.fixture
def fleet(alice, make_server, make_action, make_alert, tell_disk, fresh_cluster):  # noqa: F811
    """Servers in every state, and with them whatever can be said of a server."""
    User.objects.update(language="ru", first_name="Алиса")
    states = [value for value in Server.Status.values if value != "gone"]
    servers = [
        make_server(alice, f"сервер {number}", status=state, age=age)
        for number, (state, age) in enumerate([*((s, 5) for s in states), ("running", 900)])
    ]
    servers.append(make_server(alice, "контейнер", kind="lxc"))
    servers.append(make_server(alice, "без данных", age=None))
    servers.append(make_server(None, "ничей"))
    Node.objects.update(name="узел")
    Label.objects.create(server=servers[0], key="env", value="prod")
    for server, state in zip(servers, ("waiting", "disabled", "not_running", "timeout", "denied",
                                       "failed"), strict=False):  # fmt: skip
        tell_disk(server, state)
    for server, lock in zip(servers, action_words.LOCKS, strict=False):
        Server.objects.filter(pk=server.pk).update(lock=lock)
    histories(servers, alice, make_action)
    shots(servers)
    alarms(servers, alice, make_alert, fresh_cluster)
    told_of(servers[0], alice)
    return servers


def histories(servers, person, make_action):  # noqa: F811
    among = cycle(servers)
    for type in action_words.LABELS:
        make_action(next(among), type, ended=60, person=person, parameters={"title": "снимок"})
    for code in action_words.FAILURES:
        make_action(next(among), ended=60, status="failed", error_code=code, error_message="words")
    for code in action_words.LOSSES:
        make_action(next(among), ended=60, status="lost", error_code=code, error_message="words")
    for server, type in zip(servers[:-1], action_words.DOING, strict=False):
        make_action(server, type, person=person)
    queued = servers[-1]
    make_action(queued, "snapshot.create", status="pending", is_queued=True)


def shots(servers):
    now = datetime.now(UTC)
    for server in servers:
        ServerSnapshots.objects.create(server=server, looked_at=now, can_take=True)
    for number, origin in enumerate(Snapshot.Origin.values):
        Snapshot.objects.create(
            server=servers[0], name=f"s{number}", title=f"снимок {number}", origin=origin,
            taken_at=now - timedelta(days=10 * number), with_memory=True,
            expires_at=now + timedelta(hours=5), schedule_kind="daily",
            parent=f"s{number - 1}" if number else "",
        )  # fmt: skip
    for number, state in enumerate(("prepare", "delete", "rollback", "other")):
        Snapshot.objects.create(
            server=servers[1], name=f"b{number}", title=f"снимок {number}", state=state,
            origin="person", taken_at=now,
        )  # fmt: skip
    for server, kind in zip(servers, SnapshotSchedule.Kind.values, strict=False):
        SnapshotSchedule.objects.create(
            server=server, kind=kind, next_run_at=now + timedelta(hours=3), last_run_at=now,
            last_error="не вышло",
        )  # fmt: skip


def alarms(servers, person, make_alert, cluster):  # noqa: F811
    now = datetime.now(UTC)
    among = cycle(servers)
    for metric in Metric.values:
        for severity in Severity.values:
            rule = AlertRule.objects.create(
                owner=person, server=next(among), metric=metric, severity=severity, threshold=0.5,
                duration=600, created_at=now, updated_at=now,
            )  # fmt: skip
        alert = make_alert(next(among), metric=metric, rule=rule, mountpoint="/")
        for kind in AlertEvent.Kind.values:
            AlertEvent.objects.create(alert=alert, at=now, kind=kind)
        make_alert(next(among), metric=metric, ended=True)
    for reason in Alert._meta.get_field("end_reason").choices or ():
        ended = make_alert(next(among), ended=True)
        Alert.objects.filter(pk=ended.pk).update(end_reason=reason[0])
    for kind in Incident.Kind.values:
        Incident.objects.create(
            kind=kind, cluster=cluster, name="узел", began_at=now,
            why="This storage is 97% full.",
        )  # fmt: skip
    MaintenanceWindow.objects.create(
        cluster=cluster, starts_at=now, ends_at=now + timedelta(hours=1), note="замена диска"
    )
    Mute.objects.create(owner=person, server=servers[0], created_at=now)


def told_of(server, person):
    now = datetime.now(UTC)
    failures = ("The channel is not confirmed.", "Nothing got through for a day: 1.2.3", "")
    for number, kind in enumerate(("mail", "telegram", "webhook")):
        channel = NotificationChannel.objects.create(
            owner=person, kind=kind, target=f"{number}@example.com", name=f"канал {number}",
            created_at=now, confirmed_at=now if number else None,
            failed_at=now if failures[number] else None, failure=failures[number],
        )  # fmt: skip
    for kind in Notification.Kind.values:
        for status in Notification.Status.values:
            Notification.objects.create(
                recipient=person, kind=kind, channel=channel, subject="тема", body="текст",
                address="1", created_at=now, status=status, server=server,
                error="There is no address.",
            )  # fmt: skip
    for event in events.WORDS:
        AuditEntry.objects.create(
            at=now, actor=person, actor_email=person.email, source=Source.WEB, event=event,
            object_type="server", object_id=server.pk, details={"from": 1},
        )  # fmt: skip
    for source in Source.values:
        AuditEntry.objects.create(
            at=now, source=source, event="server.gone", object_type="server", object_id=1
        )
    for number, reason in enumerate(end.reason for end in vars(console_ends).values()
                                    if isinstance(end, console_ends.End)):  # fmt: skip
        ConsoleSession.objects.create(
            server=server, user=person, kind="vnc", source="web", created_at=now, opened_at=now,
            expires_at=now, closed_at=now, close_reason=reason, ticket_hash=str(number),
        )  # fmt: skip
    ApiSession.objects.create(user=person, started_at=now, renewed_at=now)


class Crawl:
    """Follows links from page to page, and keeps what of them is not Russian."""

    def __init__(self, client):
        self.client = client
        self.seen = {}
        self.found: dict[str, str] = {}

    @property
    def report(self):
        return "".join(f"\n{address}: {text}" for text, address in self.found.items())

    def look(self, address, answer):
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            return ""
        html = answer.content.decode()
        for text in leftovers(html):
            self.found.setdefault(text, address)
        return html

    def follow(self, *starts):
        waiting = list(starts)
        while waiting and len(self.seen) < MOST_PAGES:
            address = waiting.pop(0)
            if shape(address) in self.seen:
                continue
            answer = self.client.get(address)
            self.seen[shape(address)] = answer.status_code
            assert answer.status_code < 500, address
            if answer.status_code in (301, 302, 303):
                waiting.append(urljoin(address, answer.url))
                continue
            html = self.look(address, answer)
            waiting += [urljoin(address, link) for link in links(html)]
            waiting += [urljoin(address, link) for link in asking(html)]


def shape(address):
    """Pages of one kind: one stands for the others. On the staff site one filter of a list at a
    time is enough, whichever its value; elsewhere values are what a page asks about."""
    parts = urlsplit(address)
    query = re.sub(r"=\d+", "=N", parts.query)
    if not parts.path.startswith("/admin/"):
        return re.sub(r"\d{3,}", "N", parts.path) + "?" + query
    names = sorted(set(re.findall(r"(\w+)=", query)) - {"_changelist_filters"})
    return re.sub(r"\d+", "N", parts.path) + "?" + "".join(names[:1])


def links(html):
    for link in re.findall(r'<a\b[^>]*\bhref="([^"#]+)', html):
        link = unescape(link)
        if not urlsplit(link).netloc and not NOT_FOLLOWED.search(link) and "://" not in link:
            yield link


def asking(html):
    """Forms that lead to a question by GET; their buttons say about what."""
    for form in re.findall(r"<form\b[^>]*data-ask.*?</form>", html, re.S):
        action = re.search(r'action="([^"]+)"', form)
        fields = re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', form)
        query = "&".join(f"{name}={value}" for name, value in fields if "csrf" not in name)
        if action and not NOT_FOLLOWED.search(action[1]):
            yield unescape(action[1]) + (f"?{query}" if query else "")


@pytest.fixture
def crawl_as(browser_of, redis_server):
    def crawl(person, *starts):
        if person is not None:
            person.refresh_from_db()
        client = browser_of(person)
        client.raise_request_exception = True
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "ru"
        made = Crawl(client)
        made.follow(*starts)
        return made

    return crawl


def test_a_customers_pages(fleet, alice, crawl_as):
    crawl = crawl_as(alice, "/", "/alerts/", "/alerts/channels/new/webhook/", "/console/")
    assert not crawl.found, crawl.report
    assert len(crawl.seen) > 100


def test_the_staffs_pages(fleet, staff, crawl_as):
    staff.language = "ru"
    staff.save()
    crawl = crawl_as(staff, "/", "/admin/", "/alerts/")
    assert not crawl.found, crawl.report
    assert len(crawl.seen) > 100


def test_pages_of_who_has_nothing(bob, crawl_as):
    User.objects.update(language="ru")
    crawl = crawl_as(bob, "/", "/alerts/", "/alerts/rules/", "/no-such-page/", "/admin/")
    assert not crawl.found, crawl.report


def test_pages_for_nobody(db, crawl_as):
    crawl = crawl_as(None, "/sign-in/", "/no-such-page/", "/alerts/link/x/", "/console/")
    assert not crawl.found, crawl.report
