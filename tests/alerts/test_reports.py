"""What is judged beside the cycle."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import SYSTEM
from alerts import judge, reports, rules
from alerts.judge import Value
from alerts.metrics import Metric
from alerts.models import Alert, AlertStanding
from servers import ownership
from servers.models import Server

WISH = {"metric": Metric.SNAPSHOT_AGE, "threshold": 86400.0}
OLD, NEW = Value(90000.0), Value(60.0)


@pytest.fixture
def rule(alice, clock):
    return rules.create(alice, WISH, actor=SYSTEM, now=clock())


@pytest.fixture
def report(clock, committed):
    def run(values, details=None):
        with committed():
            reports.report(Metric.SNAPSHOT_AGE, values, details=details, now=clock())
        return list(Alert.objects.filter(metric=Metric.SNAPSHOT_AGE))

    return run


def test_it_fires(report, rule, server, clock, sent):
    [alert] = report({server.pk: OLD}, {server.pk: "before-upgrade"})
    assert (alert.rule, alert.server, alert.owner) == (rule, server, server.owner)
    assert (alert.value, alert.detail) == (90000.0, "before-upgrade")
    assert (alert.since, alert.fired_at, alert.tell_at) == (clock(), clock(), clock())
    assert "alerts.tell" in [message.name for message in sent]


def test_it_fires_once(report, rule, server):
    report({server.pk: OLD})
    assert len(report({server.pk: OLD})) == 1


def test_it_recovers(report, rule, server):
    report({server.pk: OLD})
    [alert] = report({server.pk: NEW})
    assert (alert.active, alert.end_reason) == (None, Alert.End.RECOVERED)
    assert not AlertStanding.objects.filter(rule=rule).exists()


def test_a_value_that_is_missing_changes_nothing(report, rule, server):
    report({server.pk: OLD})
    [alert] = report({server.pk: judge.MISSING})
    assert alert.active


def test_nothing_to_measure_ends_it(report, rule, server):
    report({server.pk: OLD})
    [alert] = report({server.pk: judge.VOID})
    assert alert.end_reason == Alert.End.VOID


def test_other_rules_are_left_alone(report, rule, server, alice, clock):
    rules.create(alice, {"metric": Metric.CPU, "threshold": 0.5}, actor=SYSTEM, now=clock())
    assert [alert.rule for alert in report({server.pk: OLD})] == [rule]


def test_what_applies_to_others_does_not_fire(report, rule, server):
    others = Server.objects.exclude(pk=server.pk)
    assert report({other.pk: OLD for other in others}) == []


def test_one_that_is_gone_is_passed_over(report, rule, server):
    Server.objects.filter(pk=server.pk).update(present=None)
    assert report({server.pk: OLD, 999999: OLD}) == []


def test_what_stands_for_the_owner_before_is_left_to_the_cycle(report, rule, server, bob, clock):
    report({server.pk: OLD})
    rules.create(bob, WISH, actor=SYSTEM, now=clock())
    ownership.assign([server], bob, actor=SYSTEM, now=clock())
    found = report({server.pk: OLD})
    assert {alert.owner: alert.active for alert in found} == {rule.owner: True, bob: True}


def test_many_servers_are_judged_in_few_queries(rule, alice, polled, clock, committed):
    servers = list(Server.objects.all())
    ownership.assign(servers, alice, actor=SYSTEM, now=clock())

    def queries(some):
        AlertStanding.objects.all().delete()
        Alert.objects.all().delete()
        with CaptureQueriesContext(connection) as found, committed():
            reports.report(Metric.SNAPSHOT_AGE, {server.pk: OLD for server in some}, now=clock())
        return len(found)

    queries(servers[:2])
    assert queries(servers[:2]) == queries(servers)
    assert Alert.objects.count() == len(servers)
