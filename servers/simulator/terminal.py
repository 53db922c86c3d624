"""A text console: termproxy's protocol, and a tiny shell behind it."""

import asyncio
import time
from collections.abc import Callable

from servers.simulator.guests import Guest
from servers.simulator.stream import Closed, Stream

# From a client: `0:LENGTH:data` is input, `1:COLUMNS:ROWS:` a size, `2` a sign of life.
INPUT, RESIZE, PING = b"0", b"1", b"2"
_LARGEST_INPUT = 64 * 1024
_ERASE = b"\b \b"


async def serve(guest: Guest, user: str, ticket: str, stream: Stream) -> None:
    """The first line is `user:ticket`; the answer is OK, or the end."""
    line = await stream.until(b"\n")
    if line.decode(errors="replace") != f"{user}:{ticket}":
        return
    await stream.write(b"OK")
    shell = Shell(guest)
    await stream.write(shell.greeting())
    while not shell.is_over:
        typed = await _next_input(stream, shell)
        if typed:
            await stream.write(shell.take(typed))
    # Time for what was written last to be read.
    await asyncio.sleep(0.1)


async def _next_input(stream: Stream, shell: "Shell") -> bytes:
    kind = await stream.exactly(1)
    if kind == PING:
        return b""
    if await stream.exactly(1) != b":":
        raise Closed
    if kind == RESIZE:
        shell.columns, shell.rows = await _number(stream), await _number(stream)
        return b""
    length = await _number(stream)
    if kind != INPUT or length > _LARGEST_INPUT:
        raise Closed
    return await stream.exactly(length)


async def _number(stream: Stream) -> int:
    digits = await stream.until(b":", 10)
    if not digits.isdigit():
        raise Closed
    return int(digits)


class Shell:
    """Asks for a name, then obeys a handful of commands."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.user = ""
        self.line = bytearray()
        self.columns, self.rows = 80, 24
        self.is_over = False

    def greeting(self) -> bytes:
        return f"\r\nDebian GNU/Linux 13 {self.guest.name} ttyS0\r\n\r\n{self.prompt}".encode()

    @property
    def prompt(self) -> str:
        name = self.guest.name
        return f"\x1b[1m{self.user}@{name}\x1b[0m:~$ " if self.user else f"{name} login: "

    def take(self, typed: bytes) -> bytes:
        """What the terminal shows for these keys."""
        shown = bytearray()
        for code in typed:
            shown += self._key(code)
        return bytes(shown)

    def _key(self, code: int) -> bytes:
        if code in b"\r\n":
            return b"\r\n" + self._obey()
        if code in b"\b\x7f":
            erased = bytes(self.line[-1:])
            del self.line[-1:]
            return _ERASE if erased else b""
        if code < 32:
            return b""
        self.line.append(code)
        return bytes((code,))

    def _obey(self) -> bytes:
        words = self.line.decode(errors="replace").split()
        self.line.clear()
        if not self.user:
            self.user = words[0][:32] if words else ""
            return self.prompt.encode()
        if words and words[0] in ("exit", "logout"):
            self.is_over = True
            return b"logout\r\n"
        said = self._answer(words)
        return (f"{said}\r\n" if said else "").encode() + self.prompt.encode()

    def _answer(self, words: list[str]) -> str:
        if not words:
            return ""
        commands: dict[str, Callable[[], str]] = {
            "hostname": lambda: self.guest.name,
            "whoami": lambda: self.user,
            "uptime": lambda: f"up {int(time.time() - self.guest.started_at) // 60} minutes",
            "echo": lambda: " ".join(words[1:]),
            "stty": lambda: f"{self.rows} {self.columns}",
            # A line for each number, so that a test has much to read.
            "seq": lambda: "\r\n".join(map(str, range(1, 1 + _count(words[1:])))),
        }
        command = commands.get(words[0])
        return command() if command else f"{words[0]}: command not found"


def _count(words: list[str]) -> int:
    return min(int(words[0]), 100_000) if words and words[0].isdigit() else 0
