"""Reading, changing and deleting a guest."""

import pytest

VM, CT = 100, 103


def test_a_vm_reads_with_its_identity_and_mixed_types(api):
    config = api.get(f"{api.base(VM)}/config", current=1)

    assert config["smbios1"] == f"uuid={api.cluster.guest(VM).uuid}"
    assert (config["memory"], config["cores"]) == ("4096", 2)


def test_a_container_has_a_host_name_and_no_identity(api):
    config = api.get(f"{api.base(CT)}/config")

    assert config["hostname"] == "mail"
    assert config["memory"] == 4096
    assert "smbios1" not in config


@pytest.mark.parametrize(("vmid", "name"), [(VM, "name"), (CT, "hostname")])
def test_a_change_is_made_at_once(api, vmid, name):
    before = api.get(f"{api.base(vmid)}/config")["digest"]
    params = {name: "renamed", "tags": "b;a", "description": "Zürich", "protection": 1}

    assert api.put(f"{api.base(vmid)}/config", **params) is None
    config = api.get(f"{api.base(vmid)}/config")
    assert (config[name], config["tags"], config["protection"]) == ("renamed", "a;b", 1)
    assert config["digest"] != before


def test_an_option_can_be_taken_away(api):
    api.put(f"{api.base(VM)}/config", delete="tags")

    assert "tags" not in api.get(f"{api.base(VM)}/config")
    assert "tags" not in api.row(VM)


def test_a_password_reads_back_as_stars(api):
    api.put(f"{api.base(VM)}/config", cipassword="correct horse")

    assert api.get(f"{api.base(VM)}/config")["cipassword"] == "**********"
    assert api.cluster.guest(VM).cloud_init["cipassword"] == "correct horse"


def test_a_change_by_post_gives_a_task(api):
    upid = api.post(f"{api.base(VM)}/config", description="x")

    assert api.task(upid)["exitstatus"] == "OK"


def test_a_stale_digest_is_refused(api):
    words = "checksum mismatch (file change by other user?)"

    params = {"description": "x", "digest": "0" * 40}
    assert api.refusal("PUT", f"{api.base(VM)}/config", **params) == (500, words)


def test_no_change_is_refused(api):
    assert api.refusal("PUT", f"{api.base(VM)}/config") == (500, "no options specified")


@pytest.mark.parametrize(
    ("vmid", "words"),
    [
        (VM, f"VM {VM} is running - destroy failed"),
        (CT, f"unable to destroy CT {CT} - container is running"),
    ],
)
def test_a_running_guest_is_not_deleted(api, vmid, words):
    assert api.refusal("DELETE", api.base(vmid)) == (500, words)


@pytest.mark.parametrize(("vmid", "noun"), [(VM, "VM"), (CT, "CT")])
def test_a_protected_guest_is_not_deleted(api, vmid, noun):
    api.cluster.guest(vmid).protection = True

    words = f"can't remove {noun} {vmid} - protection mode enabled"
    assert api.refusal("DELETE", api.base(vmid)) == (500, words)


@pytest.mark.parametrize("vmid", [VM, CT])
def test_a_deleted_guest_is_gone_from_everywhere(api, vmid):
    api.cluster.set_power(vmid, "stopped")

    assert api.ended(api.delete(api.base(vmid), purge=1)) == "OK"
    assert vmid not in api.cluster.guests
    assert vmid not in api.cluster.access.pools["customers"]


def test_deletion_takes_its_time(api):
    api.cluster.set_power(VM, "stopped")
    upid = api.delete(api.base(VM), **{"purge": 1, "destroy-unreferenced-disks": 1})

    assert ":qmdestroy:" in upid
    assert api.task(upid)["status"] == "running"
    assert VM in api.cluster.guests
    assert api.ended(upid, after=1.5) == "OK"


@pytest.mark.parametrize("change", ["start", "protect"])
def test_what_changes_before_its_turn_stops_the_deletion(api, change):
    api.cluster.set_power(VM, "stopped")
    api.post(f"{api.base(VM)}/snapshot", snapname="clean")
    upid = api.delete(api.base(VM))
    if change == "start":
        api.cluster.set_power(VM, "running")
        words = f"VM {VM} is running - destroy failed"
    else:
        api.cluster.guest(VM).protection = True
        words = f"can't remove VM {VM} - protection mode enabled"

    assert api.ended(upid) == words
    assert VM in api.cluster.guests
