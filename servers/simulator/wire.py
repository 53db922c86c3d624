"""Proxmox VE's HTTP: a request in, the reply that a real one gives out.

With the other modules called `wire_…` the only place that knows the shape of its JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import msgspec

from servers.simulator import (
    wire_actions,
    wire_agent,
    wire_cloudinit,
    wire_cluster,
    wire_config,
    wire_console,
    wire_guests,
    wire_history,
    wire_tasks,
)
from servers.simulator.faults import Silence
from servers.simulator.parameters import check as check_parameters
from servers.simulator.refusals import Refusal, failed, invalid, unauthenticated
from servers.simulator.routes import Call, Listing, Route, Slow
from servers.simulator.routes import check as check_privileges
from servers.simulator.rubbish import spoil
from servers.simulator.world import SimulatedCluster

JSON = "application/json;charset=UTF-8"
PREFIX = "/api2/json"

ROUTES: tuple[Route, ...] = (
    *wire_cluster.ROUTES,
    *wire_guests.ROUTES,
    *wire_history.ROUTES,
    *wire_config.ROUTES,
    *wire_cloudinit.ROUTES,
    *wire_console.ROUTES,
    *wire_actions.ROUTES,
    *wire_tasks.ROUTES,
    *wire_agent.ROUTES,
)


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is under /api2/json, still percent-encoded. `member`: the node that is asked."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    now: float = 0.0
    member: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """`content_type` None: without that header. `delay` and `drip` are seconds: before the
    answer begins, and while its body trickles in. `silence`: it never arrives, in this way."""

    status: int
    reason: str
    content_type: str | None
    body: bytes
    delay: float = 0.0
    drip: float = 0.0
    silence: Silence | None = None


def reply(cluster: SimulatedCluster, request: Request) -> Reply:
    with cluster.lock:
        cluster.calls += 1
        cluster.advance(request.now)
        unanswered = cluster.take_unanswered(request.method, unquote(request.path))
        if unanswered is None:
            return _reply(cluster, request)
        if unanswered.accepted:
            _reply(cluster, request)
        return Reply(0, "", None, b"", silence=unanswered.how)


def _reply(cluster: SimulatedCluster, request: Request) -> Reply:
    delay = cluster.delay_of(request.path)
    drip = cluster.drip_of(request.path)
    failure = cluster.take_failure(request.method, unquote(request.path))
    if failure is not None:
        bare = failure.status == 401 or 595 <= failure.status <= 599
        return _refused(Refusal(failure.status, failure.reason, bare=bare, delay=delay))
    try:
        answer = _answer(cluster, request)
    except Refusal as refusal:
        return _refused(refusal, delay)
    return _answered(cluster, request.path, answer, delay, drip)


def parameters_of(query: str, body: bytes, content_type: str) -> dict[str, str]:
    """The parameters of a request, from its query and a form or JSON body."""
    params = dict(parse_qsl(query, keep_blank_values=True))
    if not body:
        return params
    if content_type.startswith("application/json"):
        try:
            sent = json.loads(body)
        except ValueError:
            raise Refusal(500, "malformed JSON string", bare=True) from None
        if isinstance(sent, dict):
            params |= {str(name): _as_text(value) for name, value in sent.items()}
        return params
    return params | dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def refused(refusal: Refusal) -> Reply:
    return _refused(refusal)


def _answer(cluster: SimulatedCluster, request: Request) -> object:
    identity = _identity(cluster, request.authorization)
    route, path_values = _find(request)
    twice = [name for name in request.params if name in path_values]
    if twice:
        raise invalid(dict.fromkeys(twice, "duplicate parameter (already defined in URI)"))
    if route.needs is not None:
        check_privileges(cluster, identity, route.needs, path_values)
    if route.on_node:
        _reach(cluster, path_values["node"])
    values = check_parameters(route.parameters, {**path_values, **request.params})
    if values.get("skiplock"):
        raise invalid({"skiplock": "Only root may use this option."})
    online = cluster.online()
    member = request.member or (online[0].name if online else "")
    return route.answer(Call(cluster, identity, values, member, route.kind))


def _identity(cluster: SimulatedCluster, authorization: str) -> str:
    scheme, _, credentials = authorization.partition("=")
    token_id, _, secret = credentials.rpartition("=")
    if scheme != "PVEAPIToken" or not credentials:
        raise unauthenticated("No ticket", delay=cluster.refusal_delay)
    token = cluster.access.tokens.get(token_id)
    if token is None or token.secret != secret:
        raise unauthenticated("Authentication failed!", delay=cluster.refusal_delay)
    return token_id


def _find(request: Request) -> tuple[Route, dict[str, str]]:
    if request.method in ("HEAD", "OPTIONS"):
        raise Refusal(501, f"method '{request.method}' not available", bare=True)
    path = request.path.rstrip("/") or "/"
    for route in ROUTES:
        if route.method == request.method and (found := route.pattern.match(path)):
            return route, {name: unquote(text) for name, text in found.groupdict().items()}
    raise Refusal(501, f"Method '{request.method} {unquote(path)}' not implemented", newline=False)


def _reach(cluster: SimulatedCluster, name: str) -> None:
    node = cluster.nodes.get(name)
    if node is None:
        raise failed(
            f"hostname lookup '{name}' failed - failed to get address info for: {name}: "
            "Name or service not known"
        )
    if not node.alive:
        raise Refusal(595, node.silence, bare=True)


def _answered(
    cluster: SimulatedCluster, path: str, answer: object, delay: float, drip: float
) -> Reply:
    envelope: dict[str, object] = {"data": answer}
    if isinstance(answer, Slow):
        delay += answer.seconds
        envelope["data"] = answer.data
    elif isinstance(answer, Listing):
        envelope = {"data": answer.data}
        if answer.total:
            envelope["total"] = answer.total
    if cluster.lists_are_empty and isinstance(envelope["data"], list):
        envelope["data"] = []
    garbage = cluster.garbage_of(path)
    if garbage is not None:
        content_type, body = spoil(garbage, envelope)
        return Reply(200, "OK", content_type, body, delay, drip)
    return Reply(200, "OK", JSON, msgspec.json.encode(envelope), delay, drip)


def _refused(refusal: Refusal, delay: float = 0.0) -> Reply:
    reason = refusal.words.replace("\n", " ").strip()
    delay += refusal.delay
    if refusal.bare:
        return Reply(refusal.status, reason, None, b"", delay)
    body: dict[str, object] = {
        "data": None,
        "message": refusal.words + ("\n" if refusal.newline else ""),
    }
    if refusal.errors is not None:
        body["errors"] = refusal.errors
    return Reply(refusal.status, reason, JSON, msgspec.json.encode(body), delay)


def _as_text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
