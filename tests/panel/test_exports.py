"""Lists taken away as files: what is in them, who may, and what the log says of it."""

import csv
import io
import json

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncClient

from accounts import exports
from accounts.models import AuditEntry, User
from servers.models import Address, Label, Server

pytestmark = pytest.mark.django_db

LISTS = (
    "servers/server", "accounts/user", "servers/action", "alerts/alert", "accounts/auditentry",
    "alerts/notification",
)  # fmt: skip


@pytest.fixture
def site(browser_of, staff):
    return browser_of(staff)


def text_of(answer):
    return b"".join(answer.streaming_content).decode()


def rows_of(answer):
    return list(csv.reader(io.StringIO(text_of(answer).removeprefix("\ufeff"))))


@pytest.mark.parametrize("path", LISTS)
def test_each_list_goes_out_in_either_form(path, site, server, staff):
    heading, *rows = rows_of(site.get(f"/admin/{path}/export/"))
    assert len(set(heading)) == len(heading)
    assert all(len(row) == len(heading) for row in rows)
    told = json.loads(text_of(site.get(f"/admin/{path}/export/?format=json")))
    # One more of the audit log: the first export.
    assert len(told) == len(rows) + (path == "accounts/auditentry")


def test_a_list_offers_its_own_filters(site, server):
    page = site.get("/admin/servers/server/?status__exact=running&p=1").content.decode()
    assert 'href="export/?status__exact=running&amp;format=csv"' in page


def test_a_server_with_all_that_is_asked(site, server):
    Address.objects.create(server=server, position=0, address="203.0.113.77")
    Label.objects.create(server=server, key="env", value="prod")
    told = json.loads(text_of(site.get("/admin/servers/server/export/?format=json&owned=yes")))
    (row,) = told
    assert row["owner"] == "alice@example.com"
    assert row["addresses"] == ["203.0.113.77"]
    assert row["labels"] == ["env=prod"]
    assert row["memory_bytes"] == server.last_sample.memory_total
    assert row["status_since"].endswith("+00:00")


def test_filters_and_search_count_and_the_log_says_which(site, server, staff):
    answer = site.get("/admin/servers/server/export/?owned=yes&q=web&format=json")
    assert [row["name"] for row in json.loads(text_of(answer))] == [server.name]
    entry = AuditEntry.objects.get(event="export.made")
    assert entry.actor == staff
    assert entry.details == {
        "list": "servers.server", "filter": "owned=yes&q=web", "format": "json", "rows": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cell"),
    [("=1+1", "'=1+1"), ("+49", "'+49"), ("-x", "'-x"), ("@SUM(A1)", "'@SUM(A1)"),
     ("a=1", "a=1"), ('a,"b"', 'a,"b"'), ("Ёж", "Ёж")],
)  # fmt: skip
def test_a_name_is_no_formula(name, cell, site, server):
    Server.objects.filter(pk=server.pk).update(name=name)
    heading, row = rows_of(site.get("/admin/servers/server/export/?owned=yes"))
    assert row[heading.index("name")] == cell
    (told,) = json.loads(text_of(site.get("/admin/servers/server/export/?owned=yes&format=json")))
    assert told["name"] == name


def test_numbers_stay_numbers():
    assert exports.cell(-5) == -5
    assert exports.cell(None) == ""
    assert exports.cell(["a", "b"]) == "a b"
    assert exports.cell(["=a", "b"]) == "'=a b"


def test_in_the_person_s_language_and_clock(site, server, staff):
    User.objects.filter(pk=staff.pk).update(language="ru", time_zone="Asia/Almaty")
    heading, row = rows_of(site.get("/admin/servers/server/export/?owned=yes"))
    assert "+05:00" in " ".join(row)
    assert len(heading) == len(row)


def test_nothing_is_a_list_too(site):
    assert text_of(site.get("/admin/servers/server/export/?format=json")) == "[]\n"
    assert len(rows_of(site.get("/admin/servers/server/export/"))) == 1


def test_odd_filters_lead_back_to_the_list(site, server):
    answer = site.get("/admin/servers/server/export/?nonsense=1")
    assert answer.status_code in (302, 400)
    assert not AuditEntry.objects.filter(event="export.made").exists()


def test_support_may_and_others_may_not(browser_of, alice, server):
    support = User.objects.create_user("s@example.com", "long enough", role="support")
    without = User.objects.create_user("w@example.com", "long enough", is_staff=True)
    path = "/admin/servers/server/export/"
    assert browser_of(support).get(path).status_code == 200
    assert browser_of(without).get(path).status_code == 403
    assert browser_of(alice).get(path).status_code == 302


def test_as_many_questions_for_many_rows(
    site, server, pass_cycle, world, django_assert_num_queries
):
    text_of(site.get("/admin/servers/server/export/"))
    with django_assert_num_queries(14):
        text_of(site.get("/admin/servers/server/export/"))
    for number in range(20):
        world.create_guest(name=f"more{number}", uptime=600)
    pass_cycle()
    with django_assert_num_queries(14):
        assert len(rows_of(site.get("/admin/servers/server/export/"))) > 20


@pytest.mark.django_db(transaction=True)
async def test_the_web_process_hands_it_out_piece_by_piece(staff, server):
    client = AsyncClient()
    await client.aforce_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    answer = await client.get("/admin/servers/server/export/")
    assert isinstance(answer.asgi_request, ASGIRequest)
    assert answer.is_async
    pieces = [piece async for piece in answer.streaming_content]
    assert server.name in b"".join(pieces).decode()
