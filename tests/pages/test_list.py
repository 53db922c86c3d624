import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.pages.reading import row_of, text_of


def names_of(response):
    return [server.name for server in response.context["page"]]


def test_a_row_tells_all_numbers_with_their_units_and_age(browser_of, alice, make_server):
    make_server(alice, "web")
    text = text_of(browser_of(alice).get("/"))
    for expected in ("web", "Running", "12 %", "3.0 / 8.0 GiB", "10.0 / 40.0 GiB"):
        assert expected in text
    for expected in ("1.2 MB/s", "300 B/s", "3 d 4 h"):
        assert expected in text
    assert re.search(r"\b[5-9] s ago", text)


def test_customers_see_neither_node_nor_cluster(browser_of, alice, make_server):
    server = make_server(alice)
    for path in ("/", f"/servers/{server.pk}/"):
        content = browser_of(alice).get(path).content
        assert b"pve-hidden-7" not in content
        assert b"fra1" not in content


def test_disk_use_that_is_not_known_is_said_to_be_so(browser_of, alice, make_server):
    make_server(alice, "vm", disk_used=None, disk_source="")
    row = row_of(browser_of(alice).get("/"), "vm")
    assert "Not known" in row
    assert 'data-meter="disk" data-level="none"' in row
    assert "0.0 %" not in row


def test_an_unknown_server_shows_its_last_numbers_as_old(browser_of, alice, make_server):
    make_server(alice, "lost", status="unknown", age=300)
    response = browser_of(alice).get("/")
    row = row_of(response, "lost")
    assert 'data-status="unknown">Unknown' in row
    assert "last seen 5" in row
    assert 'data-stale="true"' in row
    assert "12\xa0%" in row


def test_a_stopped_server_has_no_numbers_and_is_no_problem(browser_of, alice, make_server):
    make_server(alice, "off", status="stopped", age=300)
    response = browser_of(alice).get("/")
    row = row_of(response, "off")
    assert 'data-status="stopped">Stopped' in row
    assert "12\xa0%" not in row
    assert "last seen" not in row
    assert 'data-stale="false"' in row
    assert b"<title>Servers" in response.content


def test_the_title_counts_unknown_and_stale_servers(browser_of, alice, make_server):
    make_server(alice, "lost", status="unknown")
    make_server(alice, "slow", age=600)
    make_server(alice, "fine")
    assert b"<title>(2) Servers" in browser_of(alice).get("/").content


def test_numbers_of_an_earlier_run_are_not_shown(browser_of, alice, make_server):
    make_server(alice, "again", age=7200)
    row = row_of(browser_of(alice).get("/"), "again")
    assert "No numbers yet" in row
    assert "12\xa0%" not in row


@pytest.mark.parametrize(
    ("used", "level"), [(64, "fine"), (65, "warning"), (89, "warning"), (90, "critical")]
)
def test_meters_warn_from_65_and_90_percent(used, level, browser_of, alice, make_server):
    make_server(alice, "web", memory_used=used, memory_total=100)
    row = row_of(browser_of(alice).get("/"), "web")
    assert f'data-meter="memory" data-level="{level}"' in row


def test_what_comes_from_a_guest_is_never_markup(browser_of, alice, make_server):
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    server = make_server(alice, hostile, status="unknown")
    for path in ("/", f"/servers/{server.pk}/"):
        content = browser_of(alice).get(path).content.decode()
        assert "<script>alert" not in content
        assert "<img" not in content
        assert "&lt;script&gt;alert(1)" in content


def test_the_number_of_queries_does_not_grow_with_servers(browser_of, alice, make_server):
    client = browser_of(alice)

    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get("/")
        return len(captured)

    for number in range(3):
        make_server(alice, f"server-{number}")
    few = queries()
    for number in range(3, 30):
        make_server(alice, f"server-{number}")
    assert queries() == few
    assert few <= 10


def test_states_are_counted_and_filter(browser_of, alice, make_server):
    for name, status in (("a", "running"), ("b", "running"), ("c", "stopped")):
        make_server(alice, name, status=status)
    client = browser_of(alice)
    counts = {each["status"]: each["count"] for each in client.get("/").context["filters"]}
    assert (counts[""], counts["running"], counts["stopped"]) == (3, 2, 1)
    assert names_of(client.get("/?status=stopped")) == ["c"]
    assert names_of(client.get("/?status=nonsense")) == ["a", "b", "c"]


def test_search_finds_part_of_a_name_and_says_when_it_does_not(browser_of, alice, make_server):
    make_server(alice, "web-1")
    make_server(alice, "db-1")
    client = browser_of(alice)
    assert names_of(client.get("/?q=WEB")) == ["web-1"]
    assert "Nothing found" in text_of(client.get("/?q=<b>nothing</b>"))


@pytest.mark.parametrize("sort", ["cpu", "memory", "disk", "network", "uptime"])
def test_numbers_sort_highest_first_and_what_has_none_last(sort, browser_of, alice, make_server):
    make_server(alice, "low")
    high = {"cpu": 0.9, "memory_used": 7 * 2**30, "disk_used": 39 * 2**30}
    make_server(alice, "high", **high, network_in=9e6, uptime=10**7)
    make_server(alice, "off", status="stopped", **high, network_in=9e9, uptime=10**8)
    response = browser_of(alice).get(f"/?sort={sort}")
    assert names_of(response) == ["high", "low", "off"]
    assert 'aria-sort="descending"' in response.content.decode()


def test_while_the_socket_is_lost_the_same_servers_are_asked_for(browser_of, alice, make_server):
    for number in range(3):
        make_server(alice, f"web-{number}")
    client = browser_of(alice)
    for query in ("", "?q=web", "?sort=cpu", "?status=running"):
        response = client.get(f"/{query}")
        asked = client.get(response.context["refresh_url"]).json()["results"]
        assert {server["id"] for server in asked} == {s.pk for s in response.context["page"]}


def test_nobody_has_servers_yet(browser_of, alice, staff):
    assert "You have no servers yet" in text_of(browser_of(alice).get("/"))
    assert "Add a cluster" in text_of(browser_of(staff).get("/"))
