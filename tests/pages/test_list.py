import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Alert
from servers import addresses
from servers.models import Label, ListView
from servers.proxmox.types import GuestAddress
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
    assert few <= 14


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


class TestArrangement:
    """Layout, order and columns are each person's own, and kept."""

    @pytest.fixture
    def client(self, browser_of, alice, make_server):
        make_server(alice, "web")
        make_server(alice, "db", cpu=0.9)
        return browser_of(alice)

    def arrange(self, client, **sent):
        response = client.post("/servers/view/", sent)
        assert response.status_code == 302
        return response.url

    def test_cards_are_rendered_as_chosen(self, client):
        assert 'class="list" data-layout="rows"' in client.get("/").content.decode()
        assert self.arrange(client, layout="cards") == "/"
        assert 'class="list" data-layout="cards"' in client.get("/").content.decode()

    def test_the_order_is_kept_and_the_address_can_ask_for_another(self, client):
        assert names_of(client.get("/")) == ["db", "web"]
        self.arrange(client, sort="cpu")
        assert names_of(client.get("/?q=e")) == ["web"]
        make_order = names_of(client.get("/?sort=name"))
        assert (names_of(client.get("/")), make_order) == (["db", "web"], ["db", "web"])
        self.arrange(client, sort="status")
        assert client.get("/").context["sort"] == "status"

    def test_a_column_that_is_not_wanted_is_not_sent(self, client):
        self.arrange(client, columns_sent="1", columns=["cpu", "age"])
        row = row_of(client.get("/"), "web")
        assert 'data-field="cpu"' in row
        assert 'data-field="age"' in row
        for gone in ("memory", "disk", "network_in", "uptime"):
            assert f'data-field="{gone}"' not in row
        assert "data-sparkline" not in row

    def test_one_thing_is_changed_without_the_others(self, client):
        self.arrange(client, columns_sent="1", columns=["cpu"])
        self.arrange(client, layout="cards", sort="cpu")
        kept = ListView.objects.get(user__email="alice@example.com")
        assert (kept.layout, kept.sort) == ("cards", "cpu")
        assert "cpu" not in kept.hidden
        assert "memory" in kept.hidden

    def test_what_was_asked_for_stays_asked_for(self, client):
        url = self.arrange(client, sort="cpu", here="q=web&status=running&label=env")
        assert url == "/?q=web&label=env&status=running"

    @pytest.mark.parametrize("here", ["//evil.example", "https://evil.example/?q=x", "\r\nX: y"])
    def test_it_leads_nowhere_else(self, client, here):
        assert self.arrange(client, sort="cpu", here=here).startswith("/")
        assert "evil" not in self.arrange(client, sort="cpu", here=here).split("?")[0]

    @pytest.mark.parametrize(
        "odd", [{"layout": "waves"}, {"sort": "owner__password"}, {"columns": ["x"]}, {}]
    )
    def test_nonsense_leaves_the_usual(self, client, odd):
        self.arrange(client, columns_sent="1", **odd)
        assert names_of(client.get("/")) == ["db", "web"]

    def test_it_is_nobody_elses(self, client, browser_of, bob, make_server):
        make_server(bob, "theirs")
        self.arrange(client, layout="cards")
        assert 'data-layout="rows"' in browser_of(bob).get("/").content.decode()

    def test_looking_changes_nothing(self, client):
        client.get("/?sort=cpu")
        assert client.get("/servers/view/").status_code == 405
        assert not ListView.objects.exists()


