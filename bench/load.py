"""HTTP requests over connections that are kept: `python -m bench.load`, spoken to in JSON lines.

    {"ports": [port, …], "path", "headers": {…}, "connections", "seconds"}
        → {"times": [seconds, …], "errors", "bytes", "seconds", "cpu"}

The answers of the first tenth of the time are left out: they warm up.
"""

import asyncio
import json
import sys
import time
from typing import Any

HOST = "127.0.0.1"
WARM_UP = 0.1


class Load:
    def __init__(self, wish: dict[str, Any]) -> None:
        # In turn, as a proxy before them does.
        self.ports, self.seconds = wish["ports"], wish["seconds"]
        self.connections = wish["connections"]
        lines = [f"GET {wish['path']} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in wish["headers"].items()]
        self.request = "\r\n".join([*lines, "", ""]).encode()
        self.times: list[float] = []
        self.errors = 0
        self.size = 0

    async def run(self) -> dict[str, Any]:
        now = time.monotonic()
        self.counts_from, self.until = now + self.seconds * WARM_UP, now + self.seconds
        await asyncio.gather(
            *(self.ask(self.ports[n % len(self.ports)]) for n in range(self.connections))
        )
        return {
            "times": self.times,
            "errors": self.errors,
            "bytes": self.size,
            "seconds": time.monotonic() - self.counts_from,
            "cpu": time.process_time(),
        }

    async def ask(self, port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        while (started := time.monotonic()) < self.until:
            writer.write(self.request)
            is_good, size, stays = await read_answer(reader)
            if started >= self.counts_from:
                self.times.append(time.monotonic() - started)
                self.errors += not is_good
                self.size = size
            if not stays:
                writer.close()
                reader, writer = await asyncio.open_connection(HOST, port)
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bool, int, bool]:
    """Whether it is a 200, the size of its body, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if b"content-length" in fields:
        size = len(await reader.readexactly(int(fields[b"content-length"])))
    else:
        size = await read_chunks(reader)
    return head.split(b" ", 2)[1] == b"200", size, fields.get(b"connection") != b"close"


async def read_chunks(reader: asyncio.StreamReader) -> int:
    size = 0
    while length := int(await reader.readline(), 16):
        await reader.readexactly(length + 2)
        size += length
    await reader.readline()
    return size


async def main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answer = await Load(json.loads(line)).run()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
