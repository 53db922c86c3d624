# ruff: noqa: F811 — fixtures of the pages
"""Alerts on the staff site: what staff set, what they read, and what they send once more."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission

from accounts.audit import SYSTEM
from accounts.models import AuditEntry
from alerts import destinations, outbox, rulebook, rules
from alerts.models import (
    Alert,
    AlertEvent,
    AlertRule,
    DeliveryAttempt,
    Incident,
    MaintenanceWindow,
    Notification,
)
from servers.models import Cluster, Node
from tests.pages.conftest import fresh_cluster, make_alert, make_server  # noqa: F401
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(browser_of, staff):
    return browser_of(staff)


@pytest.fixture
def helper(browser_of, bob):
    """Staff who may see everything of alerts and change nothing."""
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(
        Permission.objects.filter(content_type__app_label="alerts", codename__startswith="view_")
    )
    return browser_of(bob)


@pytest.fixture
def defaults():
    rulebook.revision_now()
    return AlertRule.objects.defaults()


RULE = {
    "metric": "network_in", "mountpoint": "", "condition": "greater_than", "threshold": "10",
    "clear_at": "8", "minutes": "5", "severity": "critical", "remind_every": "3600",
    "trust": "any", "tell_recovery": "on", "enabled": "on",
}  # fmt: skip


class TestDefaultRules:
    def test_one_is_added_in_the_units_of_people(self, site, defaults, staff):
        before = rulebook.revision_now()
        answer = site.post("/admin/alerts/alertrule/add/", RULE)
        assert answer.status_code == 302, text_of(answer)
        rule = defaults.get(metric="network_in")
        assert (rule.threshold, rule.clear_at) == (10e6, 8e6)
        assert (rule.duration, rule.remind_every) == (300, 3600)
        assert rulebook.revision_now() != before
        entry = AuditEntry.objects.get(event="alert_rule.created")
        assert (entry.actor, entry.source, entry.object_id) == (staff, "admin", rule.pk)

    @pytest.mark.parametrize(
        ("metric", "entered", "words"),
        [
            ("cpu", "9000", "It must be from 0 to 100 %."),
            ("network_in", "2000000", "MB/s."),
            ("snapshot_age", "-1", "It must be from 0 to 366 d."),
        ],
    )
    def test_what_is_too_much_is_said_in_these_units(self, metric, entered, words, site, defaults):
        wish = {**RULE, "metric": metric, "threshold": entered, "clear_at": "", "minutes": "0"}
        assert words in text_of(site.post("/admin/alerts/alertrule/add/", wish))
        assert not defaults.filter(threshold__lt=0).exists()

    def test_and_changed_so_that_what_fires_by_another_rule_is_over(
        self,
        site,
        defaults,
        alice,
        make_server,
        make_alert,
    ):
        rule = defaults.get(metric="cpu")
        alert = make_alert(make_server(alice), rule=rule)
        address = f"/admin/alerts/alertrule/{rule.pk}/change/"
        html = site.get(address).content.decode()
        assert 'name="threshold" value="90"' in html.replace('step="any" ', "")
        wish = {**RULE, "metric": "cpu", "condition": "less_than", "clear_at": "", "minutes": "1"}
        assert site.post(address, wish).status_code == 302
        rule.refresh_from_db()
        assert (rule.threshold, rule.duration, rule.condition) == (0.1, 60, "less_than")
        alert.refresh_from_db()
        assert (alert.active, alert.end_reason) == (None, "rule_changed")

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"threshold": ""}, "A threshold is missing."),
            ({"clear_at": "11"}, "It recovers at the threshold or below."),
            ({"mountpoint": "/var"}, "Only of the disk can one file system be named."),
            ({"metric": "snapshot_age", "minutes": "5"}, "Of this metric, it fires at once."),
        ],
    )
    def test_what_cannot_be_right_is_said_and_nothing_is_stored(
        self, changes, words, site, defaults
    ):
        count = defaults.count()
        answer = site.post("/admin/alerts/alertrule/add/", {**RULE, **changes})
        assert words in text_of(answer)
        assert defaults.count() == count

    def test_one_is_deleted_with_what_stands_instead_of_it(self, site, defaults, alice, clock):
        rule = defaults.get(metric="cpu")
        rules.create(alice, {"enabled": False}, replaces=rule, actor=SYSTEM, now=clock())
        site.post(f"/admin/alerts/alertrule/{rule.pk}/delete/", {"post": "yes"})
        assert not AlertRule.objects.filter(metric="cpu").exists()
        assert AuditEntry.objects.filter(event="alert_rule.deleted", object_id=rule.pk).exists()

    def test_customers_rules_are_read_alone(self, site, alice, clock):
        wish = {"metric": "memory", "threshold": 0.8}
        rule = rules.create(alice, wish, actor=SYSTEM, now=clock())
        address = f"/admin/alerts/alertrule/{rule.pk}/"
        page = site.get(f"{address}change/")
        assert "Memory above 80 % on all your servers: warning." in text_of(page)
        assert b'name="threshold"' not in page.content
        assert site.post(f"{address}change/", RULE).status_code == 403
        assert site.post(f"{address}delete/", {"post": "yes"}).status_code == 403
        assert "Memory above 80 %" in text_of(site.get("/admin/alerts/alertrule/?whose=customer"))
        assert "Memory above 80 %" not in text_of(
            site.get("/admin/alerts/alertrule/?whose=default")
        )

    def test_who_may_only_look_changes_nothing(self, helper, defaults):
        rule = defaults.get(metric="cpu")
        address = f"/admin/alerts/alertrule/{rule.pk}/"
        assert helper.get(f"{address}change/").status_code == 200
        assert helper.post(f"{address}change/", RULE).status_code == 403
        assert helper.post(f"{address}delete/", {"post": "yes"}).status_code == 403
        assert helper.post("/admin/alerts/alertrule/add/", RULE).status_code == 403
        assert helper.post(f"/alerts/rules/{rule.pk}/switch/").status_code == 303
        rule.refresh_from_db()
        assert rule.enabled


class TestDeliveryLog:
    @pytest.fixture
    def given_up(self, alice, clock):
        notification = outbox.tell(
            alice, subject="web1: CPU", body="x", key=None, kind="fired", now=clock()
        )
        Notification.objects.filter(pk=notification.pk).update(
            status="given_up", next_attempt_at=None, error="550 <b>No such user</b>"
        )
        DeliveryAttempt.objects.create(
            notification=notification, began_at=clock(), ended_at=clock(), outcome="refused",
            answer="550 5.1.1 unknown",
        )  # fmt: skip
        return notification

    def test_says_why_and_each_attempt(self, site, given_up):
        page = site.get("/admin/alerts/notification/?status=given_up")
        assert "550 <b>No such user</b>" in text_of(page)
        assert b"<b>No such" not in page.content
        one = site.get(f"/admin/alerts/notification/{given_up.pk}/change/")
        assert "550 5.1.1 unknown" in text_of(one)

    def test_is_sent_once_more(self, site, given_up, staff, sent, committed):
        def resend():
            wish = {"action": "resend", "_selected_action": [given_up.pk]}
            with committed():
                return text_of(site.post("/admin/alerts/notification/", wish, follow=True))

        assert "1 is sent again." in resend()
        given_up.refresh_from_db()
        assert (given_up.status, given_up.error) == ("pending", "")
        assert sent[-1].arguments == {"notification_id": given_up.pk}
        entry = AuditEntry.objects.get(event="notification.resent")
        assert (entry.actor, entry.object_id) == (staff, given_up.pk)
        assert "1 are under way already." in resend()

    def test_but_not_by_who_may_only_look(self, helper, given_up):
        wish = {"action": "resend", "_selected_action": [given_up.pk]}
        helper.post("/admin/alerts/notification/", wish)
        given_up.refresh_from_db()
        assert given_up.status == "given_up"


class TestIncidents:
    def test_shows_the_servers_affected(self, site, alice, make_server):
        server = make_server(alice, "web<1>")
        incident = Incident.objects.create(
            cluster=server.cluster, kind="node", name="pve1", began_at=datetime.now(UTC)
        )
        incident.servers.add(server)
        assert "pve1" in text_of(site.get("/admin/alerts/incident/"))
        page = site.get(f"/admin/alerts/incident/{incident.pk}/change/")
        assert "web<1> (alice@example.com)" in text_of(page)
        assert f'href="/servers/{server.pk}/alerts/"' in page.content.decode()


class TestMaintenance:
    def wish(self, **changes):
        now = datetime.now(UTC)
        return {
            "starts_at_0": now.date().isoformat(), "starts_at_1": "00:00:00",
            "ends_at_0": (now + timedelta(days=2)).date().isoformat(), "ends_at_1": "00:00:00",
            "note": "New disks", **changes,
        }  # fmt: skip

    def test_is_planned_by_somebody(self, site, staff, fresh_cluster):
        answer = site.post(
            "/admin/alerts/maintenancewindow/add/", self.wish(cluster=fresh_cluster.pk)
        )
        assert answer.status_code == 302, text_of(answer)
        window = MaintenanceWindow.objects.get()
        assert (window.cluster, window.created_by) == (fresh_cluster, staff)
        entry = AuditEntry.objects.get(event="maintenance.planned")
        assert entry.details["note"] == "New disks"

    @pytest.mark.parametrize("scope", ["none", "two"])
    def test_is_of_one_thing(self, scope, site, fresh_cluster):
        node = Node.objects.create(cluster=fresh_cluster, name="pve1")
        wish = {} if scope == "none" else {"cluster": fresh_cluster.pk, "node": node.pk}
        answer = site.post("/admin/alerts/maintenancewindow/add/", self.wish(**wish))
        assert "Choose a cluster, or a node, or a server." in text_of(answer)

    def test_ends_after_it_starts(self, site, fresh_cluster):
        wish = self.wish(cluster=fresh_cluster.pk, ends_at_0="2020-01-01")
        answer = site.post("/admin/alerts/maintenancewindow/add/", wish)
        assert "It must end after it starts." in text_of(answer)

    def test_what_it_held_back_is_decided_anew_when_it_is_cancelled(
        self,
        site,
        alice,
        make_server,
        make_alert,
        fresh_cluster,
        sent,
        committed,
    ):
        now = datetime.now(UTC)
        window = MaintenanceWindow.objects.create(
            cluster=fresh_cluster, starts_at=now, ends_at=now + timedelta(hours=3)
        )
        held = make_alert(make_server(alice), tell_at=window.ends_at)
        elsewhere = make_server(alice, "elsewhere")
        elsewhere.cluster = Cluster.objects.create(name="ams1", last_cycle_at=now)
        elsewhere.save()
        other = make_alert(elsewhere, tell_at=window.ends_at)
        with committed():
            site.post(f"/admin/alerts/maintenancewindow/{window.pk}/delete/", {"post": "yes"})
        assert not MaintenanceWindow.objects.exists()
        held.refresh_from_db()
        other.refresh_from_db()
        assert held.tell_at <= datetime.now(UTC) < other.tell_at
        assert sent[-1].name == "alerts.tell"
        assert AuditEntry.objects.filter(event="maintenance.cancelled").exists()

    def test_several_are_cancelled_together(self, site, fresh_cluster):
        now = datetime.now(UTC)
        windows = [
            MaintenanceWindow.objects.create(
                cluster=fresh_cluster, starts_at=now, ends_at=now + timedelta(hours=hours)
            )
            for hours in (1, 2)
        ]
        wish = {"action": "delete_selected", "_selected_action": [each.pk for each in windows]}
        site.post("/admin/alerts/maintenancewindow/", {**wish, "post": "yes"})
        assert AuditEntry.objects.filter(event="maintenance.cancelled").count() == 2

    def test_not_by_who_may_only_look(self, helper, fresh_cluster):
        answer = helper.post(
            "/admin/alerts/maintenancewindow/add/", self.wish(cluster=fresh_cluster.pk)
        )
        assert answer.status_code == 403


class TestReading:
    def test_alerts_with_what_happened_to_them(self, site, alice, make_server, make_alert):
        alert = make_alert(make_server(alice, "web1"))
        AlertEvent.objects.create(alert=alert, at=alert.fired_at, kind="held", reason="quiet")
        assert "CPU above 90 % for 10 min" in text_of(site.get("/admin/alerts/alert/"))
        page = site.get(f"/admin/alerts/alert/{alert.pk}/change/")
        assert "quiet" in text_of(page)
        assert f'href="/alerts/{alert.pk}/"' in page.content.decode()
        assert site.post(f"/admin/alerts/alert/{alert.pk}/delete/").status_code == 403
        assert Alert.objects.exists()

    def test_channels_without_their_secrets(self, site, alice, clock):
        channel, secret = destinations.add(
            alice, "webhook", name="", target="https://hooks.example.com/s3cret-path",
            actor=SYSTEM, now=clock(),
        )  # fmt: skip
        for address in ("", f"{channel.pk}/change/"):
            page = site.get(f"/admin/alerts/notificationchannel/{address}").content.decode()
            assert "https://hooks.example.com/…" in page
            assert secret not in page
            assert channel.secret not in page
            assert "s3cret-path" not in page

    @pytest.mark.parametrize(
        "table",
        ["alert", "alertrule", "incident", "maintenancewindow", "notification",
         "notificationchannel"],
    )  # fmt: skip
    def test_a_constant_number_of_queries(
        self, table, site, alice, make_server, make_alert, defaults, clock,
        django_assert_max_num_queries,
    ):  # fmt: skip
        for number in range(8):
            server = make_server(alice, f"web{number}")
            make_alert(server)
            Incident.objects.create(
                cluster=server.cluster, kind="node", name=f"pve{number}", began_at=clock()
            )
            outbox.tell(alice, subject="x", body="x", key=None, server=server, now=clock())
            wish = {"metric": "memory", "threshold": 0.5, "server": server}
            rules.create(alice, wish, actor=SYSTEM, now=clock())
            for place in ({"server": server}, {"node": server.node}):
                MaintenanceWindow.objects.create(
                    **place, starts_at=clock(), ends_at=clock() + timedelta(hours=1)
                )
        with django_assert_max_num_queries(12):
            assert site.get(f"/admin/alerts/{table}/").status_code == 200

    def test_of_an_alert_too_however_much_was_told(
        self, site, alice, make_server, make_alert, clock, django_assert_max_num_queries
    ):
        alert = make_alert(make_server(alice, "web1"))
        for _ in range(20):
            told = outbox.tell(alice, subject="x", body="x", key=None, now=clock())
            AlertEvent.objects.create(alert=alert, at=clock(), kind="told", notification=told)
        with django_assert_max_num_queries(12):
            assert site.get(f"/admin/alerts/alert/{alert.pk}/change/").status_code == 200
