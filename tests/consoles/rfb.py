"""As much of a VNC client as a test needs."""

import struct

from servers.simulator.screen import VERSION, answer_to

NONE, VNC_AUTH = 1, 2


async def sign_in(stream, password):
    """RFB 3.8 up to the server's name."""
    assert await stream.exactly(12) == VERSION
    await stream.send(VERSION)
    (count,) = await stream.exactly(1)
    types = await stream.exactly(count)
    if VNC_AUTH in types:
        await stream.send(bytes((VNC_AUTH,)))
        await stream.send(answer_to(await stream.exactly(16), password))
    else:
        await stream.send(bytes((NONE,)))
    (result,) = struct.unpack(">I", await stream.exactly(4))
    assert result == 0, "the password was not the right one"
    await stream.send(b"\1")
    await stream.exactly(20)
    (length,) = struct.unpack(">I", await stream.exactly(4))
    return (await stream.exactly(length)).decode()


def ask_for_update(*, incremental=False):
    return struct.pack(">BBHHHH", 3, incremental, 0, 0, 0xFFFF, 0xFFFF)


def key(keysym, *, is_down=True):
    return struct.pack(">BBxxI", 4, is_down, keysym)


async def read_update(stream):
    """The raw pixels of one update."""
    _, count = struct.unpack(">BxH", await stream.exactly(4))
    pixels = bytearray()
    for _ in range(count):
        _, _, width, height, encoding = struct.unpack(">HHHHi", await stream.exactly(12))
        assert encoding == 0
        pixels += await stream.exactly(width * height * 4)
    return bytes(pixels)
