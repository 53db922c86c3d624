"""Thousands of websockets in one light process: `python -m bench.crowd`, spoken to in lines of JSON.

    {"do": "connect", "ports", "dialect", "sockets": [[token, [server, …]], …], "at_once", "tries"}
        → {"seconds", "failed", "subscribed", "again", "why", "cpu"}: until each has the answer to its
        subscriptions; whoever is turned away tries again after one to three seconds, so many times
    {"do": "expect", "mark", "updates", "patience"}
        → {"ready": true}, then {"arrivals": [seconds, …], "twice", "missing", "closed", "cpu"}
    {"do": "close"} → {"closed": true}

`mark` is text that stands in each update of that round and in no other, so that one that is late,
lost or doubled is seen. Arrivals are by the clock that all processes of a machine share
(time.monotonic). Frames are read by hand: a library's buffers would be measured instead.
"""

import asyncio
import base64
import json
import os
import random
import struct
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from typing import Any

HOST = "127.0.0.1"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
# No mask at all is forbidden; this one leaves the text as it is.
MASK = b"\0\0\0\0"
SECONDS_TO_CONNECT = 120.0


class Socket(asyncio.Protocol):
    """One websocket, from its handshake to its updates."""

    path = "/ws/"

    def __init__(self, crowd: "Crowd", token: str, servers: list[int]) -> None:
        self.crowd = crowd
        self.token = token
        self.servers = servers
        self.buffer = bytearray()
        self.is_open = False
        self.answers = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.closed += 1
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.is_open and not self.take_handshake():
            return
        while (frame := self.take_frame()) is not None:
            self.hear(*frame)

    def take_handshake(self) -> bool:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.transport.abort()
            return False
        self.is_open, self.buffer = True, rest
        self.opened()
        return True

    def take_frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload; None where it is not all there yet."""
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        size, at = buffer[1], 2
        if size == 126:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < at + size:
            return None
        frame = buffer[0] & 15, bytes(buffer[at : at + size])
        del buffer[: at + size]
        return frame

    def send(self, text: str) -> None:
        self.send_frame(TEXT, text.encode())

    def send_frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes((128 | size,)) if size < 126 else b"\xfe" + struct.pack(">H", size)
        self.transport.write(bytes((128 | opcode,)) + length + MASK + payload)

    def hear(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.send_frame(PONG, payload)
        elif opcode == CLOSE:
            self.transport.close()
        elif opcode == TEXT:
            self.read(payload)

    def opened(self) -> None:
        self.send(json.dumps({"type": "auth", "token": self.token}))

    def read(self, text: bytes) -> None:
        if text.startswith(b'{"type":"metrics"'):
            self.crowd.arrived(self, text)
        elif text.startswith(b'{"type":"subscribed"'):
            self.answered()
        elif text.startswith(b'{"type":"welcome"'):
            self.send(json.dumps({"type": "subscribe", "servers": self.servers}))

    def answered(self) -> None:
        self.answers += 1
        if self.answers == len(self.servers) and not self.ready.done():
            self.ready.set_result(None)


class SocketIo(Socket):
    """The same through Socket.IO's protocol, version 5, on Engine.IO 4."""

    path = "/socket.io/?EIO=4&transport=websocket"

    def opened(self) -> None:
        """The server speaks first."""

    def read(self, text: bytes) -> None:
        if text.startswith(b'42["metrics"'):
            self.crowd.arrived(self, text)
        elif text == b"2":
            self.send("3")
        elif text.startswith(b"0{"):
            self.send("40" + json.dumps({"servers": self.servers}))
        elif text.startswith(b"40{"):
            self.answers = len(self.servers) - 1
            self.answered()


DIALECTS = {"panel": Socket, "socketio": SocketIo}


class Crowd:
    def __init__(self) -> None:
        self.ports: Iterator[int] = iter(())
        self.closed = 0
        self.sockets: list[Socket] = []
        self.mark = b""
        self.arrivals: list[float] = []
        self.had: set[tuple[Socket, bytes]] = set()
        self.twice = 0
        self.updates = 0
        self.complete = asyncio.Event()

    async def obey(self, wish: dict[str, Any]) -> None:
        match wish["do"]:
            case "connect":
                await self.connect(wish)
            case "expect":
                await self.expect(wish)
            case "close":
                self.close()

    async def connect(self, wish: dict[str, Any]) -> None:
        self.ports = cycle(wish["ports"])
        kind = DIALECTS[wish["dialect"]]
        turns = asyncio.Semaphore(wish["at_once"])

        again = 0

        async def attempt(token: str, servers: list[int]) -> None:
            loop = asyncio.get_running_loop()
            made = kind(self, token, servers)
            await loop.create_connection(lambda: made, HOST, next(self.ports))
            await asyncio.wait_for(made.ready, SECONDS_TO_CONNECT)
            self.sockets.append(made)

        async def one(token: str, servers: list[int]) -> None:
            nonlocal again
            async with turns:
                for _ in range(wish["tries"] - 1):
                    try:
                        return await attempt(token, servers)
                    except OSError:
                        again += 1
                        await asyncio.sleep(chance.uniform(1, 3))
                return await attempt(token, servers)

        chance = random.Random(6)
        started = time.monotonic()
        tries = [one(token, servers) for token, servers in wish["sockets"]]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        self.closed = 0
        failures = [end for end in ends if isinstance(end, BaseException)]
        answer(
            seconds=time.monotonic() - started,
            subscribed=len(ends) - len(failures),
            failed=len(failures),
            again=again,
            why=repr(failures[0]) if failures else "",
            cpu=time.process_time(),
        )

    async def expect(self, wish: dict[str, Any]) -> None:
        self.mark, self.updates = wish["mark"].encode(), wish["updates"]
        self.arrivals, self.had, self.twice = [], set(), 0
        self.complete.clear()
        before = time.process_time()
        answer(ready=True)
        try:
            await asyncio.wait_for(self.complete.wait(), wish["patience"])
        except TimeoutError:
            pass
        # What comes twice comes late.
        await asyncio.sleep(0.2)
        answer(
            arrivals=self.arrivals,
            missing=self.updates - len(self.had),
            twice=self.twice,
            closed=self.closed,
            cpu=time.process_time() - before,
        )

    def arrived(self, socket: Socket, text: bytes) -> None:
        now = time.monotonic()
        if self.mark not in text:
            return
        begin = text.index(b'"server":') + 9
        update = socket, text[begin : text.index(b",", begin)]
        if update in self.had:
            self.twice += 1
            return
        self.had.add(update)
        self.arrivals.append(now)
        if len(self.had) == self.updates:
            self.complete.set()

    def close(self) -> None:
        for socket in self.sockets:
            socket.transport.close()
        self.sockets = []
        answer(closed=True)


def answer(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def main() -> None:
    loop = asyncio.get_running_loop()
    crowd = Crowd()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await crowd.obey(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main())
