"""Why a rule does not fire for a server, and what would keep it from being heard."""

from datetime import time, timedelta

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from alerts import destinations, mutes, rulebook, rules
from alerts.models import (
    Alert,
    AlertPreferences,
    AlertRule,
    AlertStanding,
    MaintenanceWindow,
)
from alerts.silence import explain_silence
from monitoring.models import GuestDisk
from servers import labels
from servers.models import Action, LastSample, Server

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def alone(no_defaults):
    """No rule but the test's own."""


@pytest.fixture
def rule(rule_of, owner):
    return rule_of(owner)


@pytest.fixture
def why(server, owner, clock):
    def ask(rule, of=None, person=None):
        asked = Server.objects.select_related("last_sample").get(pk=(of or server).pk)
        return explain_silence(rule, asked, person=person or owner, now=clock())

    return ask


def codes(facts):
    return [fact.code for fact in facts]


class TestWhetherItApplies:
    def test_a_rule_that_is_switched_off(self, rule, why, clock):
        rules.change(rule, {"enabled": False}, actor=SYSTEM, now=clock())
        assert (why(rule).code, why(rule).applies) == ("disabled", False)

    def test_one_for_another_server(self, rule_of, owner, server, why):
        other = Server.objects.exclude(pk=server.pk).first()
        Server.objects.filter(pk=other.pk).update(owner=owner)
        other.refresh_from_db()
        assert why(rule_of(owner, server=other)).code == "other_server"

    def test_one_of_somebody_else(self, rule_of, bob, why):
        assert why(rule_of(bob)).code == "other_owner"

    def test_one_for_a_label_that_it_does_not_bear(self, rule_of, owner, why):
        assert why(rule_of(owner, label="env=prod")).code == "other_label"

    def test_one_for_a_label_that_it_bears(self, rule_of, owner, server, why, clock):
        labels.replace(server, {"env": "prod"}, actor=SYSTEM, now=clock())
        assert why(rule_of(owner, label="env=prod")).applies

    def test_one_that_another_stands_for(self, owner, rule_of, why, clock):
        default = AlertRule.objects.defaults().get(metric="cpu")
        AlertRule.objects.filter(pk=default.pk).update(enabled=True)
        rulebook.changed()
        default.refresh_from_db()
        mine = rule_of(owner, replaces=default)
        found = why(default)
        assert (found.code, found.facts[0].data) == ("replaced", {"rule": mine.pk})
        rules.change(mine, {"enabled": False}, actor=SYSTEM, now=clock())
        assert why(default).code == "switched_off"

    def test_a_server_that_is_gone(self, rule, server, why):
        Server.objects.filter(pk=server.pk).update(present=None, status="gone")
        assert why(rule).code == "gone"


class TestWhereItStands:
    def test_well(self, rule, why):
        found = why(rule)
        assert (found.code, found.applies) == ("well", True)
        assert found.value < 0.9
        assert "It fires above" in found.text
        assert found.facts[0].data["threshold"] == 0.9

    def test_pending(self, rule, guest, pass_time, why, clock):
        pass_time(30)
        guest.busy_cpu = 0.97
        pass_time(60)
        found = why(rule)
        assert codes(found.facts) == ["pending", "crossed"]
        assert found.facts[0].until - found.facts[0].at == timedelta(seconds=120)

    def test_firing(self, rule, guest, pass_time, why):
        guest.busy_cpu = 0.97
        pass_time(180)
        found = why(rule)
        alert = Alert.objects.firing().get()
        assert (found.code, found.alert) == ("firing", alert)
        assert codes(found.telling) == ["cooldown"]

    def test_missing(self, rule_of, owner, server, why, clock):
        rule = rule_of(owner, no_data=True)
        AlertStanding.objects.create(
            rule=rule, server=server, owner_id=owner.pk, state="missing",
            since=int(clock().timestamp()),
        )  # fmt: skip
        found = why(rule)
        assert (found.code, found.facts[0].until) == ("missing", clock() + timedelta(seconds=90))


