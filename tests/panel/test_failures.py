"""What is answered where no view answers: JSON below /api/, a page elsewhere."""

import pytest
from django.test import Client

from accounts.api import TokenView
from panel import health


def broken(*args, **kwargs):
    raise RuntimeError("s3cr3t words")


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def error_of(answer, status, code):
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert error["code"] == code
    return error


@pytest.mark.parametrize("path", ["/api/", "/api/v2/servers/", "/api/x"])
def test_there_is_no_such_address_of_the_api(client, path):
    error_of(client.get(path), 404, "not_found")


def test_another_host_asks_the_api(client):
    error_of(client.get("/api/v1/servers/", HTTP_HOST="example.org"), 400, "invalid")


def test_the_api_fails_and_no_database_is_asked(client, monkeypatch):
    monkeypatch.setattr(TokenView, "post", broken)
    error = error_of(client.post("/api/v1/auth/token/"), 500, "failed")
    assert "s3cr3t" not in str(error)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/x", "/apix/"])
def test_there_is_no_such_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_another_host_asks_for_a_page(client):
    answer = client.get("/sign-in/", HTTP_HOST="example.org")
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")


def test_a_page_fails_and_no_database_is_asked(client, monkeypatch):
    monkeypatch.setattr(health, "redis_answers", broken)
    monkeypatch.setattr(health, "look_into_database", broken)
    answer = client.get("/health/ready")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
