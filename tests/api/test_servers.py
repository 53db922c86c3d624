import pytest

from accounts.audit import SYSTEM
from servers import addresses, labels
from servers.models import Address, LastSample, Server
from servers.proxmox.types import GuestAddress

pytestmark = pytest.mark.django_db

SERVERS = "/api/v1/servers/"


def names(answer):
    assert answer.status_code == 200, answer.content
    return [server["name"] for server in answer.json()["results"]]


@pytest.fixture
def api(api_of, server, alice):
    return api_of(alice)


@pytest.fixture
def many(server, alice, clock):
    """Five more of Alice's, with CPU falling."""
    made = [
        Server.objects.create(
            cluster_id=server.cluster_id, kind="lxc", vmid=900 + n, name=f"extra{n}",
            owner=alice, status="stopped" if n % 2 else "running", status_since=clock(),
        )
        for n in range(5)
    ]  # fmt: skip
    for n, extra in enumerate(made):
        LastSample.objects.create(server=extra, taken_at=1, cpu=1 - n / 10, memory_used=n)
    return made


def test_one_server_has_the_fields_of_the_contract(api, server):
    body = api.get(f"{SERVERS}{server.pk}/").json()
    assert {"id", "name", "kind", "status", "lock", "metrics"} <= set(body)
    assert body["kind"] == "qemu"
    assert body["status"] == "running"
    metrics = body["metrics"]
    assert set(metrics) == {
        "taken_at", "cpu", "memory_used", "memory_total", "disk_used", "disk_total",
        "network_in", "network_out", "disk_read", "disk_write", "uptime", "disk_measured_at", "sources",
    }  # fmt: skip
    assert 0 <= metrics["cpu"] <= 1.5
    assert metrics["memory_used"] <= metrics["memory_total"]
    assert metrics["sources"]["cpu"] == "host"


def test_nothing_of_proxmox_is_shown(api, server):
    body = api.get(f"{SERVERS}{server.pk}/").json()
    assert {"node", "vmid", "cluster", "identity", "owner", "guest_name"}.isdisjoint(body)


def test_a_server_that_never_measured_has_no_metrics(api, server):
    LastSample.objects.all().delete()
    assert api.get(f"{SERVERS}{server.pk}/").json()["metrics"] is None


def test_the_list_and_the_server_itself_say_the_same(api, many, server, alice, clock):
    """They are read in two ways: tuples for many, an instance for one."""
    labels.replace(server, {"env": "prod", "role": "", "a": "b"}, actor=SYSTEM, now=clock())
    Address.objects.bulk_create(
        [
            Address(server=server, position=position, address=address)
            for position, address in ((1, "198.51.100.8"), (0, "2001:db8::8"), (2, "10.0.0.8"))
        ]
    )
    server.notes, server.protected = "two\nlines", False
    server.save(update_fields=["notes", "protected"])
    LastSample.objects.filter(server=many[1]).delete()
    acting = api.post(f"{SERVERS}{server.pk}/actions/", {"type": "reboot"}, format="json")
    assert acting.status_code == 202, acting.content
    listed = {each["id"]: each for each in api.get(SERVERS).json()["results"]}
    assert len(listed) == 6
    assert listed[server.pk]["action"]["type"] == "reboot"
    assert listed[many[1].pk]["metrics"] is None
    for pk, each in listed.items():
        alone = api.get(f"{SERVERS}{pk}/").json()
        assert list(each.items()) == list(alone.items())


def test_the_list_has_pages(api, many):
    first = api.get(SERVERS, {"page_size": 4}).json()
    assert (first["count"], len(first["results"])) == (6, 4)
    assert first["previous"] is None
    assert len(api.get(first["next"]).json()["results"]) == 2


@pytest.mark.parametrize("page", ["99", "0", "x", "-1"])
def test_a_page_that_does_not_exist(api, page):
    assert api.get(SERVERS, {"page": page}).status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "stopped"}, 2),
        ({"status": ["stopped", "running"]}, 6),
        ({"kind": "lxc"}, 5),
        ({"name": "EXTRA3"}, 1),
        ({"name": "extra%"}, 0),
    ],
)
def test_filters(api, many, query, count):
    assert len(names(api.get(SERVERS, query))) == count


@pytest.mark.parametrize("query", [{"status": "dancing"}, {"kind": "openvz"}])
def test_a_filter_that_makes_no_sense_is_said(api, query):
    answer = api.get(SERVERS, query)
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"]) == set(query)


