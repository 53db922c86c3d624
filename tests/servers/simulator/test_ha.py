"""Guests under high availability: the task ends at once, the guest changes later."""

import pytest

VM, CT = 100, 103
HA_DELAY = 12


@pytest.fixture(params=[VM, CT], ids=["vm", "container"])
def vmid(request, api):
    api.cluster.manage_by_ha(request.param)
    return request.param


@pytest.fixture
def stopped(api, vmid):
    api.cluster.set_power(vmid, "stopped")
    api.cluster.manage_by_ha(vmid)
    return vmid


def state(api, vmid):
    return api.get(f"{api.base(vmid)}/status/current")["ha"]["state"]


def test_a_guest_that_is_not_managed_says_so(api):
    assert api.get(f"{api.base(VM)}/status/current")["ha"] == {"managed": 0}
    assert "hastate" not in api.row(VM)


def test_a_managed_guest_says_so_in_both_places(api, vmid):
    ha = {"managed": 1, "state": "started", "group": None}

    assert api.get(f"{api.base(vmid)}/status/current")["ha"] == ha
    assert api.row(vmid)["hastate"] == "started"

    api.cluster.release_from_ha(vmid)
    assert "hastate" not in api.row(vmid)


@pytest.mark.parametrize("verb", ["stop", "shutdown"])
def test_it_stops_some_time_after_its_task(api, vmid, verb):
    upid = api.post(f"{api.base(vmid)}/status/{verb}")

    assert f":hastop:{vmid}:panel@pve!panel:" in upid
    assert api.ended(upid, after=1) == "OK"
    api.pass_time(HA_DELAY - 1)
    assert api.cluster.guest(vmid).running

    api.pass_time(8)
    assert not api.cluster.guest(vmid).running
    assert (state(api, vmid), api.row(vmid)["hastate"]) == ("stopped", "stopped")


def test_it_starts_some_time_after_its_task(api, stopped):
    upid = api.post(f"{api.base(stopped)}/status/start")

    assert ":hastart:" in upid
    assert api.ended(upid, after=1) == "OK"
    assert not api.cluster.guest(stopped).running

    api.pass_time(HA_DELAY + 4)
    assert api.cluster.guest(stopped).running
    assert state(api, stopped) == "started"


def test_the_work_is_a_task_of_roots(api, stopped):
    api.post(f"{api.base(stopped)}/status/start")
    api.pass_time(20)

    rows = api.get(f"/nodes/{api.cluster.guest(stopped).node}/tasks", vmid=stopped)
    kind = "vzstart" if stopped == CT else "qmstart"
    assert [(row["type"], row["user"]) for row in rows] == [
        (kind, "root@pam"),
        ("hastart", "panel@pve"),
    ]


def test_the_time_it_takes_can_be_set(api, stopped):
    api.cluster.slow_ha(60)
    api.post(f"{api.base(stopped)}/status/start")

    api.pass_time(60)
    assert not api.cluster.guest(stopped).running
    api.pass_time(5)
    assert api.cluster.guest(stopped).running


def test_the_last_request_counts(api):
    api.cluster.manage_by_ha(VM)
    started_at = api.cluster.guest(VM).started_at
    api.post(f"{api.base(VM)}/status/stop")
    api.pass_time(3)
    api.post(f"{api.base(VM)}/status/start")
    api.pass_time(30)

    assert api.cluster.guest(VM).started_at == started_at
    assert state(api, VM) == "started"


def test_a_shutdown_kills_what_does_not_listen(api, vmid):
    api.cluster.guest(vmid).ignores_shutdown = True
    api.post(f"{api.base(vmid)}/status/shutdown", timeout=20)

    api.pass_time(HA_DELAY + 15)
    assert api.cluster.guest(vmid).running
    api.pass_time(10)
    assert not api.cluster.guest(vmid).running


def test_a_shutdown_cannot_be_overruled(api, vmid):
    answer = api.call("POST", f"{api.base(vmid)}/status/stop", **{"overrule-shutdown": 1})

    assert answer.status == 400
    assert b'"overrule-shutdown":"Not applicable for HA resources."' in answer.body


@pytest.mark.parametrize("verb", ["reset", "suspend", "reboot"])
def test_everything_else_runs_at_once(api, verb):
    api.cluster.manage_by_ha(VM)
    upid = api.post(f"{api.base(VM)}/status/{verb}")

    assert ":qm" in upid
    assert api.ended(upid, after=6) == "OK"


def test_in_the_error_state_requests_fail(api, vmid):
    api.cluster.ha_error(vmid)
    upid = api.post(f"{api.base(vmid)}/status/stop")

    sid = f"{'vm' if vmid == VM else 'ct'}:{vmid}"
    words = f"command 'ha-manager crm-command stop {sid} 0' failed: exit code 255"
    assert api.ended(upid) == words
    assert (state(api, vmid), api.row(vmid)["hastate"]) == ("error", "error")
    log = api.get(f"/nodes/{api.cluster.guest(vmid).node}/tasks/{upid}/log")
    assert log[1]["t"] == f"service '{sid}' in error state, must be disabled and fixed first"


def test_a_request_can_end_well_and_come_to_nothing(api, stopped):
    api.cluster.ha_error(stopped, later=True)

    assert api.ended(api.post(f"{api.base(stopped)}/status/start"), after=1) == "OK"
    assert state(api, stopped) == "stopped"
    api.pass_time(60)
    assert state(api, stopped) == "error"
    assert not api.cluster.guest(stopped).running


def test_a_start_that_fails_later_is_an_error(api, stopped):
    api.cluster.fail_task("vzstart" if stopped == CT else "qmstart", "no space left")
    api.post(f"{api.base(stopped)}/status/start")
    api.pass_time(20)

    assert state(api, stopped) == "error"


def test_the_error_ends_with_the_other_faults(api, vmid):
    api.cluster.ha_error(vmid)
    api.cluster.calm()

    assert state(api, vmid) == "started"


def test_it_is_deleted_with_purge_alone(api, stopped):
    noun = "VM" if stopped == VM else "CT"
    words = (
        f"unable to remove {noun} {stopped} - used in HA resources and purge parameter not set."
    )

    assert api.refusal("DELETE", api.base(stopped)) == (500, words)
    assert api.ended(api.delete(api.base(stopped), purge=1)) == "OK"


def test_nothing_happens_to_a_guest_that_is_gone_meanwhile(api, vmid):
    api.post(f"{api.base(vmid)}/status/stop")
    api.cluster.reuse_vmid(vmid)
    api.pass_time(60)

    assert api.cluster.guest(vmid).running