class TestValues:
    def test_what_is_old_is_said(self, rule, why, clock):
        clock.pass_by(600)
        found = why(rule)
        assert (found.code, found.value) == ("stale", None)

    def test_nothing_was_ever_measured(self, rule, server, why):
        LastSample.objects.filter(server=server).delete()
        assert why(rule).code == "never"

    def test_a_value_that_the_rule_does_not_believe(self, rule_of, owner, server, why):
        LastSample.objects.filter(server=server).update(memory_source="host")
        found = why(rule_of(owner, metric="memory", trust="guest"))
        assert found.code == "not_believed"
        assert found.facts[0].data["source"] == "host"

    def test_the_fullest_file_system_counts_as_in_a_cycle(
        self, rule_of, owner, server, why, clock
    ):
        GuestDisk.objects.filter(pk=server.pk).delete()
        at = int(clock().timestamp())
        GuestDisk.objects.create(
            server=server, state="ok", used=10, total=100, measured_at=at, fullest=0.97,
            fullest_at="/var", next_look_at=at,
            file_systems=[{"mountpoint": "/var", "used": 97, "total": 100}],
        )  # fmt: skip
        LastSample.objects.filter(server=server).update(
            disk_used=10, disk_total=100, disk_source="agent", disk_measured_at=at
        )
        found = why(rule_of(owner, metric="disk"))
        assert (found.code, found.value) == ("crossed", 0.97)
        assert why(rule_of(owner, metric="disk", mountpoint="/var")).value == 0.97
        assert why(rule_of(owner, metric="disk", mountpoint="/no")).code == "no_file_system"

    def test_a_server_that_is_stopped(self, rule, server, owner, why, clock):
        Server.objects.filter(pk=server.pk).update(status="stopped", status_since=clock())
        found = why(rule)
        assert codes(found.facts) == ["at_rest", "void"]
        assert "nobody asked" in found.text

    def test_one_that_you_stopped(self, rule, server, owner, why, clock):
        Server.objects.filter(pk=server.pk).update(status="stopped", status_since=clock())
        action = Action.objects.create(
            server=server, type="stop", status="success", active=None, source="web",
            requested_by=owner, requested_by_email=owner.email, requested_at=clock() - timedelta(
                minutes=1
            ),
            finished_at=clock(), deadline=clock(),
        )  # fmt: skip
        found = why(rule)
        assert (found.code, found.facts[0].data["action"]) == ("on_purpose", action.pk)
        assert "by you" in found.text

    def test_who_of_the_staff_is_not_told(self, rule, server, staff, why, clock):
        Server.objects.filter(pk=server.pk).update(status="stopped", status_since=clock())
        Action.objects.create(
            server=server, type="stop", status="success", active=None, source="admin",
            requested_by=staff, requested_by_email=staff.email, by_staff=True,
            requested_at=clock(), finished_at=clock(), deadline=clock(),
        )  # fmt: skip
        found = why(rule)
        assert staff.email not in found.text
        assert "the staff" in found.text

    def test_a_lock_keeps_it_still(self, rule, server, why):
        Server.objects.filter(pk=server.pk).update(lock="backup")
        found = why(rule)
        assert codes(found.facts) == ["locked", "missing"]

    def test_a_lock_does_not_matter_to_its_memory(self, rule_of, owner, server, why):
        Server.objects.filter(pk=server.pk).update(lock="backup")
        assert why(rule_of(owner, metric="memory")).code == "well"

    @pytest.mark.parametrize("metric", ["state", "reachability", "snapshot_failed"])
    def test_what_is_so_or_is_not(self, metric, rule_of, owner, why):
        rule = rule_of(owner, metric=metric, threshold=None, clear_at=None, duration=0)
        assert why(rule).code == "well"

    def test_one_that_cannot_be_reached_is_not_said_to_be(self, rule_of, owner, world, guest, pass_time,
                                                          server, why):  # fmt: skip
        rule = rule_of(owner, metric="reachability", threshold=None, clear_at=None, duration=300)
        world.node_down(guest.node)
        pass_time(120)
        found = why(rule)
        assert codes(found.facts) == ["pending", "crossed"]
        assert "does not reach it" in found.facts[-1].text

    def test_one_that_went_down_is_not_said_to_have_not(self, rule_of, owner, world, pass_time,
                                                        server, why):  # fmt: skip
        rule = rule_of(owner, metric="state", threshold=None, clear_at=None, duration=120)
        pass_time(30)
        world.set_power(server.vmid, "stopped")
        pass_time(60)
        assert codes(why(rule).facts) == ["pending", "at_rest", "crossed"]

    def test_one_that_was_down_before_is_no_news(self, rule_of, owner, server, why, clock):
        Server.objects.filter(pk=server.pk).update(status="stopped", status_since=clock())
        rule = rule_of(owner, metric="state", threshold=None, clear_at=None, duration=120)
        found = why(rule)
        assert codes(found.facts) == ["at_rest", "well"]
        assert "seen to go down" in found.facts[-1].text


