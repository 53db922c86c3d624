"""Asked the same in the same state, the simulator answers what a real Proxmox VE answered:
status, reason, content type, an error's every word, and the keys and types of everything else.
"""

import re
from typing import Any

import msgspec
import pytest

from servers.simulator.wire import ROUTES, Reply, Request, reply
from servers.simulator.world import SimulatedCluster
from tests.contract.conftest import folder
from tests.contract.equivalent import cluster_for, request_for
from tests.contract.recordings import Recording, load
from tests.contract.shapes import differences

# Recordings that are not replayed: name of the recording, and why.
NOT_REPLAYED = {
    "authentication-11": "signed in with a ticket and no CSRF token; the simulator has no tickets",
    "authentication-12": "signed in with a ticket and a bad CSRF token, likewise",
    "guests-and-config-0": "the answer to another call, written down under this one",
    "guests-and-config-45": "takes KVM out of the configuration, where ours never has it",
}
# Failures of the recorded machine itself, by words: nothing of Proxmox's own.
NOT_OUR_WORLD = {
    "did not find any IP address": "pve2 had no address yet when this was recorded",
    "bridge 'vmbr9' does not exist": "networks are not simulated",
    "QEMU exited with code": "a host without the memory or the modules",
    "genisoimage": "a missing option of the recorded machine's qemu-img",
    "linked cloned": "clones are not simulated",
    "Failed to run vncproxy": "the task of a console that was opened on the side",
}
# Parameters the simulator does not take, which the recordings send.
NOT_TAKEN = {"cores", "memory", "net0", "ipconfig0", "revert", "args", "kvm", "scsi1"}

# Differences in shape that are meant, by pattern, and why.
EXCUSED = {
    r"\.kvm: missing$": "the recorded machine had no KVM",
    r"\.ide2: (missing|invented)$": "drives beside the first are not simulated",
    r"\.(scsi1|unused0): missing$": "likewise",
    r"\.(ipconfig0|sshkeys): (missing|invented)$": "cloud-init beyond user and password",
    r"boot-info\.secureboot: invented$": "sent by machines that boot by EFI",
    r"result\.(id|name|pretty-name|version|version-id): invented$": (
        "the recorded guest's system has no os-release file"
    ),
}
# VMs of the recording that were made by hand with next to no options, so that Proxmox's defaults
# hold where ours are written out, or without a disk or a network card.
SPARSE = {
    "guest-agent-and-cloud-init-15",
    "guests-and-config-51",
    "guests-and-config-59",
    "guests-and-config-69",
    "guests-and-config-71",
    "power-36",
    "power-64",
}
SPARSE_VM = re.compile(
    r"body\.data\.(cores|ostype|scsihw|scsi0|net0|agent|blockstat|nics): (missing|invented)$"
)
# Lists that were empty in the recorded guest, by recording.
EMPTY = {"guest-agent-and-cloud-init-25": "a guest that runs from memory has no file systems"}


def is_answered(recording: Recording) -> bool:
    """Does a route of the simulator take this path? Refused methods and paths count as well."""
    if recording.status == 501:
        return True
    return any(
        route.method == recording.method and route.pattern.match(recording.path)
        for route in ROUTES
    )


def reason_not_to_replay(recording: Recording) -> str | None:
    words = recording.reason + str((recording.task or {}).get("exitstatus", ""))
    if recording.name in NOT_REPLAYED:
        return NOT_REPLAYED[recording.name]
    if not is_answered(recording):
        return "the simulator does not answer this path"
    if recording.params.keys() & NOT_TAKEN:
        return "the simulator does not take these parameters"
    return next((why for text, why in NOT_OUR_WORLD.items() if text in words), None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The recordings that can be replayed; one empty case without any, which the fixture
    `contract` then skips or fails."""
    if "recording" not in metafunc.fixturenames:
        return
    found = folder()
    replayable = [
        one for one in (load(found) if found else []) if reason_not_to_replay(one) is None
    ]
    if metafunc.function is test_a_recorded_task_ends_as_ours_does:
        replayable = [one for one in replayable if started_its_task(one)]
    names = [one.name for one in replayable]
    metafunc.parametrize("recording", replayable or [None], ids=names or ["none"])


def started_its_task(recording: Recording) -> bool:
    """Some calls end the task of an earlier one, which the recording shows then."""
    answered = recording.body.get("data") if isinstance(recording.body, dict) else None
    is_upid = isinstance(answered, str) and answered.startswith("UPID:")
    return bool(is_upid and recording.task and recording.task["upid"] == answered)


def test_most_recordings_are_replayed(contract):
    reasons = [reason_not_to_replay(one) for one in load(contract)]

    assert reasons.count(None) > 150


def test_no_excuse_is_left_over(contract):
    """What is excused and no longer happens would hide the next difference."""
    recordings = load(contract)
    given = {reason_not_to_replay(one) for one in recordings}
    found = [
        difference
        for one in recordings
        if reason_not_to_replay(one) is None and one.status == 200
        for difference in differences(one.body, replay(one))
    ]

    assert set(NOT_OUR_WORLD.values()) - given == set()
    assert set(NOT_REPLAYED.values()) - given == set()
    assert [one for one in EXCUSED if not any(re.search(one, text) for text in found)] == []


def test_a_recorded_reply_is_ours_too(recording: Recording, contract):
    cluster = cluster_for(recording)
    answer = reply(cluster, request_for(cluster, recording))

    ours = (answer.status, answer.reason, answer.content_type)
    assert ours == (recording.status, recording.reason, recording.content_type)
    assert unexcused(recording, body_of(answer)) == []


def test_a_recorded_task_ends_as_ours_does(recording: Recording, contract):
    assert recording.task is not None
    cluster = cluster_for(recording)
    upid = msgspec.json.decode(reply(cluster, request_for(cluster, recording)).body)["data"]
    cluster.advance(cluster.now + 30)

    ours = status_of(cluster, recording, upid)

    assert ours["exitstatus"] == recording.task["exitstatus"]
    assert (ours["type"], ours["id"]) == (recording.task["type"], recording.task["id"])
    assert differences(recording.task, ours) == []


def replay(recording: Recording) -> Any:
    cluster = cluster_for(recording)
    return body_of(reply(cluster, request_for(cluster, recording)))


def body_of(answer: Reply) -> Any:
    return msgspec.json.decode(answer.body) if answer.body else None


def unexcused(recording: Recording, ours: Any) -> list[str]:
    real = recording.body
    if recording.name in EMPTY:
        return [] if real["data"] == {"result": []} else ["no longer empty"]
    if recording.status != 200:
        return [] if real == ours else [f"really {real}, here {ours}"]
    found = [one for one in differences(real, ours) if not is_excused(recording, one)]
    if recording.path == "/access/permissions" and real != ours:
        found.append(f"really {real}, here {ours}")
    return found


def is_excused(recording: Recording, difference: str) -> bool:
    if recording.name in SPARSE and SPARSE_VM.search(difference):
        return True
    return any(re.search(pattern, difference) for pattern in EXCUSED)


def status_of(cluster: SimulatedCluster, recording: Recording, upid: str) -> dict[str, Any]:
    asked = request_for(cluster, recording)
    path = f"/nodes/pve1/tasks/{upid}/status"
    answer = reply(cluster, Request("GET", path, {}, asked.authorization, cluster.now))
    status: dict[str, Any] = msgspec.json.decode(answer.body)["data"]
    return status
