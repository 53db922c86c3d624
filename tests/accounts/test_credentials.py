"""What keeps a person's sockets open, and what ends it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accounts import roles, tokens
from accounts.models import User

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def credential_of(person):
    refresh = tokens.begin_session(person, None, now=NOW)
    return tokens.credential_of(str(refresh.access_token))


@pytest.fixture
def by_session(browser_of, alice):
    """Alice's, from a browser."""
    key = browser_of(alice).session.session_key
    return tokens.Credential(alice.pk, alice.get_session_auth_hash(), session_key=key)


@pytest.fixture
def by_token(alice):
    return credential_of(alice)


def still_good(*credentials, now=NOW):
    return tokens.still_good(credentials, now=now)


def test_as_long_as_nothing_changes(by_session, by_token, alice):
    alice.first_name = "Alicia"
    alice.save()
    assert still_good(by_session, by_token) == {by_session, by_token}


def test_another_password_ends_sessions_and_tokens(by_session, by_token, alice):
    alice.set_password("something else entirely")
    alice.save()
    assert still_good(by_session, by_token) == set()


def test_but_not_those_of_somebody_else(by_session, bob, alice):
    bobs = credential_of(bob)
    alice.set_password("something else entirely")
    alice.save()
    assert still_good(by_session, bobs) == {bobs}


def test_what_the_staff_site_changes_is_noticed(by_session, by_token, alice, staff, browser_of):
    body = {
        "password1": "something else entirely",
        "password2": "something else entirely",
        "usable_password": "true",
    }
    answer = browser_of(staff).post(f"/admin/accounts/user/{alice.pk}/password/", body)
    assert answer.status_code == 302
    assert still_good(by_session, by_token) == set()


def test_somebody_disabled_or_deleted(by_session, by_token, alice):
    User.objects.update(is_active=False)
    assert still_good(by_session, by_token) == set()
    alice.delete()
    assert still_good(by_session, by_token) == set()


def test_tokens_expire(by_session, by_token):
    assert still_good(by_session, by_token, now=NOW + timedelta(hours=1)) == {by_session}


def test_three_queries_for_any_number(by_session, by_token, staff, bob, django_assert_num_queries):
    more = [credential_of(person) for person in (bob, staff, bob)]
    with django_assert_num_queries(3):
        assert len(still_good(by_session, by_token, *more)) == 5


def test_the_hash_is_not_shown(by_token):
    assert by_token.auth_hash not in repr(by_token)


def test_of_staff_on_behalf_of_somebody_as_long_as_they_may(by_session, staff):
    acting = replace(by_session, staff_id=staff.pk, staff_hash=staff.get_session_auth_hash())
    assert still_good(replace(acting, staff_hash="")) == set()
    assert still_good(acting) == {acting}
    User.objects.filter(pk=staff.pk).update(role=roles.SUPPORT, **roles.flags(roles.SUPPORT))
    assert still_good(acting, by_session) == {by_session}
    User.objects.filter(pk=staff.pk).update(is_active=False)
    assert still_good(acting) == set()
