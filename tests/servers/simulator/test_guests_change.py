"""Guests that come, go, move, and follow one another under one VMID."""

VM = 100


def test_a_used_vmid_comes_back_with_another_identity(api):
    before = api.cluster.guest(VM)
    after = api.cluster.reuse_vmid(VM)
    bare = api.row(VM)
    api.pass_time(10)

    assert (after.vmid, after.kind, after.node) == (before.vmid, before.kind, before.node)
    assert after.uuid != before.uuid
    assert "uptime" not in bare
    assert api.row(VM)["uptime"] <= 10
    assert api.get(f"{api.base(VM)}/config")["smbios1"] == f"uuid={after.uuid}"


def test_each_use_of_a_vmid_has_an_identity_of_its_own(api):
    uuids = {api.cluster.reuse_vmid(VM).uuid for _ in range(3)}

    assert len(uuids) == 3


def test_a_migrated_guest_is_the_same_one_and_counts_anew(api):
    before = api.row(VM)
    uuid = api.cluster.guest(VM).uuid
    api.cluster.migrate(VM, "pve2")
    api.pass_time(10)

    after = api.row(VM)
    assert (before["node"], after["node"]) == ("pve1", "pve2")
    assert after["netin"] < before["netin"]
    assert after["uptime"] < before["uptime"]
    assert api.cluster.guest(VM).uuid == uuid
    assert api.refusal("GET", f"/nodes/pve1/qemu/{VM}/config")[0] == 500


def test_a_deleted_guest_leaves_the_list_at_once(api):
    api.cluster.delete_guest(VM)

    assert VM not in [row["vmid"] for row in api.get("/cluster/resources", type="vm")]


def test_a_created_guest_takes_the_lowest_free_number(api):
    api.cluster.delete_guest(105)

    assert api.cluster.create_guest(kind="lxc", name="fresh", pool="customers").vmid == 105
    assert api.row(105)["pool"] == "customers"
