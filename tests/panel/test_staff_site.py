"""The staff site's start page, its search, giving servers to people, and who may change whom."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import ApiSession, AuditEntry, User
from alerts.models import Alert, Incident, Notification, NotificationChannel
from panel import desk
from servers import finding, ownership
from servers.models import (
    Action,
    Address,
    Cluster,
    ConsoleRequest,
    Label,
    LastSample,
    Node,
    Server,
)
from snapshots.models import SnapshotSchedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(browser_of, staff):
    return browser_of(staff)


@pytest.fixture
def support(db):
    return User.objects.create_user("support@example.com", "long enough", role="support")


@pytest.fixture
def operator(db):
    return User.objects.create_user("operator@example.com", "long enough", role="operator")


@pytest.fixture
def at(monkeypatch):
    """Sets the clock that pages go by."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


def an_action(server, at, **fields):
    given = {"type": "start", "status": "failed", "active": None, "source": "web", **fields}
    return Action.objects.create(
        server=server, requested_at=at, finished_at=at, deadline=at, **given
    )


def an_alert(server, at, **fields):
    given = {"metric": "cpu", "severity": "warning", "condition": "greater_than", **fields}
    return Alert.objects.create(
        server=server, owner=server.owner, threshold=0.9, since=at, fired_at=at, **given
    )


def a_message(at, **fields):
    return Notification.objects.create(
        address="a@example.com", subject="x", body="x", created_at=at, **fields
    )


@pytest.fixture
def trouble(server, clock):
    """Something of each kind, and beside it what must not be counted."""
    now = clock()
    long_ago = now - timedelta(days=9)
    an_action(server, now, upid="UPID:pve1:1")
    an_action(server, now, status="lost")
    an_action(server, now, status="success")
    an_action(server, long_ago)
    an_alert(server, now, severity="critical")
    an_alert(server, now)
    an_alert(server, long_ago, active=None, ended_at=now)
    Incident.objects.create(kind="node", cluster=server.cluster, name="pve1", began_at=now)
    Incident.objects.create(
        kind="node", cluster=server.cluster, name="pve2", began_at=long_ago, active=None
    )
    a_message(now, status="failed", next_attempt_at=now, error="refused")
    a_message(now, status="given_up")
    a_message(long_ago, status="given_up")
    a_message(now, status="sent")
    SnapshotSchedule.objects.create(server=server, kind="daily", last_error="no room")
    SnapshotSchedule.objects.create(server=server, kind="weekly")
    ConsoleRequest.objects.create(
        server=server, asked_by_email="s@example.com", reason="x", asked_at=now,
        until=now + timedelta(hours=1),
    )  # fmt: skip
    others = Server.objects.filter(present=True).exclude(pk=server.pk).order_by("pk")
    unknown, old = others[0], others.filter(status="running")[1]
    Server.objects.filter(pk=unknown.pk).update(status="unknown")
    LastSample.objects.filter(server=old).update(taken_at=int(now.timestamp()) - 3600)
    return server


def counted(now):
    return {matter.key: matter.count for matter in desk.matters(now)}