class TestSearch:
    @pytest.fixture
    def web(self, alice, make_server, clock):
        server = make_server(alice, "web")
        Label.objects.create(server=server, key="env", value="prod")
        addresses.note(server, [GuestAddress("198.51.100.7", "eth0")], now=clock())
        make_server(alice, "db")
        return server

    @pytest.mark.parametrize(
        "text", ["WE", "env", "env=prod", "env=pr", "prod", "198.51.100.7", "198.51.", "100.7"]
    )
    def test_it_finds_by_name_label_and_address(self, browser_of, alice, web, text):
        assert names_of(browser_of(alice).get("/", {"q": text})) == ["web"]

    @pytest.mark.parametrize("text", ["env=dev", "198.51.100.8", "%", "_", "alice@", "100", "\\"])
    def test_and_nothing_else(self, browser_of, alice, web, text):
        assert names_of(browser_of(alice).get("/", {"q": text})) == []

    def test_staff_find_by_owner_and_vmid_too(self, browser_of, staff, alice, web):
        client = browser_of(staff)
        assert names_of(client.get("/", {"q": "alice@"})) == ["db", "web"]
        assert names_of(client.get("/", {"q": str(web.vmid)})) == ["web"]
        assert names_of(client.get("/", {"q": "9" * 40})) == []


class TestLabels:
    def chips(self, client, query=""):
        return client.get(f"/{query}").context["labels"]

    def test_each_in_use_is_a_filter_with_its_count(self, browser_of, alice, bob, make_server):
        for name in ("web", "db"):
            Label.objects.create(server=make_server(alice, name), key="env", value="prod")
        Label.objects.create(server=make_server(bob, "x"), key="secret", value="")
        (chip,) = self.chips(browser_of(alice))
        assert (chip["text"], chip["count"]) == ("env=prod", 2)
        assert chip["address"] == "/?label=env%3Dprod"
        (chosen,) = self.chips(browser_of(alice), "?label=env%3Dprod")
        assert (chosen["is_chosen"], chosen["address"]) == (True, "/")

    def test_it_counts_what_it_finds(self, browser_of, alice, make_server):
        for value in ("", "prod", "dev"):
            status = "unknown" if value == "dev" else "running"
            server = make_server(alice, f"web-{value}", status=status)
            Label.objects.create(server=server, key="env", value=value)
        client = browser_of(alice)
        chips = {chip["text"]: chip for chip in self.chips(client)}
        assert {text: chip["count"] for text, chip in chips.items()} == {
            "env": 3, "env=dev": 1, "env=prod": 1,
        }  # fmt: skip
        assert chips["env"]["is_unknown"]
        for chip in chips.values():
            assert len(names_of(client.get(chip["address"]))) == chip["count"]

    def test_it_shows_its_worst_server(self, browser_of, alice, make_server):
        Label.objects.create(server=make_server(alice, "a", status="unknown"), key="lost")
        Label.objects.create(server=make_server(alice, "b"), key="fine")
        alerting = make_server(alice, "c")
        Label.objects.create(server=alerting, key="hot")
        Alert.objects.create(
            server=alerting, owner=alice, metric="cpu", severity="critical",
            condition="above", since=datetime.now(UTC), fired_at=datetime.now(UTC),
        )  # fmt: skip
        row = browser_of(alice).get("/").content.decode().split('class="label-row"')[1]
        row = row.split("</nav>")[0]
        assert re.findall(r'data-worst="(\w+)"', row) == ["alerting", "unknown"]
        assert "an alert fires:" in row
        assert "one is unknown:" in row


def test_one_server_alone_needs_no_filters(browser_of, alice, make_server):
    make_server(alice, "only")
    content = browser_of(alice).get("/").content.decode()
    assert 'type="search"' not in content
    assert 'class="filters"' not in content
    assert 'type="search"' in browser_of(alice).get("/?q=x").content.decode()


def test_three_hundred_servers_are_three_pages(browser_of, alice, make_server):
    for number in range(300):
        make_server(alice, f"server-{number:03}")
    client = browser_of(alice)
    with CaptureQueriesContext(connection) as captured:
        response = client.get("/?page=3")
    assert len(captured) <= 14
    assert response.context["filters"][0]["count"] == 300
    assert names_of(response)[-1] == "server-299"
    assert len(names_of(response)) == 100
    assert "Page 3 of 3" in text_of(response)
