"""A 401 has no body and no content type, and takes its time."""

import pytest

from servers.simulator import demo
from servers.simulator.wire import Request, reply
from servers.simulator.world import SimulatedCluster


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("", "No ticket"),
        ("Bearer abc", "No ticket"),
        ("PVEAPIToken=", "No ticket"),
        ("PVEAPIToken=panel@pve!panel=wrong", "Authentication failed!"),
        ("PVEAPIToken=panel@pve!nosuch=secret", "Authentication failed!"),
        ("PVEAPIToken=nonsense", "Authentication failed!"),
    ],
)
def test_bad_credentials_are_refused_in_the_reason_alone(api, authorization, reason):
    answer = api.call("GET", "/version", authorization)

    assert (answer.status, answer.reason) == (401, reason)
    assert (answer.body, answer.content_type) == (b"", None)


def test_a_removed_token_is_refused(api):
    authorization = api.cluster.access.authorization(demo.READ)
    api.cluster.access.remove_token(demo.READ)

    assert api.call("GET", "/version", authorization).status == 401


@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_the_delay_is_a_setting(seconds):
    cluster = SimulatedCluster(guests=0, refusal_delay=seconds)

    assert reply(cluster, Request("GET", "/version")).delay == seconds
