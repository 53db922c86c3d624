from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import tokens
from accounts.models import ApiSession
from accounts.tasks import clear_expired

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=9)


def test_what_can_not_be_used_any_more_goes(alice, client):
    tokens.begin_session(alice, None, now=LONG_AGO)
    kept = tokens.begin_session(alice, None, now=NOW)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    Session.objects.update(expire_date=LONG_AGO)
    OutstandingToken.objects.exclude(jti=kept["jti"]).update(expires_at=LONG_AGO)
    AccessAttempt.objects.create(username="x", ip_address="192.0.2.1", failures_since_start=3)
    AccessAttempt.objects.update(attempt_time=LONG_AGO)
    clear_expired()
    assert [str(session.pk) for session in ApiSession.objects.all()] == [kept[tokens.CLAIM]]
    assert OutstandingToken.objects.count() == 1
    assert not Session.objects.exists()
    assert not AccessAttempt.objects.exists()


def test_a_session_that_is_renewed_lives_on(alice):
    refresh = tokens.begin_session(alice, None, now=LONG_AGO)
    assert tokens.renew_session(refresh, now=NOW)
    clear_expired()
    assert ApiSession.objects.exists()
