"""What waits too long is seen: by doctor and by the health page."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts import backlog
from alerts.models import Alert, Notification
from panel import diagnosis

pytestmark = pytest.mark.django_db
LONG = timedelta(minutes=5)


def test_nothing_waits_where_all_is_told(told, clock):
    Notification.objects.update(status="sent", next_attempt_at=None)
    assert backlog.waiting_since(clock()) is None
    assert diagnosis.messages().well


def test_a_mail_that_nobody_takes(told, clock, client, redis_server):
    since = datetime.now(UTC) - LONG
    Notification.objects.update(next_attempt_at=since)
    assert backlog.waiting_since(datetime.now(UTC)) == since
    finding = diagnosis.messages()
    assert not finding.well
    assert "`deliver`" in finding.remedy
    body = client.get("/health/ready").json()
    assert 299 <= body["message_waits_seconds"] <= 310
    assert body["status"] == "degraded"


def test_an_alert_that_nobody_decides(server, alice, clock):
    since = datetime.now(UTC) - LONG
    Alert.objects.create(
        server=server, owner=alice, metric="cpu", severity="warning", condition="greater_than",
        since=since, fired_at=since, tell_at=since,
    )  # fmt: skip
    assert backlog.waiting_since(datetime.now(UTC)) == since
    assert not diagnosis.messages().well


def test_what_the_mail_server_puts_off(told, clock):
    later = datetime.now(UTC) + LONG
    Notification.objects.update(status="failed", next_attempt_at=later, error="451 Greylisted")
    assert backlog.waiting_since(datetime.now(UTC)) is None
    finding = diagnosis.messages()
    assert not finding.well
    assert "451 Greylisted" in finding.words
