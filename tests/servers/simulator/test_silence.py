"""Calls that get no answer, and were carried out or not."""

import pytest

from servers.simulator.faults import Silence

VM = 100
STOP = f"/nodes/pve1/qemu/{VM}/status/stop"


@pytest.mark.parametrize(
    ("fault", "runs"), [("accept_silently", False), ("refuse_silently", True)]
)
@pytest.mark.parametrize("how", Silence)
def test_nobody_hears_whether_it_happened(api, fault, how, runs):
    getattr(api.cluster, fault)("post", "status/stop", how=how)
    answer = api.call("POST", STOP)
    api.pass_time(10)

    assert answer.silence is how
    assert api.cluster.guest(VM).running is runs
    assert len(api.get("/nodes/pve1/tasks")) == (0 if runs else 1)


def test_it_happens_as_often_as_told_and_to_these_calls_alone(api):
    api.cluster.accept_silently("POST", f"/{VM}/status/stop", times=2)

    assert api.call("POST", "/nodes/pve2/qemu/101/status/stop").silence is None
    assert [api.call("POST", STOP).silence for _ in range(3)] == ["timeout", "timeout", None]


def test_a_call_that_is_refused_stays_refused(api):
    api.cluster.accept_silently("POST", "status/stop")
    api.cluster.revoke(api.token_id)

    assert api.call("POST", STOP).silence == "timeout"
    api.pass_time(10)
    assert api.cluster.guest(VM).running


@pytest.mark.parametrize("status", [401, 595, 596, 599])
def test_what_a_proxy_says_has_no_body(api, status):
    api.cluster.fail_next("GET", "/version", status=status, reason="No route to host")
    answer = api.call("GET", "/version")

    assert (answer.status, answer.reason) == (status, "No route to host")
    assert (answer.content_type, answer.body) == (None, b"")
