"""A screen of our own over RFB 3.8 with VNC authentication: name, state, clock, what was typed."""

import asyncio
import secrets
import struct
import time
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from servers.simulator.guests import Guest
from servers.simulator.letters import CELL_HEIGHT, CELL_WIDTH, strip
from servers.simulator.stream import Closed, Stream

COLUMNS, LINES = 60, 25
WIDTH, HEIGHT = COLUMNS * CELL_WIDTH, LINES * CELL_HEIGHT
VERSION = b"RFB 003.008\n"
_VNC_AUTH = 2
_MOST_TEXT = 1 << 20
_LOOKS_EVERY = 0.05
_RETURN, _BACKSPACE = 0xFF0D, 0xFF08

# bits a pixel, depth, big endian, true colour, the three maxima, the three shifts, padding
_FORMAT = struct.Struct(">BBBBHHHBBB3x")
_OURS = (32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_INK, _PAPER, _TITLE = (0xD8, 0xE0, 0xEC), (0x10, 0x16, 0x22), (0x8F, 0xAD, 0xFF)


async def serve(guest: Guest, password: str, stream: Stream) -> None:
    await stream.write(VERSION)
    await stream.exactly(len(VERSION))
    await _authenticate(password, stream)
    await stream.exactly(1)  # whether the screen is shared: it is
    name = guest.name.encode()
    head = struct.pack(">HH", WIDTH, HEIGHT) + _FORMAT.pack(*_OURS)
    await stream.write(head + struct.pack(">I", len(name)) + name)
    viewer = Viewer(guest, stream)
    painting = asyncio.create_task(viewer.paint())
    try:
        while True:
            await viewer.hear()
    finally:
        painting.cancel()


async def _authenticate(password: str, stream: Stream) -> None:
    await stream.write(bytes((1, _VNC_AUTH)))
    if await stream.exactly(1) != bytes((_VNC_AUTH,)):
        raise Closed
    challenge = secrets.token_bytes(16)
    await stream.write(challenge)
    if await stream.exactly(16) != answer_to(challenge, password):
        reason = b"Authentication failed"
        await stream.write(struct.pack(">II", 1, len(reason)) + reason)
        raise Closed
    await stream.write(bytes(4))


def answer_to(challenge: bytes, password: str) -> bytes:
    """DES with the password as key, each of its bytes with the bits the other way round."""
    key = password.encode("latin-1", "replace")[:8].ljust(8, b"\0")
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
    # Three times the same key makes DES of triple DES, which is all that is left to be had.
    encryptor = Cipher(TripleDES(mirrored * 3), modes.ECB()).encryptor()  # noqa: S305 — VNC's own
    return encryptor.update(challenge) + encryptor.finalize()


@dataclass(frozen=True)
class Pixels:
    """How one pixel of the viewer's format is written."""

    shifts: tuple[int, int, int] = (16, 8, 0)
    is_big_endian: bool = False

    def of(self, colour: tuple[int, int, int]) -> bytes:
        value = sum(part << shift for part, shift in zip(colour, self.shifts, strict=True))
        return struct.pack(">I" if self.is_big_endian else "<I", value)


class Viewer:
    def __init__(self, guest: Guest, stream: Stream) -> None:
        self.guest = guest
        self.stream = stream
        self.pixels = Pixels()
        self.typed = ""
        self.keys = 0
        self.pointer = (0, 0)
        self.shown: list[str] = []
        self.wanted = asyncio.Event()

    async def hear(self) -> None:
        """One message of the viewer."""
        kind = (await self.stream.exactly(1))[0]
        match kind:
            case 0:
                await self._set_format(await self.stream.exactly(19))
            case 2:
                (count,) = struct.unpack(">xH", await self.stream.exactly(3))
                await self.stream.exactly(4 * count)
            case 3:
                if not (await self.stream.exactly(9))[0]:
                    self.shown = []
                self.wanted.set()
            case 4:
                self._key(*struct.unpack(">BxxI", await self.stream.exactly(7)))
            case 5:
                _, *place = struct.unpack(">BHH", await self.stream.exactly(5))
                self.pointer = (place[0], place[1])
            case 6:
                (length,) = struct.unpack(">3xI", await self.stream.exactly(7))
                await self.stream.exactly(min(length, _MOST_TEXT))
            case _:
                raise Closed

    async def _set_format(self, message: bytes) -> None:
        bits, _, is_big_endian, is_true_colour, *rest = _FORMAT.unpack(message[3:])
        if bits != 32 or not is_true_colour:
            raise Closed
        self.pixels = Pixels((rest[3], rest[4], rest[5]), bool(is_big_endian))
        self.shown = []

    def _key(self, is_down: int, keysym: int) -> None:
        if not is_down:
            return
        self.keys += 1
        if keysym == _BACKSPACE:
            self.typed = self.typed[:-1]
        elif keysym == _RETURN:
            self.typed = ""
        elif 32 <= keysym < 127:
            self.typed = (self.typed + chr(keysym))[-COLUMNS * 8 :]

    async def paint(self) -> None:
        """Sends the lines that changed, each time the viewer has asked for an update."""
        while True:
            await self.wanted.wait()
            changed = self._changed()
            if not changed:
                await asyncio.sleep(_LOOKS_EVERY)
                continue
            self.wanted.clear()
            await self.stream.write(self._update(changed))

    def _changed(self) -> dict[int, str]:
        lines = self.lines()
        before = self.shown or [""] * LINES
        fresh = not self.shown
        self.shown = lines
        return {
            number: line for number, line in enumerate(lines) if fresh or line != before[number]
        }

    def lines(self) -> list[str]:
        rows = [""] * LINES
        rows[1] = f" {self.guest.name}"
        rows[3] = f" state    {self.guest.power}"
        rows[4] = f" clock    {time.strftime('%H:%M:%S', time.gmtime())} UTC"
        rows[5] = f" uptime   {int(time.time() - self.guest.started_at)} s"
        rows[6] = f" pointer  {self.pointer[0]}, {self.pointer[1]}"
        rows[7] = f" keys     {self.keys}"
        typed = f"> {self.typed}_"
        width = COLUMNS - 2
        for offset in range(0, len(typed), width):
            rows[10 + offset // width] = f" {typed[offset : offset + width]}"
        return rows

    def _update(self, changed: dict[int, str]) -> bytes:
        pieces = [struct.pack(">BxH", 0, len(changed))]
        for number, line in changed.items():
            ink = self.pixels.of(_TITLE if number == 1 else _INK)
            pieces.append(
                struct.pack(">HHHHi", 0, number * CELL_HEIGHT, WIDTH, CELL_HEIGHT, 0)
                + strip(line, COLUMNS, ink, self.pixels.of(_PAPER))
            )
        return b"".join(pieces)
