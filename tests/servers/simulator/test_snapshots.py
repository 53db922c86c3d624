"""Snapshots: taken, listed, rolled back, deleted and refused."""

import pytest

VM, CT = 100, 103
ON_ZFS, ON_THICK_LVM = 102, 109


def take(api, vmid, name, **params):
    return api.ended(api.post(f"{api.base(vmid)}/snapshot", snapname=name, **params))


def listed(api, vmid):
    return {row["name"]: row for row in api.get(f"{api.base(vmid)}/snapshot")}


@pytest.mark.parametrize("vmid", [VM, CT])
def test_one_that_is_taken_is_listed_with_the_present(api, vmid):
    assert take(api, vmid, "clean", description="before the upgrade") == "OK"

    rows = listed(api, vmid)
    assert rows["clean"]["description"] == "before the upgrade"
    assert ("vmstate" in rows["clean"]) is (vmid == VM)
    assert rows["current"]["description"] == "You are here!"
    assert rows["current"]["parent"] == "clean"


def test_the_list_is_in_no_order_of_time(api):
    names = ["alpha", "bravo", "charlie", "delta", "echo"]
    for name in names:
        take(api, VM, name)

    assert set(listed(api, VM)) == {*names, "current"}
    assert [name for name in listed(api, VM) if name != "current"] != names


def test_the_guest_is_locked_meanwhile(api):
    api.post(f"{api.base(VM)}/snapshot", snapname="clean", vmstate=1)

    assert api.row(VM)["lock"] == "snapshot"
    api.pass_time(60)
    assert "lock" not in api.row(VM)


@pytest.mark.parametrize(
    ("vmid", "params", "runs"),
    [
        (VM, {}, False),
        (VM, {"start": 1}, True),
        (CT, {}, False),
        (CT, {"start": 1}, True),
    ],
)
def test_a_rollback_without_memory_leaves_the_guest_off(api, vmid, params, runs):
    take(api, vmid, "clean")
    upid = api.post(f"{api.base(vmid)}/snapshot/clean/rollback", **params)

    assert api.ended(upid) == "OK"
    assert api.cluster.guest(vmid).running is runs


def test_a_rollback_with_memory_goes_on(api):
    take(api, VM, "withram", vmstate=1)
    api.ended(api.post(f"{api.base(VM)}/snapshot/withram/rollback"))

    assert listed(api, VM)["withram"]["vmstate"] == 1
    assert api.cluster.guest(VM).running


def test_a_deleted_one_leaves_its_children_to_its_parent(api):
    for name in ("one", "two", "three"):
        take(api, VM, name)
    assert api.ended(api.delete(f"{api.base(VM)}/snapshot/two")) == "OK"

    rows = listed(api, VM)
    assert "two" not in rows
    assert (rows["three"]["parent"], rows["current"]["parent"]) == ("one", "three")


@pytest.mark.parametrize("verb", ["rollback", "delete"])
def test_one_that_is_not_there_fails_in_the_task(api, verb):
    path = f"{api.base(VM)}/snapshot/nosuch"
    upid = api.post(f"{path}/rollback") if verb == "rollback" else api.delete(path)

    assert api.ended(upid) == "snapshot 'nosuch' does not exist"


def test_a_name_is_used_once(api):
    take(api, VM, "clean")

    assert take(api, VM, "clean") == "snapshot name 'clean' already used"


def test_reserved_names_are_refused_at_once(api):
    words = "unable to use snapshot name 'current' (reserved name)"

    assert api.refusal("POST", f"{api.base(VM)}/snapshot", snapname="current") == (500, words)


@pytest.mark.parametrize(("vmid", "can"), [(VM, 1), (CT, 1), (ON_THICK_LVM, 0)])
def test_a_storage_that_cannot_says_so(api, vmid, can):
    answer = api.get(f"{api.base(vmid)}/feature", feature="snapshot")

    assert answer["hasFeature"] == can
    assert ("nodes" in answer) is (vmid != CT)


def test_a_storage_that_cannot_fails_in_the_task(api):
    assert take(api, ON_THICK_LVM, "clean") == "snapshot feature is not available"


def test_zfs_goes_back_to_the_newest_alone(api):
    take(api, ON_ZFS, "older")
    take(api, ON_ZFS, "newer")
    base = f"{api.base(ON_ZFS)}/snapshot"

    refused = api.ended(api.post(f"{base}/older/rollback"))
    assert refused == "can't rollback, 'older' is not most recent snapshot on 'tank/vm-102-disk-0'"
    assert api.ended(api.post(f"{base}/newer/rollback")) == "OK"


def test_it_remembers_the_configuration(api):
    take(api, VM, "clean", description="then")
    api.put(f"{api.base(VM)}/config", name="renamed")

    config = api.get(f"{api.base(VM)}/snapshot/clean/config")
    assert (config["name"], config["description"]) == ("web1", "then")
    assert api.get(f"{api.base(VM)}/config")["name"] == "renamed"
