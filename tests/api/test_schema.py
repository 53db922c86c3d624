"""The OpenAPI document: it comes from the code, and is true."""

import pytest
from django.core.management import call_command
from django.urls import URLPattern

from panel.urls import api

NOT_DOCUMENTED = {"schema", "docs", "unknown"}


@pytest.fixture(scope="module")
def document(django_db_blocker):
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_made_without_a_warning(capsys, tmp_path):
    call_command(
        "spectacular", "--validate", "--fail-on-warn", f"--file={tmp_path / 'schema.yml'}"
    )


def test_every_route_is_in_it(document):
    routes = {
        "/api/v1/" + str(route.pattern).replace("<int:pk>", "{id}").replace("<str:kind>", "{kind}")
        for route in api
        if isinstance(route, URLPattern) and route.name not in NOT_DOCUMENTED
    }
    assert routes == set(document["paths"])


def test_what_a_server_looks_like_is_what_is_sent(document, api_of, alice, server):
    described = document["components"]["schemas"]["Server"]["properties"]
    sent = api_of(alice).get(f"/api/v1/servers/{server.pk}/").json()
    assert set(described) == set(sent)
    metrics = document["components"]["schemas"]["Metrics"]["properties"]
    assert set(metrics) == set(sent["metrics"])


def test_it_tells_which_times_are_in_unix_seconds(document):
    metrics = document["components"]["schemas"]["Metrics"]["properties"]
    for name in ("taken_at", "disk_measured_at"):
        assert metrics[name]["type"] == "integer"
        assert f"`{name}`" in document["info"]["description"]
    assert "Unix seconds" in document["info"]["description"]


def test_it_is_served_with_a_page(client, db):
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert b"https://" not in page.content.replace(b"https://127.0.0.1", b"")
