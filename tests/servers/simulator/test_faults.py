"""Answers that are late, wrong, empty or refused because a test wants them so."""

from pathlib import Path

import msgspec
import pytest

from servers.simulator.control import FAULTS, active, inflict
from servers.simulator.faults import Garbage

RESOURCES = "/cluster/resources"


def test_the_next_calls_fail_as_told(api):
    api.cluster.fail_next("POST", "status/start", status=500, reason="VM is locked", times=2)
    path = "/nodes/pve1/qemu/111/status/start"

    assert api.get("/version")
    assert [api.call("POST", path).status for _ in range(3)] == [500, 500, 200]


def test_a_slow_path_delays_its_answers(api):
    api.cluster.slow(7, "/nodes")

    assert api.call("GET", "/nodes").delay == 7
    assert api.call("GET", RESOURCES).delay == 0
    api.cluster.slow(0, "/nodes")
    assert api.call("GET", "/nodes").delay == 0


def test_a_dripping_path_says_so(api):
    api.cluster.drip(30, RESOURCES)

    assert api.call("GET", RESOURCES).drip == 30


def test_lists_can_be_empty(api):
    api.cluster.empty_lists()

    assert api.get(RESOURCES) == []
    assert api.get("/version")["release"] == "9.1"
    api.cluster.empty_lists(on=False)
    assert api.get(RESOURCES)


@pytest.mark.parametrize(
    "kind", [Garbage.HTML, Garbage.TRUNCATED], ids=["a login page", "half an answer"]
)
def test_garbage_that_is_not_json(api, kind):
    api.cluster.garbage(kind, RESOURCES)
    answer = api.call("GET", RESOURCES)

    assert answer.status == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Garbage.NO_DATA, {"success": 1}),
        (Garbage.NULL, {"data": None}),
        (Garbage.SCALAR, {"data": 42}),
    ],
)
def test_garbage_that_lacks_its_data(api, kind, body):
    api.cluster.garbage(kind)

    assert msgspec.json.decode(api.call("GET", RESOURCES).body) == body


def test_garbage_with_words_for_numbers(api):
    api.cluster.garbage(Garbage.STRINGS)
    row = api.get(RESOURCES, type="vm")[0]

    assert (row["vmid"], row["cpu"], row["type"]) == ("n/a", "n/a", "qemu")


def test_garbage_with_missing_fields(api):
    api.cluster.garbage(Garbage.MISSING)

    assert api.get(RESOURCES, type="vm")[0].keys() == {"id", "type"}


def test_all_of_them_end_together(api):
    api.cluster.node_down("pve1")
    api.cluster.freeze_pvestatd("pve2")
    api.cluster.garbage(Garbage.HTML)
    api.cluster.dark()
    api.cluster.calm()

    assert api.cluster.darkness is None
    assert {row["status"] for row in api.get("/nodes")} == {"online"}


def test_each_is_explained():
    explained = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()

    assert [name for name in FAULTS if f"`{name}`" not in explained] == []


@pytest.mark.parametrize(
    "wish",
    [
        {"fault": "warn_task", "type": "qmstop"},
        {"fault": "hang_task", "type": "qmstop", "times": 2},
        {"fault": "fail_task", "type": "qmstop", "exitstatus": "no"},
        {"fault": "accept_silently", "method": "POST", "fragment": "status", "how": "broken"},
        {"fault": "refuse_silently", "method": "POST", "fragment": "status"},
        {"fault": "agent_null", "vmid": 100, "applied": True},
        {"fault": "ha_error", "vmid": 100, "later": True},
    ],
    ids=lambda wish: wish["fault"],
)
def test_one_from_outside_is_shown_until_it_ends(cluster, wish):
    assert wish["fault"] in inflict(cluster, wish)

    cluster.calm()
    assert active(cluster) == {}


@pytest.mark.parametrize(
    "wish",
    [
        {"fault": "release_tasks"},
        {"fault": "forget_tasks", "vmid": 100, "undo": True},
        {"fault": "manage_by_ha", "vmid": 100, "group": "fast"},
        {"fault": "release_from_ha", "vmid": 100},
        {"fault": "slow_ha", "seconds": 1},
    ],
    ids=lambda wish: wish["fault"],
)
def test_what_only_changes_the_world_is_no_fault_afterwards(cluster, wish):
    assert inflict(cluster, wish) == {}
