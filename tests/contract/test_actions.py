"""What a real Proxmox said about actions, as the panel reads it."""

import re

import msgspec
import pytest

from servers import power, steps, verdicts
from servers.proxmox import replies
from servers.proxmox.upid import parse
from tests.contract.recordings import load


def raw(data):
    return msgspec.Raw(msgspec.json.encode(data))


@pytest.fixture(scope="module")
def recordings(contract):
    return load(contract)


def test_what_guests_do(recordings):
    found = [
        replies.guest_state(raw(record.data))
        for record in recordings
        if record.path.endswith("/status/current") and record.status == 200
    ]
    assert {"running", "stopped", "suspended"} <= {state.status for state in found}
    for state in found:
        assert not state.ha_managed
        assert (state.lock == "suspended") == (state.status == "suspended")
        assert state.uptime is not None


def test_calls_that_begin_a_task(recordings):
    verbs = set()
    for record in recordings:
        found = re.search(r"/(qemu|lxc)/\d+/status/(\w+)$", record.path)
        if record.method == "POST" and record.status == 200 and found:
            upid = replies.upid(raw(record.data))
            verb = found[2]
            verbs.add(verb)
            if not record.params.get("todisk"):
                assert upid.type in power.VERBS[verb].tasks
            if record.caller == "PANEL":
                assert upid.identity == "panel@pve!panel"
            assert upid.subject in record.path.split("/")
    assert verbs >= {"start", "stop", "shutdown", "reboot", "reset", "suspend", "resume"}


def test_a_deletion_begins_one_too(recordings):
    begun = [
        replies.upid(raw(record.data))
        for record in recordings
        if record.method == "DELETE"
        and re.fullmatch(r"/nodes/\w+/qemu/\d+", record.path)
        and record.status == 200
    ]
    assert begun
    assert {upid.type for upid in begun} <= steps.task_types(steps.DESTROY)


def test_how_tasks_ended(recordings):
    ended = [record.task for record in recordings if record.task]
    assert len(ended) > 40
    for task in ended:
        state = replies.task_state(parse(task["upid"]), raw(task))
        assert not state.is_running
        verdict = verdicts.of(state.exit_text)
        says_well = task["exitstatus"] == "OK" or task["exitstatus"].startswith("WARNINGS")
        assert verdict.is_success == says_well


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("VM is locked (backup)", "locked"),
        ("VM quit/powerdown failed - got timeout", "guest_ignored_it"),
        ("can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout", "lock_busy"),
        ("received interrupt", "interrupted"),
        ("VM 101 already running", "already_running"),
        ("VM 170 not running", "not_running"),
        ("Configuration file 'nodes/pve1/qemu-server/161.conf' does not exist", "moved"),
        ("unable to find configuration file for VM 170 on node 'pve1'", "moved"),
        ("can't remove VM 100 - protection mode enabled", "protected"),
        ("No QEMU guest agent configured", "agent"),
        ("Agent error: cannot find 'passwd' program in PATH", "agent"),
        ("start failed: QEMU exited with code 1", "refused"),
        # The server has not moved for that: what it needs is missing.
        ("bridge 'vmbr9' does not exist", "refused"),
    ],
)
def test_each_failure_that_was_seen_has_its_code(words, code, recordings):
    texts = {record.task["exitstatus"] for record in recordings if record.task}
    texts |= {record.reason for record in recordings if record.status >= 400}
    assert words in texts
    assert verdicts.kind_of(words) == code


def test_lists_of_tasks(recordings):
    lists = [
        record
        for record in recordings
        if re.fullmatch(r"/cluster/tasks|/nodes/\w+/tasks", record.path) and record.status == 200
    ]
    running, ended = 0, 0
    for record in lists:
        states = replies.tasks(raw(record.data))
        assert len(states) == len(record.data)
        running += sum(state.is_running for state in states)
        ended += sum(not state.is_running and bool(state.exit_text) for state in states)
    assert running > 0
    assert ended > 10


def test_a_task_that_is_not_known_is_a_refusal(recordings):
    (words,) = {
        str(record.body["errors"]["upid"])
        for record in recordings
        if record.path.endswith("/status") and record.status == 400 and "UPID:" in record.path
    }
    assert words == "no such task"


def test_logs(recordings):
    logs = [record for record in recordings if record.path.endswith("/log")]
    assert logs
    for record in logs:
        assert replies.log_lines(raw(record.data)) == ["no content"]


@pytest.mark.parametrize(
    ("data", "confirmed"),
    [({"result": {}}, True), (None, False), ({"result": None}, False), ([], False), ("ok", False)],
)
def test_what_the_agent_confirms(data, confirmed):
    assert replies.is_confirmed(raw(data)) is confirmed


def test_what_configurations_say_of_consoles_and_cloud_init(recordings):
    found = {
        record.name: replies.guest_config("qemu", raw(record.data))
        for record in recordings
        if re.fullmatch(r"/nodes/pve1/qemu/\d+/config", record.path)
        and record.method == "GET"
        and record.status == 200
    }
    assert any(config.has_cloud_init for config in found.values())
    assert any(config.agent_enabled for config in found.values())
    assert all(config.has_screen for config in found.values())
