"""How much of the API one person may use."""

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway

from panel import limits

pytestmark = pytest.mark.django_db

SERVERS = "/api/v1/servers/"


@pytest.fixture(autouse=True)
def nothing_counted(settings):
    cache.clear()
    settings.API_RATE_LIMIT = 5
    yield
    cache.clear()


def test_each_answer_says_what_is_left(api_of, alice):
    api = api_of(alice)
    first, second = api.get(SERVERS), api.get(SERVERS)
    assert first["RateLimit-Limit"] == "5"
    assert int(first["RateLimit-Remaining"]) - int(second["RateLimit-Remaining"]) == 1
    assert int(first["RateLimit-Reset"]) % 3600 == 0


def test_then_it_is_429_with_when_to_come_back(api_of, alice):
    api = api_of(alice)
    for _ in range(5):
        assert api.get(SERVERS).status_code == 200
    answer = api.get(SERVERS)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too_many_requests"
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert answer["RateLimit-Remaining"] == "0"


def test_one_persons_limit_is_not_anothers(api_of, alice, bob):
    alices, bobs = api_of(alice), api_of(bob)
    for _ in range(6):
        alices.get(SERVERS)
    assert bobs.get(SERVERS).status_code == 200


def test_a_made_up_address_opens_nothing(api_of):
    answers = [
        api_of().post(
            "/api/v1/auth/token/", {}, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}"
        )
        for n in range(6)
    ]
    assert answers[-1].status_code == 429


def test_pages_are_not_counted(browser_of, alice):
    browser = browser_of(alice)
    assert all(browser.get("/").status_code == 200 for _ in range(8))


def test_a_count_that_redis_lost_begins_anew(api_of, alice):
    api = api_of(alice)
    api.get(SERVERS)
    cache.clear()
    answer = api.get(SERVERS)
    assert answer.status_code == 200
    assert answer["RateLimit-Remaining"] == "4"


def test_without_redis_nobody_is_held_up(api_of, alice, monkeypatch):
    def away(*args, **kwargs):
        raise RedisAway("away")

    api = api_of(alice)
    monkeypatch.setattr(limits.counting(), "incr", away)
    answers = [api.get(SERVERS) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit-Limit" not in answers[-1]
