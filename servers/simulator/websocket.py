"""vncwebsocket over HTTP: the ticket is checked as any call, then bytes go both ways."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from servers.simulator import screen, terminal
from servers.simulator.consoles import DROPPED_AFTER, Listener
from servers.simulator.stream import Closed, Stream
from servers.simulator.wire import PREFIX, Reply, Request, parameters_of, reply
from servers.simulator.world import SimulatedCluster

PATH = f"{PREFIX}/nodes/{{node}}/{{kind}}/{{vmid}}/vncwebsocket"
_LOOKS_EVERY = 0.2  # seconds between two looks whether the guest still runs
_LARGEST_MESSAGE = 4 * 1024 * 1024
_PIECE = 64 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Send = Callable[[web.Request, Reply], Awaitable[web.StreamResponse]]


def console(cluster: SimulatedCluster, clock: Callable[[], float], send: Send) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if cluster.darkness is not None or not cluster.online():
            return _drop(request)
        now = clock()
        params = parameters_of(request.rel_url.raw_query_string, b"", "")
        path = request.rel_url.raw_path.removeprefix(PREFIX)
        authorization = request.headers.get("Authorization", "")
        answer = reply(cluster, Request("GET", path, params, authorization, now))
        if answer.status != 200 or "upgrade" not in request.headers.get("Connection", "").lower():
            return await send(request, answer)
        listener = cluster.consoles.listeners[int(params["port"])]
        if not listener.listens(now):
            await asyncio.sleep(DROPPED_AFTER)
            return _drop(request)
        listener.is_taken = True
        return await _converse(cluster, listener, request, clock)

    return handle


async def _converse(
    cluster: SimulatedCluster,
    listener: Listener,
    request: web.Request,
    clock: Callable[[], float],
) -> web.WebSocketResponse:
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    several = "," in offered
    socket = web.WebSocketResponse(
        protocols=() if several else ("binary",), compress=False, max_msg_size=_LARGEST_MESSAGE
    )
    if several:
        # The real one echoes all that was offered, and clients refuse that.
        socket.headers["Sec-WebSocket-Protocol"] = offered
    await socket.prepare(request)
    stream = Stream(socket.send_bytes)
    guest = listener.guest
    work = [
        asyncio.create_task(_receive(socket, stream)),
        asyncio.create_task(_serve(cluster, listener, stream)),
    ]
    while not any(task.done() for task in work) and guest.running:
        await asyncio.wait(work, timeout=_LOOKS_EVERY, return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    with cluster.lock:
        listener.task.end("OK" if stream.sent else "Failed to run vncproxy.", clock())
    await socket.close()
    return socket


async def _receive(socket: web.WebSocketResponse, stream: Stream) -> None:
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            stream.feed(message.data)
        elif message.type is WSMsgType.TEXT:
            stream.feed(message.data.encode())
        await stream.drained()
    stream.end()


async def _serve(cluster: SimulatedCluster, listener: Listener, stream: Stream) -> None:
    guest = listener.guest
    if not guest.running:
        return
    attached = cluster.consoles.screens.get(guest.vmid)
    with contextlib.suppress(Closed, OSError):
        if listener.is_text:
            await terminal.serve(guest, listener.identity, listener.ticket, stream)
        elif attached is not None:
            await _relay(attached, stream)
        else:
            await screen.serve(guest, listener.password, stream)


async def _relay(address: tuple[str, int], stream: Stream) -> None:
    reader, writer = await asyncio.open_connection(*address)

    async def upwards() -> None:
        while True:
            writer.write(await stream.some())
            await writer.drain()

    up = asyncio.create_task(upwards())
    try:
        while piece := await reader.read(_PIECE):
            await stream.write(piece)
    finally:
        up.cancel()
        writer.close()


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
