"""A member of the cluster that loses power."""

import pytest

CALLS = [
    ("GET", "/nodes/pve1/status"),
    ("GET", "/nodes/pve1/qemu"),
    ("GET", "/nodes/pve1/qemu/100/config"),
    ("POST", "/nodes/pve1/qemu/100/status/start"),
]


@pytest.fixture
def dead(api):
    api.cluster.node_down("pve1")
    return api


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_calls_for_it_end_with_595_and_nothing_else(dead, method, path):
    answer = dead.call(method, path)

    assert (answer.status, answer.reason) == (595, "No route to host")
    assert (answer.body, answer.content_type) == (b"", None)


def test_its_guests_seem_to_run_with_frozen_numbers(dead):
    before = dead.row(100)
    dead.pass_time(290)

    assert dead.row(100) == before
    assert before["status"] == "running"


def test_after_five_minutes_they_are_unknown_without_numbers(dead):
    dead.pass_time(310)

    assert dead.row(100)["status"] == "unknown"
    assert not dead.row(100).keys() & {"cpu", "mem", "uptime", "name", "netin"}


def test_its_row_is_offline_and_says_no_load(dead):
    row = dead.node_row("pve1")

    assert row["status"] == "offline"
    assert not row.keys() & {"cpu", "mem", "uptime", "disk"}


def test_the_others_go_on(dead):
    before = dead.row(101)["uptime"]
    dead.pass_time(30)

    assert dead.row(101)["uptime"] == before + 30
    assert dead.node_row("pve2")["status"] == "online"


def test_the_cluster_tells_who_is_away(dead):
    rows = {row["name"]: row for row in dead.get("/cluster/status")}

    assert (rows["pve1"]["online"], rows["pve2"]["online"]) == (0, 1)
    assert rows["simulated"]["quorate"] == 1
    assert rows["pve2"]["local"] == 1


def test_back_up_its_guests_have_just_booted(dead):
    dead.pass_time(120)
    dead.cluster.node_up("pve1")
    dead.pass_time(10)

    assert dead.row(100)["status"] == "running"
    assert dead.row(100)["uptime"] <= 10
    assert dead.node_row("pve1")["status"] == "online"


def test_an_unknown_node_is_looked_up_in_vain(api):
    status, reason = api.refusal("GET", "/nodes/nosuch/qemu")

    assert status == 500
    assert reason.startswith("hostname lookup 'nosuch' failed")
