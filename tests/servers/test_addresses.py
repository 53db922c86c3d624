"""What is kept of what a guest says of its addresses."""

import msgspec
import pytest

from servers import addresses
from servers.models import Address
from servers.proxmox import networks
from servers.proxmox.errors import ProxmoxMalformed
from servers.proxmox.types import GuestAddress


def read(body):
    return networks.addresses(msgspec.Raw(msgspec.json.encode(body)))


def interface(*texts, name="eth0"):
    return {"name": name, "ip-addresses": [{"ip-address": text, "prefix": 24} for text in texts]}


def told(*interfaces):
    return [found.address for found in read({"result": list(interfaces)})]


def test_the_best_to_show_comes_first():
    eth0 = interface("fd00::1", "10.0.0.5", "2001:db8::7", "198.51.100.7")
    assert told(eth0) == ["198.51.100.7", "2001:db8::7", "10.0.0.5", "fd00::1"]


def test_what_leads_nowhere_is_left_out():
    assert (
        told(interface("127.0.0.1", "::1", "169.254.7.7", "fe80::1", "0.0.0.0", "224.0.0.1")) == []
    )
    assert told(interface("fe80::1%eth0", "255.255.255.255", "2001:db8::1%2")) == []


def test_bridges_within_the_guest_are_left_out():
    assert told(interface("172.17.0.1", name="docker0"), interface("10.1.1.1")) == ["10.1.1.1"]


def test_each_address_once_in_its_shortest_form():
    mapped = interface("2001:0DB8:0000::0007", "2001:db8::7", "::ffff:198.51.100.7")
    assert told(mapped, interface("198.51.100.7", name="eth1")) == ["198.51.100.7", "2001:db8::7"]


def test_a_container_as_its_host_tells_before_and_since_pve_8():
    old = {"name": "eth0", "hwaddr": "bc:24:11:00:00:01", "inet": "198.51.100.9/24"}
    new = old | {"ip-addresses": [{"ip-address": "198.51.100.9", "prefix": "24"}]}
    assert read([old]) == read([new]) == [GuestAddress("198.51.100.9", "eth0")]


@pytest.mark.parametrize(
    "odd",
    [
        {"result": None},
        {"result": ["x", 7, None, {}, {"ip-addresses": 7}, {"ip-addresses": [None, {}]}]},
        {"result": [interface("<script>", "999.1.1.1", "", "1", "::ffff:127.0.0.1")]},
        None,
    ],
)
def test_odd_answers_have_no_addresses(odd):
    assert read(odd) == []


@pytest.mark.parametrize("odd", [42, "text", {"result": "text"}])
def test_what_is_no_list_is_an_error(odd):
    with pytest.raises(ProxmoxMalformed):
        read(odd)


def test_as_many_as_a_page_can_bear():
    many = [interface(f"198.51.{number % 200}.{number // 200}") for number in range(1000)]
    assert len(told(*many)) == networks.MOST_ADDRESSES


def test_a_name_is_short_and_has_no_controls():
    (found,) = read([interface("198.51.100.7", name="e\x1b[31m\n\u202eth0" + "x" * 999)])
    assert found.interface.isprintable()
    assert len(found.interface) <= networks.LONGEST_NAME


def kept(server):
    return list(Address.objects.filter(server=server).values_list("address", flat=True))


def due(server, clock):
    server.addresses_next_at = None
    server.save(update_fields=["addresses_next_at"])


@pytest.mark.django_db
class TestLooking:
    def test_they_are_learnt_of_machines_and_containers(self, polled, pass_cycle):
        pass_cycle()
        for kind in ("qemu", "lxc"):
            assert Address.objects.filter(server__kind=kind).exists()
        assert not Address.objects.filter(address__startswith="127.").exists()

    def test_they_are_asked_for_each_ten_minutes(self, server, pass_cycle, wire):
        wire.requests.clear()
        for _ in range(19):
            pass_cycle()
        path = f"/{server.vmid}/agent/network-get-interfaces"
        assert sum(path in request.path for request in wire.requests) == 1

    def test_rows_are_written_when_they_change_alone(
        self, server, clock, django_assert_num_queries
    ):
        found = [GuestAddress("198.51.100.7", "eth0"), GuestAddress("2001:db8::7", "eth0")]
        addresses.note(server, found, now=clock())
        before = list(Address.objects.filter(server=server).values_list("pk", flat=True))
        with django_assert_num_queries(4):  # one of them writes; two are the transaction's
            addresses.note(server, found, now=clock())
        assert list(Address.objects.filter(server=server).values_list("pk", flat=True)) == before
        addresses.note(server, found[1:], now=clock())
        assert kept(server) == ["2001:db8::7"]

    @pytest.mark.parametrize("agent", ["dead", "hanging"])
    def test_an_agent_that_does_not_answer_leaves_the_last_ones(
        self, server, world, pass_cycle, agent
    ):
        pass_cycle()
        before = kept(server)
        world.set_agent(server.vmid, agent)
        for _ in range(25):
            pass_cycle()
        assert before
        assert kept(server) == before

    def test_after_a_start_they_are_asked_for_anew(self, server, world, pass_cycle, wire):
        pass_cycle()
        world.guests[server.vmid].end()
        pass_cycle()
        assert kept(server)
        world.guests[server.vmid].begin(world.now)
        pass_cycle()
        wire.requests.clear()
        pass_cycle()
        pass_cycle()
        assert any("network-get-interfaces" in request.path for request in wire.requests)

    def test_another_guest_of_that_number_inherits_none(self, server, clock):
        from servers import inventory

        addresses.note(server, [GuestAddress("198.51.100.7", "eth0")], now=clock())
        other = inventory.replace(server, "uuid=other", now=clock())
        assert kept(other) == []

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("198.51.100.7", 1),
            ("198.51.", 1),
            ("2001:0db8::7", 1),
            ("db8::", 1),
            ("db", 0),
            ("%", 0),
        ],
    )
    def test_finding_by_one(self, server, clock, text, count):
        Address.objects.all().delete()
        found = [GuestAddress("198.51.100.7", "eth0"), GuestAddress("2001:db8::7", "eth0")]
        addresses.note(server, found, now=clock())
        assert addresses.having(text).count() == count
