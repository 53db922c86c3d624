"""What happened while nobody looked, told once, to whose it still is."""

from datetime import time, timedelta

import pytest

from accounts.audit import SYSTEM
from alerts import digests, preferences
from alerts.models import Alert, AlertEvent, Notification
from servers import ownership

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def alone(no_defaults):
    """No rule but the test's own."""


@pytest.fixture
def happened(owner, server, clock, rule_of):
    """So many episodes of a minute each, one after the other, two days ago."""

    def make(count=1):
        rule, begin = rule_of(owner), clock() - 50 * HOUR
        digests.store(
            [
                Alert(
                    rule=rule, server=server, owner=owner, metric="cpu", severity="warning",
                    condition="greater_than", threshold=0.9, since=begin + at * MINUTE,
                    fired_at=begin + at * MINUTE, ended_at=begin + (at + 1) * MINUTE,
                    end_reason="recovered", value=0.95,
                )
                for at in range(count)
            ],
            now=clock(),
        )  # fmt: skip
        return begin

    return make


@pytest.fixture
def tell(clock):
    def run(seconds=180):
        clock.pass_by(seconds)
        digests.tell_due(clock)
        return list(Notification.objects.filter(kind="digest"))

    return run


def test_much_is_one_message_too(happened, tell):
    happened(1500)
    tell()
    [digest] = tell()
    assert "1500 alerts" in digest.subject
    assert digest.alerts.count() == 1500
    assert not Alert.objects.filter(tell_at__isnull=False).exists()


def test_whose_server_it_was_before_is_told_nothing(happened, tell, server, bob, clock):
    happened()
    ownership.assign([server], bob, actor=SYSTEM, now=clock())
    assert tell() == []
    assert AlertEvent.objects.get(kind="not_told").reason == "owner_changed"


def test_it_tells_of_the_time_that_it_is_about(happened, tell, owner, clock):
    """Not of that until which it was held back."""
    quiet = {"quiet_from": time(8), "quiet_until": time(20)}
    preferences.change(owner, quiet, actor=SYSTEM, now=clock())
    happened()
    assert tell() == []
    [digest] = tell(10 * 3600)
    assert "From 18 Nov 2026, 10:01 (UTC) to 18 Nov 2026, 10:02 (UTC)" in digest.body
