"""Tasks that hang, warn, are forgotten, or die with their node."""

import pytest

VM = 100
RESET = f"/nodes/pve1/qemu/{VM}/status/reset"
WORDS = "Parameter verification failed."


def test_one_that_warns_does_its_work(api):
    api.cluster.warn_task("qmstop")

    assert api.ended(api.post(f"{api.base(VM)}/status/stop")) == "WARNINGS: 1"
    assert not api.cluster.guest(VM).running


def test_one_that_hangs_holds_its_guest(api):
    api.cluster.hang_task("qmreboot")
    hanging = api.post(f"{api.base(VM)}/status/reboot")
    api.pass_time(3600)

    assert api.task(hanging)["status"] == "running"
    assert api.ended(api.post(RESET)).startswith("can't lock file")


def test_one_that_hangs_can_be_stopped(api):
    api.cluster.hang_task("qmreboot")
    hanging = api.post(f"{api.base(VM)}/status/reboot")
    api.delete(f"/nodes/pve1/tasks/{hanging}")
    api.cluster.release_tasks()

    assert api.task(hanging)["exitstatus"] == "received interrupt"
    assert api.ended(api.post(RESET)) == "OK"


def test_one_that_hangs_can_be_released(api):
    api.cluster.hang_task("qmstop")
    upid = api.post(f"{api.base(VM)}/status/stop")
    api.pass_time(100)
    api.cluster.release_tasks()

    assert api.ended(upid, after=2) == "OK"
    assert not api.cluster.guest(VM).running


@pytest.mark.parametrize(("undo", "runs"), [(False, False), (True, True)])
def test_one_that_is_forgotten_may_have_had_its_effect(api, undo, runs):
    upid = api.post(f"{api.base(VM)}/status/stop")
    api.cluster.forget_tasks(VM, undo=undo)
    api.pass_time(30)

    answer = api.call("GET", f"/nodes/pve1/tasks/{upid}/status")
    assert (answer.status, answer.reason) == (400, WORDS)
    assert b'"errors":{"upid":"no such task"}' in answer.body
    assert api.refusal("GET", f"/nodes/pve1/tasks/{upid}/log") == (400, WORDS)
    assert api.get("/cluster/tasks") == api.get("/nodes/pve1/tasks", source="all") == []
    assert api.cluster.guest(VM).running is runs


def test_those_of_others_are_remembered(api):
    upid = api.post(RESET)
    api.cluster.forget_tasks(101)

    assert api.ended(upid) == "OK"


@pytest.mark.parametrize("undo", [False, True])
def test_a_forgotten_snapshot_leaves_no_lock(api, undo):
    api.post(f"{api.base(VM)}/snapshot", snapname="clean")
    api.cluster.forget_tasks(undo=undo)
    api.pass_time(30)

    assert api.cluster.guest(VM).lock == ""
    assert ("clean" in api.cluster.guest(VM).snapshots) is not undo


def test_one_whose_node_dies_is_unreachable_and_then_lost(api):
    upid = api.post(f"{api.base(VM)}/snapshot", snapname="clean")
    api.cluster.node_down("pve1")
    api.pass_time(60)

    answer = api.call("GET", f"/nodes/pve1/tasks/{upid}/status")
    assert (answer.status, answer.content_type, answer.body) == (595, None, b"")

    api.cluster.node_up("pve1")
    assert api.task(upid)["exitstatus"] == "unexpected status"
    guest = api.cluster.guest(VM)
    assert (guest.snapshots, guest.lock, guest.running) == ({}, "snapshot", False)


@pytest.mark.parametrize("onboot", [True, False])
def test_a_guest_whose_node_dies_during_a_stop_runs_again_if_it_starts_on_boot(api, onboot):
    api.cluster.guest(VM).onboot = onboot
    upid = api.post(f"{api.base(VM)}/status/stop")
    api.cluster.node_down("pve1")
    api.cluster.node_up("pve1")
    api.pass_time(30)

    assert api.task(upid)["exitstatus"] == "unexpected status"
    assert api.cluster.guest(VM).running is onboot


def test_what_works_on_a_deleted_guest_spares_the_next_of_its_number(api):
    upid = api.post(f"{api.base(VM)}/status/stop")
    api.cluster.reuse_vmid(VM)

    words = f"Configuration file 'nodes/pve1/qemu-server/{VM}.conf' does not exist"
    assert api.ended(upid) == words
    assert api.cluster.guest(VM).running


def test_a_guest_that_moved_is_not_found_where_it_was(api):
    """Its tasks stay on the list of the node that ran them."""
    before = api.post(RESET)
    api.pass_time(5)
    old = api.base(VM)
    api.cluster.migrate(VM, "pve2")

    words = f"Configuration file 'nodes/pve1/qemu-server/{VM}.conf' does not exist"
    assert api.ended(api.post(f"{old}/status/start")) == words
    assert api.refusal("GET", f"{old}/config") == (500, words)
    assert api.refusal("GET", f"{old}/status/current") == (500, words)
    assert before in [row["upid"] for row in api.get("/nodes/pve1/tasks", vmid=VM)]
    assert api.get("/nodes/pve2/tasks", vmid=VM) == []
