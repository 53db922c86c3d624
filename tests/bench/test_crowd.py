"""The client that counts what arrives: were it wrong, lost messages would not be seen."""

import asyncio
import json

from bench import crowd

UPDATE = '{"type":"metrics","server":7,"metrics":{"taken_at":%d,"cpu":0.5}}'


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written = b""

    def write(self, data):
        self.written += data

    def close(self):
        self.written += b"closed"


def text_frame(text):
    payload = text.encode()
    size = (
        bytes((len(payload),)) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    )
    return b"\x81" + size + payload


async def opened():
    socket = crowd.Socket(crowd.Crowd(), "token", [7])
    socket.connection_made(Wire())
    socket.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    return socket


def expecting(socket, mark):
    socket.crowd.mark, socket.crowd.updates = f'"taken_at":{mark}'.encode(), 1


async def test_it_signs_in_and_subscribes():
    socket = await opened()
    assert b'"type": "auth"' in socket.transport.written
    socket.data_received(text_frame('{"type":"welcome","user":"a"}'))
    assert b'"servers": [7]' in socket.transport.written
    assert not socket.ready.done()
    socket.data_received(text_frame('{"type":"subscribed","server":7}'))
    assert socket.ready.done()


async def test_frames_may_come_in_pieces():
    socket = await opened()
    expecting(socket, 5)
    frame = text_frame(UPDATE % 5 + " " * 200)
    for at in range(len(frame)):
        assert not socket.crowd.arrivals
        socket.data_received(frame[at : at + 1])
    assert len(socket.crowd.arrivals) == 1
    assert socket.crowd.complete.is_set()


async def test_what_comes_twice_is_counted_and_another_rounds_is_not():
    socket = await opened()
    expecting(socket, 5)
    for taken_at in (4, 5, 5):
        socket.data_received(text_frame(UPDATE % taken_at))
    assert (len(socket.crowd.arrivals), socket.crowd.twice) == (1, 1)


async def test_a_ping_is_answered_with_its_own_bytes():
    socket = await opened()
    socket.transport.written = b""
    socket.data_received(b"\x89\x02\xff\x00")
    assert socket.transport.written == b"\x8a\x82" + crowd.MASK + b"\xff\x00"


async def test_what_is_missing_is_told(capsys):
    lonely = crowd.Crowd()
    await lonely.expect({"mark": '"taken_at":5', "updates": 3, "patience": 0})
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["missing"] == 3
