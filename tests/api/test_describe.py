"""PATCH servers/{id}/: name, notes, labels, protection; and the label filter."""

import pytest

from accounts.models import AuditEntry
from servers.models import Label, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def patch(api_of, alice, server):
    client = api_of(alice)
    return lambda body: client.patch(f"/api/v1/servers/{server.pk}/", body)


def test_all_at_once(patch, server):
    labels = {"env": "prod", "db": ""}
    body = {"name": "shop", "notes": "Line 1\nLine 2 ", "labels": labels, "protected": False}
    answer = patch(body)
    assert answer.status_code == 200, answer.content
    assert {key: answer.json()[key] for key in body} == body
    server.refresh_from_db()
    assert (server.name, server.guest_name) == ("shop", "web1")
    events = {"server.renamed", "server.annotated", "server.labelled", "server.unprotected"}
    written = AuditEntry.objects.filter(object_id=server.pk, event__in=events)
    assert {entry.event for entry in written} == events
    assert "Line 1" not in str([entry.details for entry in written])


def test_what_is_not_named_stays(patch, server):
    patch({"labels": {"env": "prod"}, "notes": "kept"})
    answer = patch({"name": "other"}).json()
    assert (answer["labels"], answer["notes"]) == ({"env": "prod"}, "kept")
    assert patch({"labels": {}}).json()["labels"] == {}


def test_an_owned_server_is_protected_from_the_start(patch):
    assert patch({}).json()["protected"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 129),
        ("notes", "x" * 10_001),
        ("labels", {"": "x"}),
        ("labels", {"a b": "x"}),
        ("labels", {"a=b": "x"}),
        ("labels", {"a": "b,c"}),
        ("labels", {"a": "x" * 64}),
        ("labels", {"<script>": ""}),
        ("labels", {f"k{n}": "" for n in range(21)}),
        ("labels", ["env"]),
        ("labels", {"a": None}),
        ("protected", "perhaps"),
    ],
)
def test_bad_input_changes_nothing(field, value, patch, server):
    answer = patch({"name": "fine", field: value})
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]
    server.refresh_from_db()
    assert server.name == "web1"


def test_in_any_language(patch):
    assert patch({"labels": {"окружение": "прод", "größe": "groß"}}).status_code == 200


@pytest.mark.parametrize(
    ("label", "found"),
    [("env", ["one", "two"]), ("env=prod", ["one"]), ("env=", []), ("nothing", [])],
)
def test_servers_are_found_by_label(label, found, api_of, staff, polled):
    servers = Server.objects.order_by("pk")[:2]
    for server, name, value in zip(servers, ("one", "two"), ("prod", "test"), strict=True):
        Server.objects.filter(pk=server.pk).update(name=name)
        Label.objects.create(server=server, key="env", value=value)
    answer = api_of(staff).get("/api/v1/servers/", {"label": label})
    assert [server["name"] for server in answer.json()["results"]] == found


def test_a_label_that_is_none(api_of, alice, server):
    answer = api_of(alice).get("/api/v1/servers/", {"label": "a b"})
    assert answer.status_code == 400
    assert "label" in answer.json()["error"]["fields"]


def test_a_label_without_text_is_told_in_words(patch):
    answer = patch({"labels": {"env": None, "team": {}}})
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]["labels"] == [
        "env: This field may not be null.",
        "team: Not a valid string.",
    ]
