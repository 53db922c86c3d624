"""Power calls: what they answer, how their tasks end, and what becomes of the guest."""

import pytest

from servers.simulator.guests import Agent, Power

VM, CT = 100, 103


def test_a_start_takes_its_time(api):
    api.cluster.set_power(VM, "stopped")
    upid = api.post(f"{api.base(VM)}/status/start")

    assert api.task(upid)["status"] == "running"
    assert "exitstatus" not in api.task(upid)
    assert api.cluster.guest(VM).power is Power.STOPPED
    assert api.ended(upid, after=2) == "OK"
    assert api.cluster.guest(VM).power is Power.RUNNING


@pytest.mark.parametrize(
    ("vmid", "verb", "type", "power"),
    [
        (VM, "stop", "qmstop", Power.STOPPED),
        (VM, "shutdown", "qmshutdown", Power.STOPPED),
        (VM, "reboot", "qmreboot", Power.RUNNING),
        (VM, "reset", "qmreset", Power.RUNNING),
        (VM, "suspend", "qmpause", Power.PAUSED),
        (CT, "stop", "vzstop", Power.STOPPED),
        (CT, "shutdown", "vzshutdown", Power.STOPPED),
        (CT, "reboot", "vzreboot", Power.RUNNING),
    ],
)
def test_a_running_guest_obeys(api, vmid, verb, type, power):
    upid = api.post(f"{api.base(vmid)}/status/{verb}")

    assert api.ended(upid) == "OK"
    assert (api.task(upid)["type"], api.task(upid)["id"]) == (type, str(vmid))
    assert api.cluster.guest(vmid).power is power


@pytest.mark.parametrize(("verb", "goes_on"), [("reset", True), ("reboot", False)])
def test_a_reset_keeps_the_process_and_a_reboot_does_not(api, verb, goes_on):
    before = api.row(VM)
    api.ended(api.post(f"{api.base(VM)}/status/{verb}"))

    assert (api.row(VM)["uptime"] > before["uptime"]) is goes_on
    assert (api.row(VM)["netin"] > before["netin"]) is goes_on


def test_paused_reads_as_running_and_loses_no_counter(api):
    api.ended(api.post(f"{api.base(VM)}/status/suspend"))
    before = api.row(VM)
    api.pass_time(600)
    paused = api.get(f"{api.base(VM)}/status/current")
    api.ended(api.post(f"{api.base(VM)}/status/resume"), after=2)

    assert (paused["status"], paused["qmpstatus"]) == ("running", "paused")
    assert (before["cpu"], paused["cpu"]) == (0, 0)
    assert paused["netin"] == before["netin"]
    assert api.cluster.guest(VM).measure(api.cluster.now).netin >= before["netin"]


def test_hibernated_reads_as_stopped_and_suspended(api):
    upid = api.post(f"{api.base(VM)}/status/suspend", todisk=1)
    assert api.row(VM)["lock"] == "suspending"

    assert api.ended(upid) == "OK"
    assert (api.row(VM)["status"], api.row(VM)["lock"]) == ("stopped", "suspended")
    assert api.ended(api.post(f"{api.base(VM)}/status/start")) == "OK"
    assert "lock" not in api.row(VM)


@pytest.mark.parametrize("verb", ["stop", "shutdown"])
def test_a_vm_that_is_off_stops_well(api, verb):
    api.cluster.set_power(VM, "stopped")

    assert api.ended(api.post(f"{api.base(VM)}/status/{verb}")) == "OK"


def test_a_vm_that_runs_does_not_start(api):
    upid = api.post(f"{api.base(VM)}/status/start")

    assert api.ended(upid) == f"VM {VM} already running"


@pytest.mark.parametrize(
    ("verb", "state", "words"),
    [
        ("start", "running", f"CT {CT} already running"),
        ("stop", "stopped", f"CT {CT} not running"),
        ("shutdown", "stopped", f"CT {CT} not running"),
        ("reboot", "stopped", f"VM {CT} not running"),
    ],
)
def test_a_container_is_refused_before_any_task(api, verb, state, words):
    api.cluster.set_power(CT, state)

    assert api.refusal("POST", f"{api.base(CT)}/status/{verb}") == (500, words)


@pytest.mark.parametrize("verb", ["reset", "reboot", "suspend"])
def test_a_vm_that_is_off_cannot_be_reset(api, verb):
    api.cluster.set_power(VM, "stopped")

    words = f"VM {VM} not running"
    assert api.refusal("POST", f"{api.base(VM)}/status/{verb}") == (500, words)


def test_a_paused_vm_is_not_shut_down_unless_forced(api):
    api.cluster.set_power(VM, "paused")
    path = f"{api.base(VM)}/status/shutdown"

    assert api.refusal("POST", path) == (500, "VM is paused - cannot shutdown")
    assert api.ended(api.post(path, forceStop=1)) == "OK"


def test_a_missing_vm_fails_in_the_task(api):
    upid = api.post("/nodes/pve1/qemu/999/status/start")

    assert api.task(upid)["exitstatus"].startswith(
        "Configuration file 'nodes/pve1/qemu-server/999"
    )


def test_a_template_does_not_start(api):
    template = next(guest for guest in api.cluster.guests.values() if guest.template)
    upid = api.post(f"{api.base(template.vmid)}/status/start")

    assert api.ended(upid) == "you can't start a vm if it's a template"
    assert api.row(template.vmid)["template"] == 1


def test_a_warning_is_told_and_is_success(api):
    api.cluster.set_power(VM, "stopped")
    api.cluster.guest(VM).start_warning = "Interface 'tap100i0' not attached to any bridge."
    upid = api.post(f"{api.base(VM)}/status/start")

    assert api.ended(upid) == "WARNINGS: 1"
    assert api.cluster.guest(VM).running


@pytest.mark.parametrize(("agent", "extra"), [(Agent.UP, 0), (Agent.DEAD, 3)])
def test_a_guest_that_does_not_listen_outlasts_the_timeout(api, agent, extra):
    guest = api.cluster.guest(VM)
    guest.ignores_shutdown, guest.agent = True, agent
    upid = api.post(f"{api.base(VM)}/status/shutdown", timeout=20)

    api.pass_time(19 + extra)
    assert api.task(upid)["status"] == "running"
    assert api.ended(upid, after=2) == "VM quit/powerdown failed - got timeout"
    assert guest.running


def test_force_stop_kills_it_at_the_timeout(api):
    api.cluster.guest(VM).ignores_shutdown = True
    upid = api.post(f"{api.base(VM)}/status/shutdown", timeout=20, forceStop=1)

    assert api.ended(upid) == "OK"
    assert not api.cluster.guest(VM).running
