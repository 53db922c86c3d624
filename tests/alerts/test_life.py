"""What a rule tried on the past says is what it did while that was the present."""

from datetime import time
from random import Random

import pytest

from accounts.audit import SYSTEM
from alerts import preferences, rules
from alerts.models import Alert, Notification
from monitoring.backtest import try_rule

pytestmark = pytest.mark.django_db
KINDS = ("fired", "recovered", "flapping", "reminder")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_same(seed, no_defaults, owner, server, guest, clock, pass_time):
    chance = Random(seed)
    wish = {
        "metric": "cpu", "threshold": 0.9, "clear_at": chance.choice([0.9, 0.6]),
        "duration": chance.choice([0, 60, 120]), "tell_recovery": chance.random() < 0.8,
        "remind_every": chance.choice([None, 3600]),
    }  # fmt: skip
    if seed % 2:
        quiet = {"quiet_from": time(11, 0), "quiet_until": time(12, 40)}
        preferences.change(owner, quiet, actor=SYSTEM, now=clock())
    rule = rules.create(owner, wish, actor=SYSTEM, now=clock())
    begin = int(clock.seconds)
    for _ in range(40):
        guest.busy_cpu = chance.choice([0.1, 0.7, 0.95, 0.99])
        pass_time(30 * chance.choice([1, 1, 2, 4, 10, 20]))
    end = int(clock.seconds) + 1
    found = try_rule(rule, server.pk, person=owner, start=begin, end=end, now=end)
    lived = Alert.objects.order_by("fired_at").values_list("since", "fired_at", "ended_at")
    assert len(lived) > 1
    assert [(each.since, each.fired_at, each.ended_at) for each in found.episodes] == [
        tuple(at and int(at.timestamp()) for at in times) for times in lived
    ]
    told = Notification.objects.filter(kind__in=KINDS).order_by("created_at", "pk")
    assert sorted((each.at, each.message.value) for each in found.telling.told) == sorted(
        told.values_list("created_at", "kind")
    )
