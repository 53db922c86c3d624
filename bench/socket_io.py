"""Live updates as python-socketio has them: a room for each server, Redis between the processes.

`application` is for a web server. `python -m bench.socket_io` publishes, spoken to in JSON lines:

    {"rooms", "taken_at"} → {"seconds"}: an event to each room from 1 to `rooms`

It knows nothing of the panel, and checks nobody's access, which makes it the faster.
"""

import json
import os
import sys
import time
from typing import Any

import socketio

CHANNEL = "bench-socketio"


def updates(server: int, taken_at: int) -> dict[str, Any]:
    """Of the same size as ours."""
    values = {"cpu": 0.25, "memory_used": 4_294_967_296, "memory_total": 8_589_934_592}
    disks = {"disk_used": 21_474_836_480, "disk_total": 42_949_672_960, "disk_measured_at": None}
    rates = {"network_in": 1e5, "network_out": 2e5, "disk_read": 3e5, "disk_write": 4e5}
    sources = {"cpu": "host", "memory": "guest", "disk": "agent"}
    metrics = {"taken_at": taken_at, **values, **disks, **rates, "uptime": 12345}
    return {"server": server, "metrics": {**metrics, "sources": sources}}


def serve() -> Any:
    url = os.environ["REDIS_URL"]
    server = socketio.AsyncServer(
        async_mode="asgi", client_manager=socketio.AsyncRedisManager(url, channel=CHANNEL)
    )

    async def connect(sid: str, environ: object, auth: dict[str, list[int]]) -> None:
        for number in auth["servers"]:
            await server.enter_room(sid, f"server-{number}")

    server.on("connect", connect)
    return socketio.ASGIApp(server, on_startup=None, other_asgi_app=healthy)


async def healthy(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def publish() -> None:
    manager = socketio.RedisManager(os.environ["REDIS_URL"], channel=CHANNEL, write_only=True)
    for line in sys.stdin:
        wish = json.loads(line)
        started = time.monotonic()
        for number in range(1, wish["rooms"] + 1):
            manager.emit("metrics", updates(number, wish["taken_at"]), room=f"server-{number}")
        sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    publish()
else:
    application = serve()