class TestTheDesk:
    def test_counts_what_is_there(self, trouble, clock):
        present = Server.objects.filter(present=True, owner=None).count()
        assert counted(clock()) == {
            "workers": 0, "clusters": 0, "incidents": 1, "alerts": 2, "actions": 2, "messages": 2,
            "snapshots": 1, "unknown": 1, "stale": 1, "consoles": 1, "unowned": present,
        }  # fmt: skip

    def test_the_worst_stands_first_and_what_is_well_last(self, trouble, clock):
        weights = [matter.weight for matter in desk.matters(clock())]
        assert weights == sorted(weights, reverse=True)
        assert weights[0] == desk.Weight.CRITICAL
        assert weights[-1] == desk.Weight.WELL

    def test_each_count_is_that_of_its_list(self, trouble, site, clock, at):
        at(clock())
        for matter in desk.matters(clock()):
            if not matter.url or matter.key == "clusters":
                continue
            page = site.get(matter.url)
            assert page.status_code == 200, matter.key
            assert page.context["cl"].queryset.count() == matter.count, matter.key

    def test_healthy_is_quiet(self, polled, site, alice, clock, at):
        at(clock())
        ownership.assign(Server.objects.all(), alice, actor=SYSTEM, now=clock())
        assert not any(counted(clock()).values())
        page = site.get("/admin/").content.decode()
        assert "All is well here" in page
        assert 'data-weight="critical"' not in page

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"failure": "denied", "failure_message": "No <such> token"}, "access denied: No <such> token"),
            ({"last_cycle_at": None}, "no fresh numbers"),
            ({"warning": "A privilege is missing"}, "A privilege is missing"),
        ],
    )  # fmt: skip
    def test_a_cluster_says_what_it_has(self, changes, words, polled, clock, site):
        Cluster.objects.update(**changes)
        matter = next(each for each in desk.matters(clock()) if each.key == "clusters")
        assert matter.count == 1
        assert matter.lines[0].words == words
        assert "<such>" not in site.get("/admin/").content.decode()

    def test_a_worker_that_does_nothing_is_noticed(self, server, clock):
        old = clock() - timedelta(minutes=10)
        an_action(server, old, status="pending", active=True)
        matter = desk.matters(clock())[0]
        assert (matter.key, matter.weight) == ("workers", desk.Weight.CRITICAL)

    def test_nor_is_a_beat_that_stands_still_overlooked(self, polled, clock):
        clock.pass_by(3600)
        assert counted(clock())["workers"] == 1

    def test_asks_as_often_for_much_as_for_little(
        self, trouble, clock, django_assert_num_queries, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(24) as few:
            desk.matters(clock())
        for server in Server.objects.filter(present=True):
            an_action(server, clock(), status="lost")
            an_alert(server, clock(), metric="memory", mountpoint=str(server.pk))
            a_message(clock(), status="failed")
        with django_assert_num_queries(len(few.captured_queries)):
            desk.matters(clock())

    def test_the_piece_is_got_alone(self, trouble, site):
        page = site.get("/admin/desk/").content.decode()
        assert "data-desk" in page
        assert "<html" not in page

    def test_support_sees_it_too(self, trouble, browser_of, support):
        assert browser_of(support).get("/admin/").status_code == 200


def finds(text, row):
    return any(
        type(each) is type(row) and each.pk == row.pk
        for group in finding.find(text)[1]
        for each in group.rows
    )


class TestFinding:
    @pytest.fixture(autouse=True)
    def known(self, server):
        Server.objects.filter(pk=server.pk).update(name="Shop", identity="0F1E-uuid")
        Label.objects.create(server=server, key="env", value="prod")
        for position, address in enumerate(("203.0.113.77", "2001:db8::77")):
            Address.objects.create(server=server, position=position, address=address)
        server.refresh_from_db()

    @pytest.mark.parametrize(
        "text",
        ["shop", "SHO", "203.0.113.77", "203.0.113.", "2001:db8::77", "2001:0DB8:0::0077", "0f1e",
         "env=prod", "env", "prod", "alice@", " shop\n"],
    )  # fmt: skip
    def test_a_server_by_what_one_has_of_it(self, text, server):
        assert finds(text, server)

    def test_by_its_number(self, server):
        assert finds(str(server.vmid), server)
        assert not finds(str(server.vmid + 4000), server)

    @pytest.mark.parametrize("text", ["203.0.113.8", "3.113", "env=dev", "nothing", ""])
    def test_and_by_nothing_else(self, text, server):
        assert not finds(text, server)

    def test_people_clusters_nodes_and_actions(self, server, alice, clock):
        action = an_action(server, clock(), upid="UPID:pve1:0001:qmstart:100:panel@pve:")
        assert finds("alice", alice)
        assert finds("ALICE@example.com", alice)
        assert finds("fra", server.cluster)
        assert finds(server.node.name, Node.objects.get(pk=server.node_id))
        assert finds("UPID:pve1:0001", action)
        assert not finds("upid", action)

    @pytest.mark.parametrize(
        "text",
        ["%", "_", "'", "\x00", "\ud800", "1" * 300, "::::", "999999999999", "(", "=", "😀"],
    )
    def test_odd_words_find_nothing_and_break_nothing(self, text, site, server):
        assert (
            site.get("/admin/search/", {"q": text.encode("utf-8", "replace")}).status_code == 200
        )

    def test_one_exactly_is_offered_first(self, site, server):
        page = site.get("/admin/search/", {"q": "203.0.113.77"}).content.decode()
        assert "Exactly this" in page
        assert f'href="/servers/{server.pk}/"' in page
        assert f"/admin/servers/server/{server.pk}/change/" in page
        assert (
            "Exactly this" not in site.get("/admin/search/", {"q": "203.0.113."}).content.decode()
        )

    def test_more_than_fit_are_a_click_away(self, site, server):
        Server.objects.update(guest_name="many-alike")
        page = site.get("/admin/search/", {"q": "many"}).content.decode()
        assert 'href="/admin/servers/server/?q=many"' in page

    def test_names_are_text(self, site, server):
        Server.objects.filter(pk=server.pk).update(name="<b>x</b>")
        assert "<b>x" not in site.get("/admin/search/", {"q": "<b>"}).content.decode()

    def test_the_same_number_of_questions(self, server, django_assert_num_queries):
        with django_assert_num_queries(5):
            finding.find("e")

    def test_support_finds_too_and_customers_do_not(self, browser_of, support, alice, server):
        assert b"Shop" in browser_of(support).get("/admin/search/", {"q": "shop"}).content
        for path in ("/admin/search/?q=shop", "/admin/search/people/?q=b", "/admin/desk/"):
            assert browser_of(alice).get(path).status_code == 302

    def test_people_are_offered_while_one_types(self, site, alice, bob):
        User.objects.filter(pk=bob.pk).update(is_active=False)
        answer = site.get("/admin/search/people/", {"q": "example.com"}).json()
        assert {"email": "alice@example.com", "name": "Alice"} in answer["people"]
        assert "bob@example.com" not in str(answer)
        assert site.get("/admin/search/people/").json() == {"people": []}


ASSIGN = "/admin/servers/server/assign/"


class TestAssigning:
    def test_from_a_server_s_page(self, site, server, bob):
        assert ASSIGN in site.get(f"/admin/servers/server/{server.pk}/change/").content.decode()
        asked = site.get(ASSIGN, {"_selected_action": server.pk}).content.decode()
        assert "Open consoles and live pages of the former owner close at once." in asked
        form = {"_selected_action": server.pk, "owner": "bob@example.com", "assign": "1"}
        done = site.post(ASSIGN, form)
        assert done.url == f"/admin/accounts/user/{bob.pk}/change/"
        server.refresh_from_db()
        assert server.owner == bob

    def test_from_a_person_s_page(self, site, server, bob):
        assert f"{ASSIGN}?owner=bob%40example.com" in site.get(
            f"/admin/accounts/user/{bob.pk}/change/"
        ).content.decode().replace("bob@", "bob%40")
        offered = site.get(ASSIGN, {"owner": bob.email}).content.decode()
        assert server.name not in offered.split("choices")[-1]
        found = site.get(ASSIGN, {"owner": bob.email, "q": server.name}).content.decode()
        assert f'value="{server.pk}"' in found
        asked = site.get(ASSIGN, {"owner": bob.email, "_selected_action": server.pk})
        assert 'value="bob@example.com"' in asked.content.decode()

    def test_what_goes_with_it_is_said_where_it_is_so(self, site, server):
        asked = {"_selected_action": server.pk}
        assert "Snapshot schedules of" not in site.get(ASSIGN, asked).content.decode()
        SnapshotSchedule.objects.create(server=server, kind="daily")
        assert "Snapshot schedules of 1 server go on." in site.get(ASSIGN, asked).content.decode()

    def test_nobody_of_that_name(self, site, server, alice):
        form = {"_selected_action": server.pk, "owner": "no@example.com", "assign": "1"}
        page = site.post(ASSIGN, form).content.decode()
        assert "There is nobody with this address who can sign in." in page
        assert 'value="no@example.com"' in page
        server.refresh_from_db()
        assert server.owner == alice

    @pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "x"])
    def test_a_number_that_is_none(self, site, number):
        assert (
            site.get(f"/admin/servers/server/assign/?_selected_action={number}").status_code == 200
        )

    def test_is_not_support_s(self, browser_of, support, operator, server):
        form = {"_selected_action": server.pk, "owner": "", "assign": "1"}
        assert browser_of(support).post(ASSIGN, form).status_code == 403
        assert browser_of(support).get(ASSIGN).status_code == 403
        assert browser_of(operator).post(ASSIGN, form).status_code == 302

    def test_a_person_s_page_lists_what_they_own(self, site, server, alice):
        page = site.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
        assert f'href="/servers/{server.pk}/"' in page


