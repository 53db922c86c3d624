"""A simulated cluster to ask, and a call of each of its routes that is answered with 200."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from servers.simulator import demo
from servers.simulator.guests import Kind
from servers.simulator.parameters import Parameter
from servers.simulator.routes import Route
from servers.simulator.wire import Reply, Request, reply
from servers.simulator.world import SimulatedCluster

RUNNING = {Kind.QEMU: 100, Kind.LXC: 103}
STOPPED = {Kind.QEMU: 111, Kind.LXC: 129}
NEEDS_STOPPED = ("start", "resume")
VALUES = {
    "feature": "snapshot",
    "timeframe": "hour",
    "snapname": "clean",
    "username": "root",
    "password": "correct horse",
}


class Asking:
    """Calls on one simulated cluster, with the token that may do everything."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster

    def reply(self, method: str, path: str, params: Mapping[str, str] | None = None) -> Reply:
        authorization = self.cluster.access.authorization(demo.FULL)
        request = Request(method, path, params or {}, authorization, self.cluster.now)
        return reply(self.cluster, request)

    def data(self, method: str, path: str, params: Mapping[str, str] | None = None) -> Any:
        answer = self.reply(method, path, params)
        assert answer.status == 200, f"{answer.status} {answer.reason}"
        return msgspec.json.decode(answer.body)["data"]

    def upid(self) -> str:
        """A task that has ended."""
        upid = self.data("POST", "/nodes/pve1/qemu/100/status/reset")
        self.cluster.advance(self.cluster.now + 5)
        return str(upid)

    def snapshot(self, kind: Kind) -> None:
        guest = self.cluster.guest(RUNNING[kind])
        path = f"/nodes/{guest.node}/{kind}/{guest.vmid}/snapshot"
        self.data("POST", path, {"snapname": "clean", "description": "a snapshot"})
        self.cluster.advance(self.cluster.now + 30)


def call_of(asking: Asking, route: Route) -> tuple[str, dict[str, str]]:
    """A path and parameters to which this route answers 200."""
    guest = asking.cluster.guest(_vmid(route))
    values = VALUES | {"node": guest.node, "vmid": str(guest.vmid)}
    if "{snapname}" in route.template:
        asking.snapshot(route.kind)
    if "{upid}" in route.template:
        values |= {"upid": quote(asking.upid(), safe=""), "node": "pve1"}
    if "{vmid}/vncwebsocket" in route.template:
        granted = asking.data("POST", f"/nodes/{guest.node}/{guest.kind}/{guest.vmid}/vncproxy")
        values |= {"port": granted["port"], "vncticket": granted["ticket"]}
    params = {
        parameter.name: values[parameter.name]
        for parameter in route.parameters
        if not parameter.optional and not _in_path(route, parameter)
    }
    if route.template.endswith("/config") and route.method in ("PUT", "POST"):
        params["description"] = "changed"
    return route.template.format_map(values), params


def _vmid(route: Route) -> int:
    verb = route.template.rpartition("/")[2]
    stopped = verb in NEEDS_STOPPED or (route.method == "DELETE" and verb == "{vmid}")
    if verb == "resume" and route.kind is Kind.QEMU:
        stopped = False
    return (STOPPED if stopped else RUNNING)[route.kind]


def _in_path(route: Route, parameter: Parameter) -> bool:
    return f"{{{parameter.name}}}" in route.template
