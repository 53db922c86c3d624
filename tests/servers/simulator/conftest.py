"""A simulated cluster, and calls on it without HTTP in between."""

from typing import Any

import msgspec
import pytest

from servers.simulator import demo
from servers.simulator.wire import Reply, Request, reply
from servers.simulator.world import SimulatedCluster


class Api:
    """Calls with one token; `pass_time` moves the cluster's clock."""

    def __init__(self, cluster: SimulatedCluster, token_id: str = demo.FULL) -> None:
        self.cluster = cluster
        self.token_id = token_id

    def call(
        self, method: str, path: str, authorization: str | None = None, **params: Any
    ) -> Reply:
        if authorization is None:
            authorization = self.cluster.access.authorization(self.token_id)
        texts = {name.replace("_", "-"): str(value) for name, value in params.items()}
        return reply(self.cluster, Request(method, path, texts, authorization, self.cluster.now))

    def get(self, path: str, **params: Any) -> Any:
        return _data(self.call("GET", path, **params))

    def post(self, path: str, **params: Any) -> Any:
        return _data(self.call("POST", path, **params))

    def put(self, path: str, **params: Any) -> Any:
        return _data(self.call("PUT", path, **params))

    def delete(self, path: str, **params: Any) -> Any:
        return _data(self.call("DELETE", path, **params))

    def refusal(self, method: str, path: str, **params: Any) -> tuple[int, str]:
        answer = self.call(method, path, **params)
        assert answer.status != 200, answer.body
        return answer.status, answer.reason

    def pass_time(self, seconds: float) -> None:
        self.cluster.advance(self.cluster.now + seconds)

    def row(self, vmid: int) -> Any:
        """The guest's row in /cluster/resources."""
        rows = {row.get("vmid"): row for row in self.get("/cluster/resources")}
        return rows[vmid]

    def node_row(self, name: str) -> Any:
        return {row["node"]: row for row in self.get("/nodes")}[name]

    def base(self, vmid: int) -> str:
        guest = self.cluster.guest(vmid)
        return f"/nodes/{guest.node}/{guest.kind}/{vmid}"

    def task(self, upid: str) -> Any:
        return self.get(f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status")

    def ended(self, upid: str, after: float = 60) -> Any:
        """The exit status of a task, once there was time for it."""
        self.pass_time(after)
        return self.task(upid)["exitstatus"]


def _data(answer: Reply) -> Any:
    assert answer.status == 200, f"{answer.status} {answer.reason}"
    return msgspec.json.decode(answer.body)["data"]


@pytest.fixture
def cluster() -> SimulatedCluster:
    """Five minutes old, measured half a minute ago at most."""
    cluster = SimulatedCluster()
    cluster.advance(cluster.started_at + 300)
    return cluster


@pytest.fixture
def api(cluster: SimulatedCluster) -> Api:
    return Api(cluster)
