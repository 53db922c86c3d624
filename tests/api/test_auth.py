"""Signing in over the API, and tokens that are not good (any more)."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from django.conf import settings

from accounts.models import ApiSession, User
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, LOGOUT = (
    "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/logout/",
)  # fmt: skip
SERVERS = "/api/v1/servers/"


@pytest.fixture
def tokens(api_of, alice):
    body = {"email": alice.email, "password": PASSWORDS[alice.email]}
    answer = api_of().post(TOKEN, body)
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture
def get(api_of):
    def run(access):
        return api_of().get(SERVERS, HTTP_AUTHORIZATION=f"Bearer {access}")

    return run


def test_it_works(tokens, get):
    assert set(tokens) == {"access", "refresh"}
    assert get(tokens["access"]).status_code == 200


def test_a_mail_address_in_another_case(api_of, alice):
    body = {"email": "ALICE@Example.COM", "password": PASSWORDS[alice.email]}
    assert api_of().post(TOKEN, body).status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "wrong"), ("nobody@example.com", "correct horse")],
)
def test_a_wrong_one_and_an_unknown_one_are_told_alike(api_of, alice, email, password):
    answer = api_of().post(TOKEN, {"email": email, "password": password})
    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "code": "not_authenticated",
        "message": "No such person, or another password.",
        "fields": {},
    }


def test_somebody_who_was_disabled(api_of, alice, tokens, get):
    User.objects.update(is_active=False)
    body = {"email": alice.email, "password": PASSWORDS[alice.email]}
    assert api_of().post(TOKEN, body).status_code == 401
    assert get(tokens["access"]).status_code == 401


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email", "password"}),
        ({"email": "no address", "password": "x"}, {"email"}),
        ({"email": "a@example.com", "password": "x" * 5000}, {"password"}),
        ({"email": ["a"], "password": {"b": 1}}, {"email", "password"}),
    ],
)
def test_a_body_that_is_none(api_of, body, fields):
    answer = api_of().post(TOKEN, body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]) == fields


def test_no_json_at_all(api_of):
    answer = api_of().generic("POST", TOKEN, b"{broken", "application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"


class TestRefresh:
    def test_a_new_pair_and_the_old_one_is_used_up(self, api_of, tokens, get):
        answer = api_of().post(REFRESH, {"refresh": tokens["refresh"]})
        assert answer.status_code == 200
        assert get(answer.json()["access"]).status_code == 200
        again = api_of().post(REFRESH, {"refresh": tokens["refresh"]})
        assert again.status_code == 401

    def test_an_access_token_does_not_refresh(self, api_of, tokens):
        assert api_of().post(REFRESH, {"refresh": tokens["access"]}).status_code == 401

    def test_a_refresh_token_gives_no_access(self, tokens, get):
        assert get(tokens["refresh"]).status_code == 401

    @pytest.mark.parametrize("what", ["password", "active"])
    def test_somebody_with_another_password_and_somebody_disabled(
        self, api_of, alice, tokens, what
    ):
        if what == "password":
            alice.set_password("something else entirely")
        else:
            alice.is_active = False
        alice.save()
        answer = api_of().post(REFRESH, {"refresh": tokens["refresh"]})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "not_authenticated"
        assert ApiSession.objects.get().ended_at is not None
        User.objects.update(is_active=True)
        assert api_of().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401

    def test_somebody_who_was_deleted(self, api_of, alice, tokens):
        alice.delete()
        assert api_of().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401

    @pytest.mark.parametrize("refresh", ["", "x.y.z", None, 5])
    def test_what_is_none(self, api_of, refresh):
        assert api_of().post(REFRESH, {"refresh": refresh}).status_code in (400, 401)


class TestLogout:
    def test_it_ends_the_access_token_at_once_and_the_refresh_token(self, api_of, tokens, get):
        assert api_of().post(LOGOUT, {"refresh": tokens["refresh"]}).status_code == 204
        assert get(tokens["access"]).status_code == 401
        assert api_of().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
        assert ApiSession.objects.get().ended_at is not None

    def test_it_ends_what_was_refreshed_from_it_too(self, api_of, tokens, get):
        renewed = api_of().post(REFRESH, {"refresh": tokens["refresh"]}).json()
        api_of().post(LOGOUT, {"refresh": renewed["refresh"]})
        assert get(renewed["access"]).status_code == 401
        assert get(tokens["access"]).status_code == 401

    def test_another_sign_in_goes_on(self, api_of, alice, tokens, get):
        body = {"email": alice.email, "password": PASSWORDS[alice.email]}
        other = api_of().post(TOKEN, body).json()
        api_of().post(LOGOUT, {"refresh": tokens["refresh"]})
        assert get(other["access"]).status_code == 200

    def test_twice(self, api_of, tokens):
        api_of().post(LOGOUT, {"refresh": tokens["refresh"]})
        assert api_of().post(LOGOUT, {"refresh": tokens["refresh"]}).status_code == 401


def test_a_changed_password_ends_its_tokens(alice, tokens, get):
    alice.set_password("something else entirely")
    alice.save()
    assert get(tokens["access"]).status_code == 401


def test_an_access_token_ends_after_a_quarter_of_an_hour(tokens, get):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=14)):
        assert get(tokens["access"]).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        assert get(tokens["access"]).status_code == 401


class TestForgery:
    def claims(self, token):
        return jwt.decode(token, options={"verify_signature": False})

    def part(self, value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def forged(self, token, how):
        claims = self.claims(token)
        head, _, signature = token.split(".")
        key = settings.SECRET_KEY
        without_session = {name: value for name, value in claims.items() if name != "session"}
        other_session = {**claims, "session": "0b54cb17-0000-4d66-9a53-5e9a9e9f5f4a"}
        made = {
            "another key": lambda: jwt.encode(claims, "x" * 64, algorithm="HS256"),
            "no algorithm": lambda: jwt.encode(claims, None, algorithm="none"),
            "another person": lambda: (
                f"{head}.{self.part({**claims, 'user_id': '1'})}.{signature}"
            ),
            "another algorithm": lambda: jwt.encode(claims, key, algorithm="HS512"),
            "no signature": lambda: token.rsplit(".", 1)[0] + ".",
            "no session": lambda: jwt.encode(without_session, key, algorithm="HS256"),
            "a made-up session": lambda: jwt.encode(other_session, key, algorithm="HS256"),
        }
        return made[how]()

    @pytest.mark.parametrize(
        "how",
        [
            "another key", "no algorithm", "another person", "another algorithm",
            "no signature", "no session", "a made-up session",
        ],
    )  # fmt: skip
    @pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
    def test_it_is_refused(self, tokens, get, how):
        answer = get(self.forged(tokens["access"], how))
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "not_authenticated"

    @pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xff", "Basic eDp5"])
    def test_headers_that_are_none(self, api_of, header):
        assert api_of().get(SERVERS, HTTP_AUTHORIZATION=header).status_code == 401


class TestTooManyWrongPasswords:
    def attempt(self, client, email="alice@example.com", address="192.0.2.1", password="no"):
        return client.post(
            TOKEN, {"email": email, "password": password}, REMOTE_ADDR=address
        ).status_code

    def test_the_door_closes_even_for_the_right_one(self, api_of, alice):
        for _ in range(10):
            self.attempt(api_of())
        assert self.attempt(api_of(), password=PASSWORDS[alice.email]) == 429

    def test_from_another_address_it_stays_open(self, api_of, alice):
        for _ in range(11):
            self.attempt(api_of())
        right = PASSWORDS[alice.email]
        assert self.attempt(api_of(), address="192.0.2.2", password=right) == 200

    def test_a_made_up_forwarded_address_opens_nothing(self, api_of, alice):
        for number in range(11):
            api_of().post(
                TOKEN,
                {"email": alice.email, "password": "no"},
                REMOTE_ADDR="192.0.2.1",
                HTTP_X_FORWARDED_FOR=f"198.51.100.{number}",
            )
        assert self.attempt(api_of(), password=PASSWORDS[alice.email]) == 429

    def test_another_case_of_the_address_is_the_same_door(self, api_of, alice):
        for _ in range(10):
            self.attempt(api_of(), email="ALICE@example.com")
        assert self.attempt(api_of(), password=PASSWORDS[alice.email]) == 429

    def test_it_says_when_to_come_back(self, api_of, alice):
        for _ in range(10):
            self.attempt(api_of())
        answer = api_of().post(
            TOKEN, {"email": alice.email, "password": "no"}, REMOTE_ADDR="192.0.2.1"
        )
        assert answer["Retry-After"] == "900"
        assert answer.json()["error"]["code"] == "too_many_requests"
