"""The simulated cluster over TLS, as a process of its own."""

import asyncio
import contextlib
import errno
import json
import signal
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from servers.simulator import websocket
from servers.simulator.certificates import Certificates
from servers.simulator.control import UnknownFault, active, inflict
from servers.simulator.demo import FULL
from servers.simulator.faults import Silence
from servers.simulator.refusals import Refusal
from servers.simulator.wire import PREFIX, Reply, Request, parameters_of, refused, reply
from servers.simulator.wire_cluster import encoded_guest_row
from servers.simulator.world import REFRESH, SimulatedCluster

FAULTS_PATH = "/simulator/faults"
CALLS_PATH = "/simulator/calls"
_DRIPS = 50
_NO_TYPE = ""
_HEADERS = {"Server": "pve-api-daemon/3.0", "Cache-Control": "max-age=0", "Pragma": "no-cache"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortTaken(Exception):
    """Somebody listens there already."""


def application(
    cluster: SimulatedCluster, clock: Callable[[], float] = time.time
) -> web.Application:
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.on_response_prepare.append(_drop_empty_type)
    app.router.add_route("*", FAULTS_PATH, _faults(cluster, clock))
    app.router.add_route("GET", CALLS_PATH, _calls(cluster))
    app.router.add_get(websocket.PATH, websocket.console(cluster, clock, _send))
    app.router.add_route("*", "/{path:.*}", _api(cluster, clock))
    return app


async def start(
    app: web.Application, certificates: Certificates, *, host: str, port: int
) -> web.AppRunner:
    """Listen; port 0 takes a free one (`runner.addresses` tells). The caller cleans up."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=certificates.context())
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {host} is taken") from error
        raise
    return runner


def serve(
    cluster: SimulatedCluster,
    certificates: Certificates,
    *,
    host: str,
    port: int,
    ready: Callable[[int], None],
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` gets the port once connections are taken."""

    async def run() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        runner = await start(application(cluster), certificates, host=host, port=port)
        ready(runner.addresses[0][1])
        living = asyncio.create_task(_live(cluster))
        await ended.wait()
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await living
        await runner.cleanup()

    asyncio.run(run())


def _api(cluster: SimulatedCluster, clock: Callable[[], float]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if cluster.darkness is not None or not cluster.online():
            return _hang_up(request)
        if not path.startswith(PREFIX):
            return web.Response(status=404, reason="Not Found", headers=_HEADERS)
        try:
            params = await _parameters(request)
        except Refusal as refusal:
            return await _send(request, refused(refusal))
        asked = Request(
            method=request.method,
            path=path.removeprefix(PREFIX),
            params=params,
            authorization=request.headers.get("Authorization", ""),
            now=clock(),
        )
        return await _send(request, reply(cluster, asked))

    return handle


async def _live(cluster: SimulatedCluster) -> None:
    """Let the cluster live also when nobody asks, and measure as pvestatd does: beforehand."""
    while True:
        with cluster.lock:
            cluster.advance(time.time())
            for guest, sample in cluster.samples():
                encoded_guest_row(guest, sample)
        await asyncio.sleep(REFRESH - (time.time() - cluster.started_at) % REFRESH + 0.01)


def _faults(cluster: SimulatedCluster, clock: Callable[[], float]) -> Handler:
    """GET what is wrong, POST another fault, DELETE them all; with the full token."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != cluster.access.authorization(FULL):
            return web.Response(status=401, reason="Authentication failed!")
        cluster.advance(clock())
        if request.method == "DELETE":
            cluster.calm()
        elif request.method == "POST":
            try:
                inflict(cluster, json.loads(await request.read()))
            except (UnknownFault, ValueError) as error:
                return web.json_response({"error": str(error)}, status=400)
        elif request.method != "GET":
            return web.Response(status=405)
        return web.json_response(active(cluster))

    return handle


def _calls(cluster: SimulatedCluster) -> Handler:
    """How many calls of the API were answered since the start."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response({"calls": cluster.calls})

    return handle


async def _parameters(request: web.Request) -> dict[str, str]:
    body = await request.read()
    return parameters_of(request.rel_url.raw_query_string, body, request.content_type)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


async def _client_gone(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.1)


async def _drop_empty_type(_: web.Request, response: web.StreamResponse) -> None:
    """aiohttp gives a type of its own to whatever has none, so it is taken away at the end."""
    if response.headers.get("Content-Type") == _NO_TYPE:
        del response.headers["Content-Type"]


async def _send(request: web.Request, answer: Reply) -> web.StreamResponse:
    if answer.silence is Silence.TIMEOUT:
        await _client_gone(request)
    if answer.silence is not None:
        return _hang_up(request)
    if answer.delay:
        await asyncio.sleep(answer.delay)
    reason = answer.reason.encode("latin-1", "replace").decode("latin-1")
    response = web.StreamResponse(status=answer.status, reason=reason, headers=_HEADERS)
    response.content_length = len(answer.body)
    response.headers["Content-Type"] = answer.content_type or _NO_TYPE
    await response.prepare(request)
    size = max(1, len(answer.body) // _DRIPS) if answer.drip else len(answer.body)
    for begin in range(0, len(answer.body), size or 1):
        await response.write(answer.body[begin : begin + size])
        if answer.drip:
            await asyncio.sleep(answer.drip / _DRIPS)
    await response.write_eof()
    return response
