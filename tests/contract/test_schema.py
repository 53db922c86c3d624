"""The checker itself, on a schema of three calls: it has to see what is wrong."""

import pytest

from servers.simulator.wire import Request
from tests.contract.schema import NotInTheApi, Schema

VM = {"node": {"type": "string"}, "vmid": {"type": "integer", "minimum": 100}}
CALLS = {
    "/nodes/{node}/qemu/{vmid}/snapshot": {
        "POST": {
            "parameters": {
                "properties": VM
                | {
                    "snapname": {"type": "string", "maxLength": 40},
                    "vmstate": {"type": "boolean", "optional": 1},
                    "net[n]": {"type": "string", "optional": 1},
                }
            },
            "returns": {"type": "string"},
        }
    },
    "/nodes/{node}/qemu/{vmid}/status": {"GET": {"parameters": {"properties": VM}}},
    "/nodes": {
        "GET": {
            "returns": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "node": {"type": "string"},
                        "cpu": {"type": "number", "optional": 1, "minimum": 0},
                        "status": {"type": "string", "enum": ["online", "offline"]},
                    },
                },
            }
        }
    },
}
PATH = "/nodes/pve1/qemu/100/snapshot"


@pytest.fixture
def small():
    return Schema(CALLS)


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"snapname": "clean"}, []),
        ({"snapname": "clean", "vmstate": True, "net0": "x"}, []),
        ({}, ["snapname: is missing"]),
        ({"snapname": "a" * 41}, [f"snapname: '{'a' * 41}' has a length that is not allowed"]),
        ({"snapname": "a", "vmstate": "maybe"}, ["vmstate: 'maybe' is not a boolean"]),
        (
            {"snapname": "a", "force": 1},
            [f"force: is not a parameter of POST {next(iter(CALLS))}"],
        ),
    ],
)
def test_parameters(small, params, problems):
    assert small.check_params("POST", PATH, params) == problems


def test_path_values_are_parameters_too(small):
    path = "/nodes/pve1/qemu/99/status"

    assert small.check_params("GET", path, {}) == ["vmid: '99' is under 100"]


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ([], []),
        ([{"node": "pve1", "status": "online", "cpu": 0.5, "more": 1}], []),
        ([{"node": "pve1", "status": "online", "cpu": "0.5"}], []),
        ([{"status": "online"}], ["data[0].node: is missing"]),
        ([{"node": 1, "status": "online"}], ["data[0].node: 1 is not a string"]),
        (
            [{"node": "a", "status": "gone"}],
            ["data[0].status: 'gone' is none of ['online', 'offline']"],
        ),
        ([{"node": "a", "status": "online", "cpu": -1}], ["data[0].cpu: -1 is under 0"]),
        ({}, ["data: {} is not an array"]),
    ],
)
def test_replies(small, rows, problems):
    assert small.check_reply("GET", "/nodes", rows) == problems


@pytest.mark.parametrize(("method", "path"), [("GET", "/nosuch"), ("DELETE", "/nodes")])
def test_calls_that_are_not_there(small, method, path):
    with pytest.raises(NotInTheApi):
        small.operation(method, path)


def test_all_that_was_sent(small):
    sent = [Request("GET", "/nodes"), Request("GET", "/nosuch"), Request("POST", PATH)]

    assert small.check_requests(sent) == [
        "GET /nosuch: is not in the API",
        f"POST {PATH}: snapname: is missing",
    ]
