"""The lists of tasks, and how a task's end is told in each."""

import re

import pytest

from servers.simulator import demo

UPID = re.compile(r"^UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8}:[0-9A-F]{8}:qmreset:100:panel@pve!panel:$")


@pytest.fixture
def upid(api):
    return api.post("/nodes/pve1/qemu/100/status/reset")


def test_a_upid_names_node_task_guest_and_token(upid):
    assert UPID.match(upid)


def test_the_list_of_ended_ones_has_the_exit_text_in_status(api, upid):
    assert api.get("/nodes/pve1/tasks") == []
    api.pass_time(5)

    (row,) = api.get("/nodes/pve1/tasks")
    assert (row["upid"], row["status"]) == (upid, "OK")
    assert (row["user"], row["tokenid"]) == ("panel@pve", "panel")
    assert row["endtime"] >= row["starttime"]


def test_the_list_of_running_ones_names_user_and_token_in_one(api, upid):
    (row,) = api.get("/nodes/pve1/tasks", source="active")

    assert (row["status"], row["user"]) == ("RUNNING", "panel@pve!panel")
    assert "tokenid" not in row
    api.pass_time(5)
    assert api.get("/nodes/pve1/tasks", source="active") == []


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 3),
        ({"vmid": 100}, 2),
        ({"typefilter": "qmreset"}, 1),
        ({"errors": 1}, 1),
        ({"statusfilter": "ok"}, 2),
        ({"limit": 2}, 2),
        ({"start": 2}, 1),
        ({"userfilter": "nobody"}, 0),
    ],
)
def test_it_can_be_filtered(api, upid, filters, count):
    api.pass_time(5)
    api.post("/nodes/pve1/qemu/100/status/start")
    api.post("/nodes/pve1/lxc/103/status/reboot")
    api.pass_time(30)

    assert len(api.get("/nodes/pve1/tasks", **filters)) == count


def test_a_task_is_on_the_node_that_ran_it(api, upid):
    words = "Parameter verification failed."
    api.pass_time(5)
    api.cluster.migrate(100, "pve2")

    assert api.task(upid)["exitstatus"] == "OK"
    assert api.refusal("GET", f"/nodes/pve2/tasks/{upid}/status") == (400, words)


def test_the_cluster_lists_the_newest_of_all_nodes(api, upid):
    api.pass_time(5)
    other = api.post("/nodes/pve2/qemu/101/status/reset")

    assert [row["upid"] for row in api.get("/cluster/tasks")] == [other, upid]


def test_the_log_ends_with_the_result(api, upid):
    assert api.get(f"/nodes/pve1/tasks/{upid}/log") == [{"n": 1, "t": "no content"}]
    api.pass_time(5)

    assert api.get(f"/nodes/pve1/tasks/{upid}/log")[-1]["t"] == "TASK OK"


def test_a_failure_can_be_scripted(api):
    api.cluster.fail_task("qmstart", "start failed: QEMU exited with code 1")
    api.cluster.set_power(100, "stopped")
    path = "/nodes/pve1/qemu/100/status/start"

    assert api.ended(api.post(path)) == "start failed: QEMU exited with code 1"
    assert api.ended(api.post(path)) == "OK"


def test_a_token_sees_the_tasks_it_started(api, upid):
    api.pass_time(5)
    api.token_id = demo.RESET

    assert api.get("/nodes/pve1/tasks") == []


def test_of_all_tasks_those_that_run_come_first(api, upid):
    api.cluster.hang_task("qmreset")
    hanging = api.post("/nodes/pve1/qemu/109/status/reset")
    api.pass_time(5)
    later = api.post("/nodes/pve1/qemu/100/status/reset")
    api.pass_time(5)

    rows = api.get("/nodes/pve1/tasks", source="all")
    assert [row["upid"] for row in rows] == [hanging, later, upid]
    assert rows[0]["status"] == "RUNNING"
    assert [row["upid"] for row in api.get("/nodes/pve1/tasks", source="all", limit=1)] == [
        hanging
    ]


def test_it_can_be_cut_by_time(api, upid):
    api.pass_time(5)
    api.post("/nodes/pve1/qemu/100/status/reset")
    api.pass_time(5)
    first = api.task(upid)["starttime"]

    assert len(api.get("/nodes/pve1/tasks", source="all", since=first)) == 2
    assert len(api.get("/nodes/pve1/tasks", source="all", since=first + 1)) == 1
    assert len(api.get("/nodes/pve1/tasks", source="all", until=first)) == 1
    assert len(api.get("/nodes/pve1/tasks", since=first, limit=1, userfilter="PANEL")) == 1


def test_the_cluster_lists_all_that_run_and_few_that_ended(api):
    api.cluster.hang_task("qmreset")
    hanging = api.post("/nodes/pve1/qemu/109/status/reset")
    for _ in range(30):
        api.ended(api.post("/nodes/pve2/qemu/101/status/reset"), after=1)

    rows = api.get("/cluster/tasks")
    assert len(rows) == 26
    assert rows[0]["upid"] == hanging
