"""Two sorts of lock: the one in a guest's configuration, and the file a worker holds."""

import pytest

from servers.simulator.guests import Snapshot

VM, CT = 100, 103


@pytest.mark.parametrize(
    ("vmid", "verb", "words"),
    [
        (VM, "stop", "VM is locked (backup)"),
        (VM, "shutdown", "VM is locked (backup)"),
        (VM, "reset", "VM is locked (backup)"),
        (VM, "reboot", "VM is locked (backup)"),
        (VM, "start", "OK"),
        (VM, "suspend", "OK"),
        (VM, "resume", "OK"),
        (CT, "stop", "CT is locked (backup)"),
        (CT, "shutdown", "CT is locked (backup)"),
    ],
)
def test_a_locked_guest_refuses_in_the_task(api, vmid, verb, words):
    api.cluster.lock_guest(vmid, "backup")

    assert api.ended(api.post(f"{api.base(vmid)}/status/{verb}")) == words


@pytest.mark.parametrize("vmid", [VM, CT])
def test_a_locked_guest_refuses_snapshots_in_the_task_and_changes_at_once(api, vmid):
    api.cluster.lock_guest(vmid, "migrate")
    noun = "VM" if vmid == VM else "CT"
    words = f"{noun} is locked (migrate)"

    assert api.ended(api.post(f"{api.base(vmid)}/snapshot", snapname="clean")) == words
    assert api.refusal("PUT", f"{api.base(vmid)}/config", description="x") == (500, words)


def test_the_lock_is_in_the_row_at_once(api):
    api.cluster.lock_guest(VM, "backup")
    assert api.row(VM)["lock"] == "backup"

    api.cluster.unlock_guest(VM)
    assert "lock" not in api.row(VM)


@pytest.fixture
def deaf(api):
    """A guest whose shutdown goes on for two minutes."""
    api.cluster.guest(VM).ignores_shutdown = True
    api.shutting_down = api.post(f"{api.base(VM)}/status/shutdown", timeout=120)
    return api


def test_a_shutdown_holds_the_lock_file_for_ten_seconds_of_patience(deaf):
    upid = deaf.post(f"{deaf.base(VM)}/status/stop")
    deaf.pass_time(9)
    assert deaf.task(upid)["status"] == "running"

    words = f"can't lock file '/var/lock/qemu-server/lock-{VM}.conf' - got timeout"
    assert deaf.ended(upid, after=2) == words
    assert deaf.get(f"/nodes/pve1/tasks/{upid}/log")[0]["t"] == "trying to acquire lock..."


def test_a_change_of_the_configuration_waits_for_it_and_fails(deaf):
    answer = deaf.call("PUT", f"{deaf.base(VM)}/config", description="x")

    assert (answer.status, answer.delay) == (500, 10.0)
    assert answer.reason.startswith("can't lock file")


def test_an_overruling_stop_interrupts_the_shutdown(deaf):
    upid = deaf.post(f"{deaf.base(VM)}/status/stop", **{"overrule-shutdown": 1})

    assert deaf.task(deaf.shutting_down)["exitstatus"] == "received interrupt"
    assert deaf.ended(upid) == "OK"
    assert not deaf.cluster.guest(VM).running


def test_a_stopped_task_lets_go(deaf):
    deaf.delete(f"/nodes/pve1/tasks/{deaf.shutting_down}")

    assert deaf.task(deaf.shutting_down)["exitstatus"] == "received interrupt"
    assert deaf.ended(deaf.post(f"{deaf.base(VM)}/status/stop")) == "OK"


def test_work_that_ends_in_time_lets_the_next_go_on(api):
    first = api.post(f"{api.base(VM)}/snapshot", snapname="one")
    second = api.post(f"{api.base(VM)}/snapshot", snapname="two")

    assert api.task(second)["status"] == "running"
    assert (api.ended(first), api.ended(second)) == ("OK", "OK")
    assert set(api.cluster.guest(VM).snapshots) == {"one", "two"}


def test_a_backup_comes_round_on_one_guest(api):
    locks = []
    for _ in range(50):
        api.pass_time(60)
        locks += [row["name"] for row in api.get("/cluster/resources", type="vm") if "lock" in row]

    assert set(locks) == {"shop-app"}
    assert 3 <= len(locks) <= 10


LOCKS = (
    "backup", "clone", "create", "migrate", "rollback", "snapshot", "snapshot-delete",
    "suspending", "suspended",
)  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_every_lock_refuses_in_the_same_words(api, lock):
    api.cluster.guest(VM).snapshots["clean"] = a_snapshot("clean")
    api.cluster.lock_guest(VM, lock)
    words = f"VM is locked ({lock})"
    base = api.base(VM)

    assert api.refusal("PUT", f"{base}/config", description="x") == (500, words)
    assert api.ended(api.post(f"{base}/snapshot", snapname="other")) == words
    assert api.ended(api.delete(f"{base}/snapshot/clean")) == words
    assert api.ended(api.post(f"{base}/snapshot/clean/rollback")) == words
    for verb in ("stop", "shutdown", "reboot", "reset"):
        assert api.ended(api.post(f"{base}/status/{verb}")) == words


@pytest.mark.parametrize("lock", LOCKS)
def test_a_locked_guest_is_not_deleted(api, lock):
    for vmid in (VM, CT):
        api.cluster.set_power(vmid, "stopped")
        api.cluster.lock_guest(vmid, lock)

    assert api.ended(api.delete(api.base(VM))) == f"VM is locked ({lock})"
    assert api.refusal("DELETE", api.base(CT)) == (500, f"CT is locked ({lock})")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_stopped_and_locked_guest_does_not_start(api, lock):
    api.cluster.set_power(VM, "stopped")
    api.cluster.lock_guest(VM, lock)
    words = "OK" if lock == "suspended" else f"VM is locked ({lock})"

    assert api.ended(api.post(f"{api.base(VM)}/status/start")) == words


def a_snapshot(name):
    return Snapshot(name, "", 1, vmstate=False, parent=None, config={})
