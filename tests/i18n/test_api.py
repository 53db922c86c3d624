"""What the API refuses, it refuses in the language that was asked for; its codes never change."""

import re
from typing import Any

import pytest

from accounts.models import User
from tests.test_isolation import TABLE, filled, people  # noqa: F401 — a fixture

pytestmark = pytest.mark.django_db
API = [
    route
    for route in TABLE
    if route.startswith("api/v1/") and route[7:] not in ("docs/", "schema/")
]
# One wrong value for each field that any endpoint has, by the kind of wrong that it is.
WRONG = {
    name: ["x" * 600]
    for name in (
        "at", "attempt", "channels", "clear_at", "condition", "confirm", "current_password",
        "description", "duration", "email", "enabled", "hour", "keep", "kind", "label", "labels",
        "language", "memory", "metric", "minute", "mountpoint", "name", "no_data", "notes",
        "owner", "password", "protected", "quiet_from", "refresh", "remind_every", "replaces",
        "rule", "scope", "secret", "server", "server_id", "severity", "start", "target",
        "tell_recovery", "threshold", "time_zone", "title", "trust", "type", "until", "username",
        "way", "weekday",
    )
}  # fmt: skip
BODIES: tuple[dict[str, Any], ...] = (
    {},
    WRONG,
    dict.fromkeys(WRONG, ""),
    dict.fromkeys(WRONG, "нет такого"),
    dict.fromkeys(WRONG, -1),
    dict.fromkeys(WRONG),
    {"labels": {"?": "!"}, "title": "\x00", "description": "x" * 9999, "type": "start"},
    {"keep": 999, "time_zone": "UTC", "at": "03:00", "metric": "cpu", "threshold": 2},
)
METHODS = ("get", "post", "put", "patch", "delete")
QUERIES = ("", "?status=dancing&kind=x&page=9999&start=x&label=%3F", "?step=0&start=3000-01-01")


def texts_of(error):
    yield error["message"]
    for texts in error["fields"].values():
        yield from texts


def refused(client, route, pk, language):
    """Every error that the route has for what is wrong in many ways: (how, error)."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for method in METHODS:
        for number, body in enumerate(BODIES if method != "get" else QUERIES):
            ask = getattr(client, method)
            path = "/" + filled(route, pk)[1:]
            answer = ask(path + body) if method == "get" else ask(path, body)
            if answer.status_code >= 400:
                yield (method, number), answer.json()["error"]


@pytest.mark.parametrize("route", API)
def test_each_endpoint(route, people, server, api_of, redis_server):  # noqa: F811
    client = api_of(people["owner"])
    if route.startswith("api/v1/auth"):
        client.credentials()
    found = dict(refused(client, route, server.pk, "ru"))
    assert found
    for how, error in found.items():
        assert re.fullmatch("[a-z_]+", error["code"])
        for text in texts_of(error):
            assert re.search("[а-яё]", text, re.I), (how, text)


def test_codes_are_the_same_in_any_language(people, server, api_of):  # noqa: F811
    client = api_of(people["owner"])
    path = f"/api/v1/servers/{server.pk}/actions/"
    english, russian = (
        client.post(path, {"type": "dance"}, HTTP_ACCEPT_LANGUAGE=language).json()["error"]
        for language in ("en", "ru")
    )
    assert english["code"] == russian["code"] == "invalid"
    assert list(english["fields"]) == list(russian["fields"]) == ["type"]
    assert english["message"] != russian["message"]


def test_somebody_elses_and_nobodys(people, server, api_of):  # noqa: F811
    for who, code in (("other", "not_found"), ("nobody", "not_authenticated")):
        client = api_of(people[who])
        answer = client.get(f"/api/v1/servers/{server.pk}/", HTTP_ACCEPT_LANGUAGE="ru")
        assert answer.json()["error"]["code"] == code
        assert re.search("[а-я]", answer.json()["error"]["message"])


def test_the_document_is_english(client):
    document = client.get("/api/v1/schema/?format=json", HTTP_ACCEPT_LANGUAGE="ru")
    assert document.headers["Content-Language"] == "en"
    assert not re.search("[а-я]", document.content.decode().replace("Русский", ""), re.I)


class TestWhoseLanguage:
    @pytest.fixture(autouse=True)
    def administrator(self, staff):
        """Without one, each page leads to the setting up."""
        return staff

    @pytest.fixture
    def russian(self, alice):
        User.objects.filter(pk=alice.pk).update(language="ru", time_zone="Asia/Tokyo")
        alice.refresh_from_db()
        return alice

    def message(self, client, **headers):
        return client.get("/api/v1/servers/999999/", **headers).json()["error"]["message"]

    def test_by_session_it_is_the_persons(self, russian, browser_of):
        said = self.message(browser_of(russian), HTTP_ACCEPT_LANGUAGE="en")
        assert said == "Такого объекта нет."

    def test_by_token_it_is_what_the_program_asks_for(self, russian, api_of):
        client = api_of(russian)
        assert self.message(client) == "There is no such object."
        assert self.message(client, HTTP_ACCEPT_LANGUAGE="ru") == "Такого объекта нет."
        answer = client.get("/api/v1/servers/", HTTP_ACCEPT_LANGUAGE="ru")
        assert answer.headers["Content-Language"] == "ru"
        assert "Accept-Language" in answer.headers["Vary"]

    def test_of_nobody_a_cookie_counts_before_the_browser(self, client, db):
        assert 'lang="en"' in client.get("/sign-in/").content.decode()
        client.post("/language/", {"language": "ru", "next": "/sign-in/?next=/alerts/"})
        answer = client.get("/sign-in/?next=/alerts/", HTTP_ACCEPT_LANGUAGE="en")
        assert 'lang="ru"' in answer.content.decode()
        assert 'value="/alerts/"' in answer.content.decode()
        assert {"Accept-Language", "Cookie"} <= set(answer.headers["Vary"].split(", "))

    def test_switching_leads_back_and_nowhere_else(self, client, db):
        answer = client.post("/language/", {"language": "ru", "next": "/sign-in/?next=/alerts/"})
        assert answer.url == "/sign-in/?next=/alerts/"
        answer = client.post("/language/", {"language": "ru", "next": "https://example.com/"})
        assert answer.url == "/"

    def test_signing_in_leaves_ones_language_alone(self, client, alice):
        client.cookies["django_language"] = "ru"
        client.post("/sign-in/", {"username": alice.email, "password": "correct horse"})
        assert 'lang="en"' in client.get("/").content.decode()
        alice.refresh_from_db()
        assert alice.language == "en"

    def test_times_are_told_by_ones_clock(self, russian, browser_of, server):
        html = browser_of(russian).get(f"/servers/{server.pk}/").content.decode()
        assert 'data-time-zone="Asia/Tokyo"' in html
        assert re.search(r'<time data-field="since"[^>]*title="[а-я]{2}, \d+ [а-я.]+ \d{4}, '
                         r'[\d:]{8}, Asia/Tokyo"', html)  # fmt: skip

    def test_a_zone_that_is_none_any_more_is_no_end_of_pages(self, alice, browser_of):
        User.objects.filter(pk=alice.pk).update(time_zone="Mars/Olympus")
        assert browser_of(alice).get("/").status_code == 200

    def test_it_does_not_stay_with_the_next_one(self, russian, alice, client, browser_of):
        browser_of(russian).get("/")
        assert 'lang="en"' in client.get("/sign-in/").content.decode()
