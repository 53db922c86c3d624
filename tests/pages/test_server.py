import pytest

from servers import addresses
from servers.proxmox.types import GuestAddress
from tests.pages.reading import text_of


@pytest.fixture
def page_of(browser_of):
    def read(person, server, query=""):
        response = browser_of(person).get(f"/servers/{server.pk}/{query}")
        assert response.status_code == 200
        return text_of(response)

    return read


def test_every_number_has_its_source(page_of, alice, make_server):
    text = page_of(alice, make_server(alice, memory_source="guest"))
    assert "Seen by the host" in text
    assert "Told by the guest" in text
    assert "Told by the guest agent" in text
    assert "38 % of 8.0 GiB" in text


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "has not been asked yet"),
        ("disabled", "No guest agent is configured"),
        ("not_running", "The guest agent is not running"),
        ("timeout", "took too long"),
        ("denied", "may not ask"),
        ("failed", "could not tell"),
        ("ok", "has not told anything lately"),
    ],
)
def test_why_disk_use_is_not_known_is_said_in_words(
    state, reason, page_of, alice, make_server, tell_disk
):
    server = make_server(alice, disk_used=None, disk_source="")
    if state:
        tell_disk(server, state, message="500 internal words")
    text = page_of(alice, server)
    assert "Not known" in text
    assert reason in text
    assert "internal words" not in text


def test_staff_are_told_in_proxmox_words(page_of, staff, make_server, tell_disk):
    server = make_server(None, disk_used=None, disk_source="")
    tell_disk(server, "failed", message="500 internal words")
    text = page_of(staff, server)
    assert "500 internal words" in text
    assert "Owner : nobody".replace(" :", ":") in text
    assert "node pve-hidden-7" in text


def test_file_systems_are_listed_and_never_markup(page_of, alice, make_server, tell_disk):
    server = make_server(alice)
    mounted = {"mountpoint": "/<b>x", "kind": "ext4", "used": 0, "total": 0}
    tell_disk(server, "ok", file_systems=[mounted])
    assert "/<b>x ext4" in page_of(alice, server)


def test_the_range_in_the_address_is_the_chosen_one(browser_of, alice, make_server):
    server = make_server(alice)
    client = browser_of(alice)
    for query, chosen in (("", "1h"), ("?range=7d", "7d"), ("?range=9y", "1h")):
        content = client.get(f"/servers/{server.pk}/{query}").content.decode()
        assert content.count('aria-current="true"') == 2  # the range, and Servers above
        assert f'data-range="{chosen}" data-seconds' in content.split("data-ranges")[1]
        assert f'data-range="{chosen}"' in content.split("data-ranges")[0]


def test_a_server_without_numbers_says_so(page_of, alice, make_server):
    assert "No numbers yet" in page_of(alice, make_server(alice, age=None))


def test_a_lock_is_told(browser_of, alice, make_server):
    server = make_server(alice)
    server.lock = "backup"
    server.save()
    assert "Locked: backup" in text_of(browser_of(alice).get(f"/servers/{server.pk}/"))


def test_somebody_elses_server_is_not_there(browser_of, alice, bob, make_server):
    response = browser_of(bob).get(f"/servers/{make_server(alice).pk}/")
    assert response.status_code == 404
    assert "There is no such page" in text_of(response)


class TestHead:
    @pytest.fixture
    def server(self, alice, make_server, clock):
        server = make_server(alice)
        found = [GuestAddress("198.51.100.7", "eth0"), GuestAddress("2001:db8::7", "<b>eth1")]
        addresses.note(server, found, now=clock())
        return server

    @pytest.mark.parametrize(
        "tab", ["", "snapshots/", "alerts/", "history/", "password/", "settings/"]
    )
    def test_state_power_and_addresses_stand_on_every_tab(self, browser_of, alice, server, tab):
        content = browser_of(alice).get(f"/servers/{server.pk}/{tab}").content.decode()
        head = content.split('class="server-head"')[1].split("</header>")[0]
        assert 'data-status="running"' in head
        assert 'data-copy-text="198.51.100.7"' in head
        assert "&lt;b&gt;eth1" in head
        assert head.count('data-part="controls"') == content.count('data-part="controls"') == 1
        assert 'value="shutdown"' in head
        assert f'href="/servers/{server.pk}/console/"' in head

    def test_of_a_stopped_server_they_are_the_last_known(self, browser_of, alice, server):
        assert "as last seen" not in text_of(browser_of(alice).get(f"/servers/{server.pk}/"))
        server.status = "stopped"
        server.save()
        assert "as last seen" in text_of(browser_of(alice).get(f"/servers/{server.pk}/"))
