"""Refusals before anything is done: parameters, paths and methods."""

import msgspec
import pytest

VM = "/nodes/pve1/qemu/100"


@pytest.mark.parametrize(
    ("method", "path", "params", "errors"),
    [
        (
            "GET",
            "/cluster/resources",
            {"type": "bogus"},
            {
                "type": "value 'bogus' does not have a value in the enumeration "
                "'vm, storage, node, sdn'"
            },
        ),
        (
            "GET",
            "/nodes/pve1/qemu/99/config",
            {},
            {"vmid": "invalid format - value does not look like a valid VM ID\n"},
        ),
        (
            "POST",
            f"{VM}/snapshot",
            {"snapname": "x"},
            {"snapname": "invalid format - invalid configuration ID 'x'\n"},
        ),
        (
            "POST",
            f"{VM}/snapshot",
            {"snapname": "a" * 41},
            {"snapname": "value may only be 40 characters long"},
        ),
        (
            "POST",
            f"{VM}/snapshot",
            {},
            {"snapname": "property is missing and it is not optional"},
        ),
        (
            "POST",
            f"{VM}/status/shutdown",
            {"timeout": "soon", "forceStop": "maybe"},
            {
                "timeout": "type check ('integer') failed - got 'soon'",
                "forceStop": "type check ('boolean') failed - got 'maybe'",
            },
        ),
        (
            "POST",
            f"{VM}/status/start",
            {"nosuch": 1},
            {
                "nosuch": "property is not defined in schema and the schema does not allow "
                "additional properties"
            },
        ),
        (
            "POST",
            f"{VM}/status/stop",
            {"skiplock": 1},
            {"skiplock": "Only root may use this option."},
        ),
        (
            "PUT",
            f"{VM}/config",
            {"name": "bad_name!"},
            {"name": "invalid format - value does not look like a valid DNS name\n"},
        ),
        ("PUT", f"{VM}/config", {"delete": "nosuch"}, {"delete": "unknown option 'nosuch'"}),
        ("GET", "/nodes/pve1/tasks/garbage/status", {}, {"upid": "unable to parse worker upid"}),
    ],
)
def test_a_bad_parameter_is_named(api, method, path, params, errors):
    answer = api.call(method, path, **params)
    body = msgspec.json.decode(answer.body)

    assert (answer.status, answer.reason) == (400, "Parameter verification failed.")
    assert body == {"data": None, "message": "Parameter verification failed.\n", "errors": errors}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nosuch"),
        ("PUT", f"{VM}/status/start"),
        ("GET", f"{VM}/../../status"),
        ("POST", "/nodes/pve1/lxc/103/status/reset"),
    ],
)
def test_an_unknown_path_or_method_is_not_implemented(api, method, path):
    assert api.refusal(method, path) == (501, f"Method '{method} {path}' not implemented")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_head_and_options_are_not_available(api, method):
    assert api.refusal(method, "/version") == (501, f"method '{method}' not available")


@pytest.mark.parametrize("kind", ["qemu", "lxc"])
def test_a_guest_that_is_not_there_is_a_500(api, kind):
    folder = "qemu-server" if kind == "qemu" else "lxc"
    words = f"Configuration file 'nodes/pve1/{folder}/999.conf' does not exist"

    assert api.refusal("GET", f"/nodes/pve1/{kind}/999/config") == (500, words)


def test_a_guest_is_not_found_on_another_node_or_as_another_kind(api):
    assert api.refusal("GET", "/nodes/pve2/qemu/100/config")[0] == 500
    assert api.refusal("GET", "/nodes/pve1/lxc/100/config")[0] == 500
