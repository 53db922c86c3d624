"""What the simulator answers is what the schema says Proxmox returns, for VMs and containers."""

import msgspec
import pytest

from servers.simulator.routes import Route
from servers.simulator.wire import JSON, ROUTES
from servers.simulator.world import SimulatedCluster
from tests.contract.asking import Asking, call_of

each_route = pytest.mark.parametrize(
    "route", ROUTES, ids=[f"{route.method} {route.template}" for route in ROUTES]
)
GUEST_STATES = ("running", "paused", "stopped")


def a_cluster() -> Asking:
    cluster = SimulatedCluster()
    cluster.advance(cluster.started_at + 25)
    return Asking(cluster)


@each_route
def test_it_answers_as_the_schema_says(route: Route, schema):
    asking = a_cluster()
    path, params = call_of(asking, route)

    answer = asking.reply(route.method, path, params)

    assert (answer.status, answer.reason, answer.content_type) == (200, "OK", JSON)
    data = msgspec.json.decode(answer.body)["data"]
    assert schema.check_reply(route.method, path, data) == []
    assert schema.check_params(route.method, path, params) == []


@pytest.mark.parametrize("vmid", range(100, 136))
def test_every_guest_of_the_demo_reads_as_the_schema_says(vmid, schema):
    asking = a_cluster()
    guest = asking.cluster.guest(vmid)
    base = f"/nodes/{guest.node}/{guest.kind}/{vmid}"

    for path in (f"{base}/config", f"{base}/status/current", f"{base}/snapshot"):
        assert schema.check_reply("GET", path, asking.data("GET", path)) == []


@pytest.mark.parametrize("kind", ["qemu", "lxc"])
@pytest.mark.parametrize("state", GUEST_STATES)
def test_every_state_reads_as_the_schema_says(kind, state, schema):
    asking = a_cluster()
    vmid = asking.cluster.create_guest(kind=kind, tags="a;b", uptime=90, pool="customers").vmid
    asking.cluster.set_power(vmid, state)
    asking.cluster.lock_guest(vmid, "backup")
    asking.cluster.advance(asking.cluster.now + 20)

    for path in ("/cluster/resources", f"/nodes/pve1/{kind}"):
        assert schema.check_reply("GET", path, asking.data("GET", path)) == []


def test_a_dead_and_forgotten_node_reads_as_the_schema_says(schema):
    asking = a_cluster()
    asking.cluster.node_down("pve2")
    asking.cluster.advance(asking.cluster.now + 400)

    for path in ("/cluster/resources", "/nodes", "/cluster/status"):
        assert schema.check_reply("GET", path, asking.data("GET", path)) == []


@pytest.mark.parametrize("kind", ["qemu", "lxc"])
def test_a_guest_under_high_availability_reads_as_the_schema_says(kind, schema):
    asking = a_cluster()
    vmid = asking.cluster.create_guest(kind=kind, uptime=90).vmid
    for change in (asking.cluster.manage_by_ha, asking.cluster.ha_error):
        change(vmid)
        for path in ("/cluster/resources", f"/nodes/pve1/{kind}/{vmid}/status/current"):
            assert schema.check_reply("GET", path, asking.data("GET", path)) == []


def test_changes_that_are_pending_read_as_the_schema_says(schema):
    asking = a_cluster()
    asking.data("PUT", "/nodes/pve1/qemu/100/config", {"cipassword": "x", "delete": "ciuser"})
    path = "/nodes/pve1/qemu/100/cloudinit"

    assert schema.check_reply("GET", path, asking.data("GET", path)) == []
