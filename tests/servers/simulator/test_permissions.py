"""What each token sees and may do: lists are filtered in silence, everything else is refused."""

import pytest

from servers.simulator import demo
from tests.servers.simulator.conftest import Api


def seen(api: Api) -> set[int]:
    return {row["vmid"] for row in api.get("/cluster/resources", type="vm")}


def test_the_full_token_sees_everything(api):
    assert seen(api) == set(api.cluster.guests)


@pytest.mark.parametrize("path", ["/cluster/resources", "/nodes/pve1/qemu", "/nodes/pve1/lxc"])
def test_without_rights_a_list_has_no_guest_and_no_error(cluster, path):
    rows = Api(cluster, demo.NOTHING).get(path)

    assert [row for row in rows if row.get("type") not in ("node",)] == []


def test_without_rights_a_node_shows_that_it_is_there(cluster):
    row = Api(cluster, demo.NOTHING).node_row("pve1")

    assert row.keys() == {"id", "node", "type", "status", "level", "ssl_fingerprint"}


def test_a_pool_passes_rights_on_to_its_members(cluster):
    assert seen(Api(cluster, demo.POOL)) == cluster.access.pools["customers"]


def test_a_right_on_one_vm_shows_that_vm(cluster):
    cluster.access.add_token("ann@pve!one", privsep=False)
    cluster.access.grant("/vms/101", "ann@pve", "PVEVMUser")
    api = Api(cluster, "ann@pve!one")

    assert seen(api) == {101}
    assert api.get("/access/permissions").keys() == {"/vms/101"}


def test_a_deeper_acl_replaces_what_is_inherited(cluster):
    cluster.access.add_token("ann@pve!two", privsep=False)
    cluster.access.grant("/", "ann@pve", "PVEAdmin")
    cluster.access.grant("/vms/101", "ann@pve", "NoAccess")

    assert 101 not in seen(Api(cluster, "ann@pve!two"))
    assert 100 in seen(Api(cluster, "ann@pve!two"))


def test_a_right_that_does_not_propagate_ends_where_it_stands(cluster):
    cluster.access.add_token("ann@pve!three", privsep=False)
    cluster.access.grant("/vms", "ann@pve", "PVEAuditor", propagate=False)
    api = Api(cluster, "ann@pve!three")

    assert seen(api) == set()
    assert set(api.get("/access/permissions")["/vms"].values()) == {0}


def test_a_separated_token_may_what_it_and_its_user_may(cluster):
    cluster.access.add_token("ann@pve!four")
    cluster.access.grant("/", "ann@pve", "PVEAuditor")
    cluster.access.grant("/", "ann@pve!four", "PVEVMUser")

    held = cluster.access.privileges("ann@pve!four", "/vms/100")

    assert held.keys() == {"VM.Audit", "VM.GuestAgent.Audit"}


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("POST", "/nodes/pve1/qemu/100/status/stop", "/vms/100, VM.PowerMgmt"),
        ("POST", "/nodes/pve1/qemu/100/snapshot", "/vms/100, VM.Snapshot"),
        (
            "POST",
            "/nodes/pve1/qemu/100/snapshot/clean/rollback",
            "/vms/100, VM.Snapshot|VM.Snapshot.Rollback",
        ),
        ("DELETE", "/nodes/pve1/qemu/100", "/vms/100, VM.Allocate"),
        (
            "POST",
            "/nodes/pve1/qemu/100/agent/set-user-password",
            "/vms/100, VM.GuestAgent.Unrestricted",
        ),
    ],
)
def test_an_auditor_only_looks(cluster, method, path, words):
    api = Api(cluster, demo.AUDIT)

    assert api.get("/nodes/pve1/qemu/100/config")["name"] == "web1"
    assert api.refusal(method, path) == (403, f"Permission check failed ({words})")


def test_revoked_rights_leave_a_token_that_signs_in(api):
    api.cluster.revoke(demo.FULL)

    assert api.get("/version")["release"] == "9.1"
    assert seen(api) == set()


def test_tasks_of_others_need_a_right_on_the_node(cluster):
    upid = Api(cluster).post("/nodes/pve1/qemu/100/status/reset")
    cluster.access.add_token("ann@pve!five", privsep=False)
    other = Api(cluster, "ann@pve!five")

    words = "Permission check failed (/nodes/pve1, Sys.Audit)"
    assert other.refusal("GET", f"/nodes/pve1/tasks/{upid}/status") == (403, words)
    assert other.get("/cluster/tasks") == []
    assert Api(cluster, demo.AUDIT).task(upid)["type"] == "qmreset"
