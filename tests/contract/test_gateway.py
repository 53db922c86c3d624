"""The gateway: it asks only what the real API knows, and reads what the real one answered."""

import inspect
import re
from itertools import pairwise

import msgspec
import pytest

from monitoring import look, readings
from servers.proxmox import networks, replies
from servers.proxmox.errors import ProxmoxDenied, ProxmoxError, ProxmoxUnreachable
from servers.proxmox.gateway import Gateway, translate
from servers.proxmox.privileges import NEEDS, Purpose, missing
from servers.proxmox.types import Access, Endpoint
from tests.contract.recordings import load

# Each verb of the gateway, called as the panel calls it.
VERBS = {
    "version": lambda gateway, world: gateway.version(),
    "permissions": lambda gateway, world: gateway.permissions(),
    "resources": lambda gateway, world: gateway.resources(),
    "guest_config": lambda gateway, world: [
        gateway.guest_config(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
    ],
    "vnc_proxy": lambda gateway, world: [
        gateway.vnc_proxy(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
    ],
    "term_proxy": lambda gateway, world: [
        gateway.term_proxy(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
        if guest.kind == "lxc"
    ],
    "file_systems": lambda gateway, world: [
        gateway.file_systems(node=guest.node, vmid=guest.vmid)
        for guest in world.guests.values()
        if guest.kind == "qemu" and guest.power == "running" and guest.agent == "up"
    ],
    "addresses": lambda gateway, world: [
        gateway.addresses(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in some_of_each_kind(world)
    ],
    "guest_state": lambda gateway, world: [
        gateway.guest_state(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
    ],
    "history": lambda gateway, world: [
        gateway.history(
            node=guest.node, kind=guest.kind.value, vmid=guest.vmid, timeframe=timeframe
        )
        for guest in some_of_each_kind(world)
        for timeframe in ("hour", "day", "week")
    ],
    "power": lambda gateway, world: [
        gateway.power(
            verb,
            node=guest.node,
            kind=guest.kind.value,
            vmid=guest.vmid,
            timeout=60 if verb in ("shutdown", "reboot") else None,
        )
        for guest in some_of_each_kind(world)
        for verb in ("shutdown", "reboot", "stop", "start", "reset", "suspend", "resume")
        if verb != "reset" or guest.kind == "qemu"
        if verb not in ("start", "resume") or guest.kind == "qemu"
    ],
    "overrule": lambda gateway, world: [
        gateway.overrule(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in some_of_each_kind(world)
    ],
    "destroy": lambda gateway, world: [
        gateway.destroy(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in list(world.guests.values())
        if not guest.running and not guest.template
    ],
    "set_user_password": lambda gateway, world: [
        gateway.set_user_password(
            node=guest.node, vmid=guest.vmid, username="root", password="unguessed"
        )
        for guest in some_of_each_kind(world)
        if guest.kind == "qemu"
    ],
    "set_cloud_init_password": lambda gateway, world: (
        [
            gateway.set_cloud_init_password(
                node=guest.node, vmid=guest.vmid, username=user, password="unguessed"
            )
            for guest in some_of_each_kind(world)
            if guest.kind == "qemu"
            for user in ("debian", "")
        ]
        == [None, None]
    ),
    "guest_tasks": lambda gateway, world: [
        gateway.guest_tasks(node=guest.node, vmid=guest.vmid) for guest in world.guests.values()
    ],
    "node_tasks": lambda gateway, world: [
        gateway.node_tasks(node=node, since=1_700_000_000, limit=100) for node in world.nodes
    ],
    "cluster_tasks": lambda gateway, world: gateway.cluster_tasks(),
    "take_snapshot": lambda gateway, world: [
        take_snapshot(gateway, guest) for guest in some_of_each_kind(world)
    ],
    "snapshots": lambda gateway, world: [
        gateway.snapshots(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
    ],
    "can_snapshot": lambda gateway, world: [
        gateway.can_snapshot(node=guest.node, kind=guest.kind.value, vmid=guest.vmid)
        for guest in world.guests.values()
    ],
    "storage_kinds": lambda gateway, world: gateway.storage_kinds(),
    "roll_back": lambda gateway, world: [
        gateway.roll_back(
            node=guest.node, kind=guest.kind.value, vmid=guest.vmid, name="before", start=start
        )
        for guest in some_of_each_kind(world)
        for start in (True, False)
    ],
    "delete_snapshot": lambda gateway, world: [
        gateway.delete_snapshot(
            node=guest.node, kind=guest.kind.value, vmid=guest.vmid, name="before"
        )
        for guest in some_of_each_kind(world)
    ],
    "task_state": lambda gateway, world: gateway.task_state(a_task(gateway, world)),
    "task_log": lambda gateway, world: gateway.task_log(a_task(gateway, world)),
}


def some_of_each_kind(world):
    """A running VM and a running container."""
    found = [guest for guest in world.guests.values() if guest.power == "running"]
    return [next(guest for guest in found if guest.kind == kind) for kind in ("qemu", "lxc")]


def take_snapshot(gateway, guest):
    return gateway.take_snapshot(
        node=guest.node, kind=guest.kind.value, vmid=guest.vmid, name="before",
        description="Before the upgrade", memory=guest.kind == "qemu",
    )  # fmt: skip


def a_task(gateway, world):
    vm, _ = some_of_each_kind(world)
    return gateway.power("stop", node=vm.node, kind="qemu", vmid=vm.vmid)


@pytest.fixture
def gateway(wire, credentials):
    return Gateway(Access((Endpoint("pve"),), credentials.token_id, credentials.secret))


def recorded(contract, pattern, status=200, method="GET"):
    found = [
        record
        for record in load(contract)
        if record.method == method
        and record.status == status
        and re.fullmatch(pattern, record.path)
    ]
    assert found, pattern
    return found


def raw(record):
    return msgspec.Raw(msgspec.json.encode(record.data))


def test_every_verb_is_tried_here():
    verbs = {name for name, _ in inspect.getmembers(Gateway, inspect.isfunction)}
    assert {name for name in verbs if not name.startswith("_")} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_asked_is_in_the_real_api(schema, gateway, wire, world, verb):
    assert VERBS[verb](gateway, world) is not None
    assert wire.requests
    assert schema.check_requests(wire.requests) == []


class TestRealReplies:
    def test_versions(self, contract):
        for record in recorded(contract, "/version"):
            assert replies.version(raw(record)).major == 9

    def test_permissions(self, contract):
        for record in recorded(contract, "/access/permissions"):
            assert isinstance(replies.permissions(raw(record)), dict)

    def test_what_the_panels_token_lacked_there(self, contract):
        """It was made with a role of its own, without guest passwords."""
        (record,) = (
            r
            for r in recorded(contract, "/access/permissions")
            if r.caller == "PANEL" and not r.params
        )
        lacking = missing(replies.permissions(raw(record)), tuple(Purpose), 9)
        assert [need.privilege for need in lacking] == ["VM.GuestAgent.Unrestricted"]

    def test_lists_of_guests_and_nodes(self, contract):
        guests = 0
        for record in recorded(contract, "/cluster/resources"):
            found = replies.resources(raw(record))
            assert found.malformed == 0
            assert len(found.guests) == sum(row["type"] == "qemu" for row in record.data)
            assert len(found.nodes) == sum(row["type"] == "node" for row in record.data)
            guests += len(found.guests)
            for guest in found.guests:
                reading = readings.read(guest, None, node_online=True, disk=None, now=1)
                expected = guest.status if guest.status in readings.STATUSES else "unknown"
                assert reading.status == expected
                assert (reading.measured is not None) == (guest.status == "running")
                if reading.measured:
                    assert reading.measured.disk_used is None
        assert guests > 10

    def test_configurations_tell_who_a_guest_is(self, contract):
        known = {}
        for record in recorded(contract, r"/nodes/pve1/qemu/\d+/config"):
            config = replies.guest_config("qemu", raw(record))
            assert re.fullmatch(r"uuid=[0-9a-f-]{36}", config.identity)
            known.setdefault(record.path, set()).add(config.identity)
        # 101 and 170 were deleted and made anew while this was recorded.
        assert len(known["/nodes/pve1/qemu/101/config"]) > 1

    def test_file_systems(self, contract):
        for record in recorded(contract, r"/nodes/pve1/qemu/101/agent/get-fsinfo"):
            assert replies.file_systems(raw(record)) == []

    def test_addresses(self, contract):
        """The recorded machine had no network but its own ends of it."""
        for record in recorded(contract, r"/nodes/pve1/qemu/101/agent/network-get-interfaces"):
            assert networks.addresses(raw(record)) == []

    def test_snapshots(self, contract):
        lists = [
            (record, replies.snapshots(raw(record)))
            for record in recorded(contract, r"/nodes/pve1/qemu/\d+/snapshot")
        ]
        assert max(len(found.snapshots) for _, found in lists) == 2
        for record, found in lists:
            assert len(found.snapshots) == len(record.data) - 1
            assert found.present in {each.name for each in found.snapshots} | {""}
            assert all(each.taken_at and not each.state for each in found.snapshots)
        assert any(each.with_memory for _, found in lists for each in found.snapshots)
        assert any(each.parent for _, found in lists for each in found.snapshots)

    def test_what_can_be_snapshotted(self, contract):
        answers = recorded(contract, r"/nodes/pve1/qemu/\d+/feature")
        assert {replies.has_feature(raw(record)) for record in answers} == {True, False}

    def test_kinds_of_storages(self, contract):
        kinds = [
            replies.storage_kinds(raw(record))
            for record in recorded(contract, "/cluster/resources")
        ]
        assert {"local": "dir"} in [
            {k: v for k, v in found.items() if v == "dir"} for found in kinds
        ]

    def test_what_was_recorded(self, contract):
        (record,) = (
            each
            for each in recorded(contract, r"/nodes/pve1/qemu/101/rrddata")
            if each.params["timeframe"] == "hour"
        )
        first, *rest = replies.history(raw(record))
        assert (first.cpu, first.netin) == (None, None)
        assert all(0 < point.cpu < 1 and point.mem <= 1.2 * point.maxmem for point in rest)
        assert {after.time - before.time for before, after in pairwise([first, *rest])} == {60}

    def test_failures_of_the_agent(self, contract):
        (record,) = recorded(contract, r"/nodes/pve1/qemu/100/agent/get-fsinfo", 500)
        error = translate(record.status, record.reason, None)
        assert look.agent_state(error) == "disabled"

    def test_a_guest_that_does_not_exist(self, contract):
        for record in recorded(contract, r"/nodes/pve1/qemu/(161|163|170|999)/config", 500):
            assert "does not exist" in str(translate(record.status, record.reason, None))

    def test_each_failure_has_its_place_in_the_tree(self, contract):
        for record in load(contract):
            if record.status < 400:
                continue
            error = translate(record.status, record.reason, None)
            assert isinstance(error, ProxmoxError)
            assert isinstance(error, ProxmoxDenied) == (record.status in {401, 403})
            assert isinstance(error, ProxmoxUnreachable) == (record.status >= 595)


def test_every_privilege_exists(contract):
    """Of PVE 9: the recorded role Administrator holds all there are."""
    (record,) = recorded(contract, "/access/roles")
    (administrator,) = (role for role in record.data if role["roleid"] == "Administrator")
    assert {need.privilege for need in NEEDS} <= set(administrator["privs"].split(","))


def test_privileges_are_those_that_the_api_asks_for(schema):
    """What the schema says of the paths that we ask."""
    for path, privilege in (
        ("/nodes/pve1/qemu/100/config", "VM.Audit"),
        ("/nodes/pve1/lxc/100/config", "VM.Audit"),
        ("/nodes/pve1/qemu/100/agent/get-fsinfo", "VM.GuestAgent.Audit"),
        ("/nodes/pve1/qemu/100/agent/network-get-interfaces", "VM.GuestAgent.Audit"),
        ("/nodes/pve1/lxc/100/interfaces", "VM.Audit"),
    ):
        assert privilege in str(schema.operation("GET", path).permissions)
