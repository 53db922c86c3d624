"""Whose a session is: the same person as by the ORM, to the last field."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiSession, User
from accounts.session_person import session_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def session(alice):
    now = datetime(2026, 11, 1, 12, 30, 15, 250_000, UTC)
    User.objects.filter(pk=alice.pk).update(last_login=now, time_zone="Europe/Riga")
    return ApiSession.objects.create(user=alice, started_at=now, renewed_at=now)


def test_it_is_the_whole_person(session, alice):
    alice.refresh_from_db()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = session_person(session.pk)
        for field in User._meta.concrete_fields:
            value = getattr(found, field.attname)
            assert value == getattr(alice, field.attname)
            assert type(value) is type(getattr(alice, field.attname))
    assert len(queries) == 1
    assert found == alice
    assert not found._state.adding


def test_it_can_be_changed_and_saved(session, alice):
    found = session_person(session.pk)
    found.first_name = "Alice"
    found.save()
    alice.refresh_from_db()
    assert alice.first_name == "Alice"


def test_an_ended_session_is_nobodys(session):
    ApiSession.objects.update(ended_at=session.started_at)
    assert session_person(session.pk) is None


def test_an_unknown_session_is_nobodys(session):
    assert session_person(uuid4()) is None
