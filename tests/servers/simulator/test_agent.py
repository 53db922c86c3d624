"""The guest agent in each of its moods."""

import pytest

VM = 100


@pytest.mark.parametrize(
    ("mood", "words", "delay"),
    [
        ("none", "No QEMU guest agent configured", 0),
        ("dead", "QEMU guest agent is not running", 3),
        ("hanging", f"VM {VM} qga command 'guest-get-fsinfo' failed - got timeout", 5),
    ],
)
def test_one_that_is_not_well_refuses(api, mood, words, delay):
    api.cluster.set_agent(VM, mood)
    answer = api.call("GET", f"{api.base(VM)}/agent/get-fsinfo")

    assert (answer.status, answer.reason, answer.delay) == (500, words, delay)


def test_a_slow_one_answers_late(api):
    api.cluster.set_agent(VM, "slow")
    answer = api.call("GET", f"{api.base(VM)}/agent/get-fsinfo")

    assert (answer.status, answer.delay) == (200, 4)


def test_a_stopped_vm_is_not_asked(api):
    api.cluster.set_power(VM, "stopped")

    words = f"VM {VM} is not running"
    assert api.refusal("GET", f"{api.base(VM)}/agent/get-fsinfo") == (500, words)


def test_the_configuration_tells_whether_there_is_one(api):
    assert api.get(f"{api.base(VM)}/config")["agent"] == "1"
    api.cluster.set_agent(VM, "none")

    assert "agent" not in api.get(f"{api.base(VM)}/config")


def test_it_lists_file_systems_as_real_guests_do(api):
    """Which oddities a guest has follows from its VMID; this one has them all."""
    vmid = api.cluster.create_guest(315, uptime=99).vmid
    entries = api.get(f"{api.base(vmid)}/agent/get-fsinfo")["result"]

    assert [entry["mountpoint"] for entry in entries] == [
        "/",
        "/boot/efi",
        "/snap/core22/1963",
        "/var/www/shared",
        "/mnt/broken",
    ]
    assert entries[0]["used-bytes"] < entries[0]["total-bytes"]
    assert "used-bytes" not in entries[-1]


def test_windows_has_letters(api):
    windows = next(guest for guest in api.cluster.guests.values() if guest.system == "windows")
    entries = api.get(f"{api.base(windows.vmid)}/agent/get-fsinfo")["result"]

    assert "C:\\" in [entry["mountpoint"] for entry in entries]


def test_a_full_disk_shows(api):
    api.cluster.fill_disk(VM, 0.96)
    root = api.get(f"{api.base(VM)}/agent/get-fsinfo")["result"][0]

    assert root["used-bytes"] / root["total-bytes"] > 0.95


def test_it_sets_a_password(api):
    path = f"{api.base(VM)}/agent/set-user-password"

    assert api.post(path, username="root", password="correct horse") == {"result": {}}
    assert api.cluster.guest(VM).passwords == {"root": "correct horse"}


def test_it_refuses_in_the_words_of_the_guest(api):
    path = f"{api.base(VM)}/agent/set-user-password"
    api.cluster.set_agent(VM, "up", "cannot find 'passwd' program in PATH")

    words = "Agent error: cannot find 'passwd' program in PATH"
    assert api.refusal("POST", path, username="root", password="correct horse") == (500, words)
    assert api.cluster.guest(VM).passwords == {}


def test_a_user_it_does_not_know_is_refused(api):
    path = f"{api.base(VM)}/agent/set-user-password"
    status, reason = api.refusal("POST", path, username="nosuch", password="correct horse")

    assert status == 500
    assert reason.startswith("Agent error: ")


def test_containers_have_none(api):
    assert api.refusal("GET", "/nodes/pve1/lxc/103/agent/get-fsinfo")[0] == 501


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize(("form", "data"), [("data", None), ("result", {"result": None})])
def test_null_does_not_say_whether_a_password_was_changed(api, applied, form, data):
    api.cluster.agent_null(VM, applied=applied, form=form)
    params = {"username": "root", "password": "correct horse"}

    assert api.post(f"{api.base(VM)}/agent/set-user-password", **params) == data
    assert api.cluster.guest(VM).passwords == ({"root": "correct horse"} if applied else {})


def test_null_is_for_agents_that_answer(api):
    api.cluster.set_agent(VM, "dead")
    api.cluster.agent_null(VM, applied=True)
    params = {"username": "root", "password": "correct horse"}

    words = "QEMU guest agent is not running"
    path = f"{api.base(VM)}/agent/set-user-password"
    assert api.refusal("POST", path, **params) == (500, words)