class TestWhetherItWouldBeHeard:
    def test_nothing_is_in_the_way(self, rule, why):
        assert why(rule).telling == []

    def test_a_mute(self, rule, owner, why, clock):
        made = mutes.mute(
            owner, rule=rule, server=None, until=clock() + HOUR, actor=SYSTEM, now=clock()
        )
        [fact] = why(rule).telling
        assert (fact.code, fact.until, fact.data) == ("muted", clock() + HOUR, {"mute": made.pk})

    def test_a_mute_of_another_server_is_none(self, rule, owner, server, why, clock):
        other = Server.objects.exclude(pk=server.pk).first()
        Server.objects.filter(pk=other.pk).update(owner=owner)
        other.refresh_from_db()
        mutes.mute(owner, rule=None, server=other, until=None, actor=SYSTEM, now=clock())
        assert why(rule).telling == []

    def test_maintenance_of_its_node(self, rule, server, why, clock):
        MaintenanceWindow.objects.create(
            node=server.node, starts_at=clock(), ends_at=clock() + HOUR, note="New disks."
        )
        [fact] = why(rule).telling
        assert (fact.code, fact.until) == ("maintenance", clock() + HOUR)
        assert "New disks." in fact.text

    def test_quiet_hours(self, rule, owner, why):
        AlertPreferences.objects.update_or_create(
            user=owner, defaults={"quiet_from": time(0), "quiet_until": time(23, 59)}
        )
        assert codes(why(rule).telling) == ["quiet"]

    def test_quiet_hours_do_not_hold_what_is_critical(self, rule_of, owner, why):
        AlertPreferences.objects.update_or_create(
            user=owner, defaults={"quiet_from": time(0), "quiet_until": time(23, 59)}
        )
        assert why(rule_of(owner, severity="critical")).telling == []

    def test_no_channel(self, rule, owner, why, clock):
        channel = destinations.own_mail(owner, clock())
        destinations.disable(channel, actor=Actor(owner, Source.WEB), now=clock())
        assert codes(why(rule).telling) == ["no_channel"]

    def test_nobody_owns_it(self, server, why, staff):
        default = AlertRule.objects.defaults().get(metric="cpu")
        AlertRule.objects.filter(pk=default.pk).update(enabled=True)
        rulebook.changed()
        default.refresh_from_db()
        Server.objects.filter(pk=server.pk).update(owner=None)
        assert codes(why(default, person=staff).telling) == ["no_owner"]


def test_it_takes_few_queries(rule, why, django_assert_max_num_queries):
    why(rule)
    with django_assert_max_num_queries(14):
        why(rule)
