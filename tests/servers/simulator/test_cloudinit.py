"""What is set for the next boot, and when the guest takes it."""

import pytest

VM, CT = 100, 103


@pytest.fixture
def api(api):
    api.put(f"{api.base(VM)}/config", cipassword="correct horse")
    return api


def rows(api, vmid=VM):
    return sorted(api.get(f"{api.base(vmid)}/cloudinit"), key=lambda row: row["key"])


def test_a_change_is_pending_and_in_stars(api):
    api.put(f"{api.base(VM)}/config", ciuser="root")

    assert rows(api) == [
        {"key": "cipassword", "pending": "**********"},
        {"key": "ciuser", "value": "debian", "pending": "root"},
    ]


def test_an_option_taken_away_is_pending_too(api):
    api.put(f"{api.base(VM)}/config", delete="ciuser")

    assert {"key": "ciuser", "delete": 1} in rows(api)


def test_a_drive_made_anew_has_it_and_the_guest_has_not(api):
    assert api.put(f"{api.base(VM)}/cloudinit") is None

    assert rows(api)[0] == {"key": "cipassword", "value": "**********"}
    assert api.cluster.guest(VM).passwords == {}


@pytest.mark.parametrize("verbs", [["stop", "start"], ["shutdown", "start"], ["reboot"]])
def test_a_cold_start_applies_it(api, verbs):
    for verb in verbs:
        assert api.ended(api.post(f"{api.base(VM)}/status/{verb}")) == "OK"

    assert api.cluster.guest(VM).passwords == {"debian": "correct horse"}
    assert all("pending" not in row for row in rows(api))


@pytest.mark.parametrize("verb", ["reset", "suspend"])
def test_nothing_else_does(api, verb):
    api.ended(api.post(f"{api.base(VM)}/status/{verb}"))

    assert api.cluster.guest(VM).passwords == {}


def test_waking_from_disk_does_not(api):
    api.post(f"{api.base(VM)}/status/suspend", todisk=1)
    api.pass_time(30)
    assert api.ended(api.post(f"{api.base(VM)}/status/resume")) == "OK"

    assert api.cluster.guest(VM).passwords == {}


def test_it_is_applied_once(api):
    api.ended(api.post(f"{api.base(VM)}/status/reboot"))
    params = {"username": "debian", "password": "battery staple"}
    api.post(f"{api.base(VM)}/agent/set-user-password", **params)
    api.ended(api.post(f"{api.base(VM)}/status/reboot"))

    assert api.cluster.guest(VM).passwords == {"debian": "battery staple"}


def test_without_a_drive_it_is_taken_and_nothing_comes_of_it(api):
    vmid = api.cluster.create_guest(uptime=90).vmid
    api.put(f"{api.base(vmid)}/config", cipassword="correct horse")
    assert api.ended(api.post(f"{api.base(vmid)}/status/reboot")) == "OK"

    config = api.get(f"{api.base(vmid)}/config")
    assert config["cipassword"] == "**********"
    assert "ide2" not in config
    assert api.cluster.guest(vmid).passwords == {}


def test_a_guest_can_be_created_with_a_drive(api):
    vmid = api.cluster.create_guest(uptime=90, cloud_init=True).vmid

    assert "cloudinit" in api.get(f"{api.base(vmid)}/config")["ide2"]
    api.put(f"{api.base(vmid)}/config", ciuser="root")
    assert rows(api, vmid) == [{"key": "ciuser", "pending": "root"}]