def test_ordering(api, many):
    extras = [n for n in names(api.get(SERVERS, {"ordering": "-cpu"})) if "extra" in n]
    assert extras == [f"extra{n}" for n in range(5)]
    extras = [n for n in names(api.get(SERVERS, {"ordering": "memory_used"})) if "extra" in n]
    assert extras == [f"extra{n}" for n in range(5)]


def test_an_order_that_does_not_exist_is_the_default(api, many):
    assert names(api.get(SERVERS, {"ordering": "owner__password"})) == names(api.get(SERVERS))


def test_a_constant_number_of_queries(api, many, django_assert_num_queries):
    # The session with its person, servers, what stands beside them, and how many there are in all.
    with django_assert_num_queries(4):
        api.get(SERVERS, {"page_size": 2})
    with django_assert_num_queries(4):
        api.get(SERVERS, {"page_size": 5})
    with django_assert_num_queries(3):  # the page that holds all of them shows how many
        assert api.get(SERVERS, {"page_size": 100}).json()["count"] == 6


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7])
def test_page_by_page_they_are_all_there_once(size, api, many):
    seen, asked = [], f"{SERVERS}?page_size={size}"
    pages = 0
    while asked:
        body = api.get(asked).json()
        assert body["count"] == 6
        assert bool(body["previous"]) == bool(seen)
        seen += [each["id"] for each in body["results"]]
        asked, pages = body["next"], pages + 1
    assert len(seen) == len(set(seen)) == 6
    assert pages == -(-6 // size)


@pytest.mark.parametrize(
    ("page", "status"),
    [("1", 200), ("2", 200), ("last", 200), ("3", 404), ("0", 404), ("-1", 404), ("x", 404),
     ("9" * 30, 404), ("\u0661", 200)],
)  # fmt: skip
def test_a_page_that_is_not_there(page, status, api, many):
    answer = api.get(SERVERS, {"page_size": 3, "page": page})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["count"] == 6


def test_an_empty_list_has_one_page(api, server):
    answer = api.get(SERVERS, {"name": "no such"})
    assert answer.json() == {"count": 0, "next": None, "previous": None, "results": []}
    assert api.get(SERVERS, {"name": "no such", "page": 2}).status_code == 404


def test_gone_servers_are_not_a_customers_but_staffs(api_of, alice, staff, server, clock):
    Server.objects.update(status="gone", present=None)
    assert names(api_of(alice).get(SERVERS)) == []
    assert len(names(api_of(staff).get(SERVERS, {"page_size": 500}))) == Server.objects.count()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_servers_are_made_by_nobody_here(api, server, method):
    for path in (SERVERS, f"{SERVERS}{server.pk}/"):
        if path != SERVERS and method in ("patch", "delete"):
            continue
        answer = getattr(api, method)(path, {})
        assert answer.status_code == 405
        assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["servers/x/", "nowhere/", "", "servers/99999999999999999999/"])
def test_other_paths_are_json_404s(api, path):
    answer = api.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_session_lets_in_too_but_changes_need_csrf(browser_of, alice, server):
    assert browser_of(alice).get(SERVERS).status_code == 200


def test_by_ids(api, many, server):
    wanted = [many[0].pk, many[3].pk]
    found = names(api.get(SERVERS, {"id": ",".join(map(str, [*wanted, 10**9]))}))
    assert found == ["extra0", "extra3"]
    assert api.get(SERVERS, {"id": "1,x"}).status_code == 400


class TestAddresses:
    @pytest.fixture(autouse=True)
    def told(self, server, clock):
        Address.objects.all().delete()
        found = [GuestAddress("198.51.100.7", "eth0"), GuestAddress("2001:db8::7", "eth0")]
        addresses.note(server, found, now=clock())

    def test_they_stand_in_the_answer_best_first(self, api, server):
        told = api.get(f"{SERVERS}{server.pk}/").json()["addresses"]
        assert told == ["198.51.100.7", "2001:db8::7"]

    @pytest.mark.parametrize(
        ("asked", "count"),
        [("198.51.100.7", 1), ("198.51.", 1), ("2001:0DB8::0007", 1), ("198.51.100.9", 0)],
    )
    def test_finding_a_server_by_one(self, api, asked, count):
        assert api.get(SERVERS, {"address": asked}).json()["count"] == count

    @pytest.mark.parametrize("asked", ["web", "a", "%", "1.2.3.4'"])
    def test_what_is_no_address(self, api, asked):
        answer = api.get(SERVERS, {"address": asked})
        assert answer.status_code == 400
        assert "address" in str(answer.json())
