"""Bytes in both directions, whatever messages carry them."""

import asyncio
from collections.abc import Awaitable, Callable

_MOST_UNREAD = 256 * 1024
_PIECE = 64 * 1024  # a message is what was read from a socket at once


class Closed(Exception):
    """The other side has gone."""


class Stream:
    """What a console's server end reads from and writes to."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._send = send
        self._unread = bytearray()
        self._ended = False
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.sent = 0

    def feed(self, data: bytes) -> None:
        self._unread += data
        self._news.set()
        if len(self._unread) > _MOST_UNREAD:
            self._room.clear()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def drained(self) -> None:
        """Returns when what was fed has been read, but for a little."""
        await self._room.wait()

    async def some(self) -> bytes:
        """At least one byte."""
        while not self._unread:
            if self._ended:
                raise Closed
            self._news.clear()
            await self._news.wait()
        return self._take(len(self._unread))

    async def exactly(self, count: int) -> bytes:
        while len(self._unread) < count:
            if self._ended:
                raise Closed
            self._news.clear()
            await self._news.wait()
        return self._take(count)

    async def until(self, end: bytes, most: int = 4096) -> bytes:
        """Up to and without `end`; Closed where it does not come within so many bytes."""
        read = bytearray()
        while not read.endswith(end):
            if len(read) > most:
                raise Closed
            read += await self.exactly(1)
        return bytes(read[: -len(end)])

    async def write(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), _PIECE):
                await self._send(data[start : start + _PIECE])
        except (ConnectionError, RuntimeError) as error:
            raise Closed from error
        self.sent += len(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        if len(self._unread) <= _MOST_UNREAD:
            self._room.set()
        return taken