class TestPeople:
    def form(self, person, **changes):
        given = {
            "email": person.email, "first_name": "", "last_name": "", "language": "en",
            "time_zone": "UTC", "role": person.role, "is_active": "on",
        }  # fmt: skip
        return {key: value for key, value in {**given, **changes}.items() if value is not None}

    def save(self, client, person, **changes):
        address = f"/admin/accounts/user/{person.pk}/change/"
        answer = client.post(address, self.form(person, **changes))
        person.refresh_from_db()
        return answer

    def test_a_role_is_given_and_taken(self, site, alice, clock):
        assert self.save(site, alice, role="operator").status_code == 302
        assert (alice.role, alice.is_staff) == ("operator", True)
        session = ApiSession.objects.create(user=alice, started_at=clock(), renewed_at=clock())
        assert self.save(site, alice, role="").status_code == 302
        session.refresh_from_db()
        assert (alice.role, alice.is_staff, bool(session.ended_at)) == ("", False, True)
        assert AuditEntry.objects.filter(event="person.role_changed").count() == 2

    @pytest.mark.parametrize("changes", [{"role": "operator"}, {"is_active": None}])
    def test_the_last_administrator_stays(self, changes, site, staff):
        page = self.save(site, staff, **changes).content.decode()
        assert "another administrator can do that" in page
        assert (staff.role, staff.is_active) == ("admin", True)

    def test_nor_is_anyone_deleted_who_must_stay(self, site, staff, alice):
        assert site.post(f"/admin/accounts/user/{staff.pk}/delete/").status_code == 403
        assert (
            site.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code
            == 302
        )
        assert AuditEntry.objects.get(event="person.deleted").details == {"email": alice.email}

    def test_whoever_leaves_takes_all_along_but_the_servers(self, site, server, alice):
        support = User.objects.create_user("sup@example.com", "demo", role="support")
        NotificationChannel.objects.create(
            owner=alice, kind="mail", own_address=True, created_at=timezone.now()
        )
        ApiSession.objects.create(user=alice, started_at=timezone.now(), renewed_at=timezone.now())
        allowed = ConsoleRequest.objects.create(
            server=server, asked_by=support, asked_by_email=support.email, reason="x",
            asked_at=timezone.now(), until=timezone.now() + timedelta(hours=1), answer="allowed",
        )  # fmt: skip
        path = f"/admin/accounts/user/{alice.pk}/delete/"
        page = site.get(path).content.decode()
        assert "notification channels: 1" in page.lower()
        assert site.post(path, {"post": "yes"}).status_code == 302
        assert not User.objects.filter(pk=alice.pk).exists()
        server.refresh_from_db()
        allowed.refresh_from_db()
        assert (server.owner, allowed.open) == (None, None)
        entry = AuditEntry.objects.filter(event="server.assigned").latest("pk")
        assert (entry.object_id, entry.details["to"]) == (server.pk, None)

    def test_nor_are_several_with_oneself_among_them(self, site, staff, alice):
        wish = {
            "action": "delete_selected",
            "_selected_action": [staff.pk, alice.pk],
            "post": "yes",
        }
        assert site.post("/admin/accounts/user/", wish).status_code == 403
        assert User.objects.count() == 2

    def test_an_operator_changes_customers_and_makes_nobody_staff(
        self, browser_of, operator, alice
    ):
        client = browser_of(operator)
        assert self.save(client, alice, first_name="Al", role="admin").status_code == 302
        assert (alice.first_name, alice.role, alice.is_staff) == ("Al", "", False)

    def test_and_no_staff(self, browser_of, operator, staff):
        client = browser_of(operator)
        assert self.save(client, staff, email="mine@example.com").status_code == 403
        assert client.get(f"/admin/accounts/user/{staff.pk}/password/").status_code == 403
        assert staff.email == "staff@example.com"

    def test_a_password_that_staff_set_is_recorded(self, browser_of, operator, alice):
        wish = {"usable_password": "true", "password1": "x9-fresh-horse", "password2": "x9-fresh"}
        client, path = browser_of(operator), f"/admin/accounts/user/{alice.pk}/password/"
        assert client.post(path, wish).status_code == 200
        assert not AuditEntry.objects.exists()
        assert client.post(path, {**wish, "password2": "x9-fresh-horse"}).status_code == 302
        entry = AuditEntry.objects.get()
        assert (entry.event, entry.actor, entry.object_id) == (
            "person.changed",
            operator,
            alice.pk,
        )
        assert entry.details == {"fields": ["password"]}

    def test_one_s_own_is_changed_on_the_account_s_page(self, site, staff):
        reply = site.post("/admin/password_change/", {"old_password": "x"})
        assert (reply.status_code, reply["Location"]) == (302, "/account/")

    def test_invitations_are_offered_where_they_can_be_sent(
        self, browser_of, operator, staff, alice, site
    ):
        def offers(client, person):
            page = client.get(f"/admin/accounts/user/{person.pk}/change/").content.decode()
            return f"/people/{person.pk}/invitation/" in page

        assert offers(browser_of(operator), alice)
        assert not offers(browser_of(operator), staff)
        assert offers(site, operator)

    def test_support_changes_nobody(self, browser_of, support, alice):
        client = browser_of(support)
        page = client.get(f"/admin/accounts/user/{alice.pk}/change/")
        assert page.status_code == 200
        assert "pbkdf2" not in page.content.decode()
        assert "Act on behalf" not in page.content.decode()
        assert self.save(client, alice, first_name="Al").status_code == 403


@pytest.mark.parametrize("role", ["support", "operator"])
def test_secrets_of_clusters_are_not_shown(role, browser_of, cluster, credentials):
    person = User.objects.create_user("s@example.com", "long enough", role=role)
    page = browser_of(person).get(f"/admin/servers/cluster/{cluster.pk}/change/")
    assert page.status_code == 200
    assert credentials.secret not in page.content.decode()
    assert credentials.token_id not in page.content.decode()


def test_signing_out_there_is_signing_out(site, monkeypatch):
    told = []
    monkeypatch.setattr("servers.live.signed_out", told.append)
    assert site.get("/admin/logout/").status_code == 405
    assert told == []
    reply = site.post("/admin/logout/")
    assert (reply.status_code, reply["Location"]) == (302, "/sign-in/")
    assert len(told) == 1
    assert site.get("/admin/").status_code == 302


def test_more_servers_than_a_form_usually_has_fields(site):
    """Django's own limit is a thousand."""
    form = {"action": "assign_owner", "_selected_action": [str(n) for n in range(5000)]}
    assert site.post("/admin/servers/server/", form).status_code in {200, 302}
