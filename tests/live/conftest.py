"""Sockets over the whole ASGI application, with a real Redis below."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from accounts import tokens
from panel.asgi import application
from servers import hub

ORIGIN = (b"origin", b"http://localhost")


class Socket:
    """A client of /ws/."""

    def __init__(self, *headers, path="/ws/"):
        self.wire = WebsocketCommunicator(application, path, headers=list(headers))

    async def open(self):
        accepted, code = await self.wire.connect()
        return accepted, code

    async def send(self, **message):
        await self.wire.send_to(text_data=json.dumps(message))

    async def hear(self, timeout=3):
        return json.loads(await self.wire.receive_from(timeout))

    async def hear_close(self, timeout=3):
        """The code that it was closed with, and what was said before."""
        said = []
        while True:
            output = await self.wire.receive_output(timeout)
            if output["type"] == "websocket.close":
                return output.get("code", 1000), said
            said.append(json.loads(output["text"]))

    async def silence(self, seconds=0.3):
        return await self.wire.receive_nothing(seconds)


@pytest.fixture
async def connect(redis_server):
    """Opens sockets: `await connect(session=cookie)` or `await connect(token=jwt)`."""
    opened = []

    async def make(*, session=None, token=None, origin=ORIGIN):
        headers = [origin] if origin else []
        if session is not None:
            headers.append((b"cookie", f"sessionid={session}".encode()))
        socket = Socket(*headers)
        accepted, _ = await socket.open()
        assert accepted
        opened.append(socket)
        if token is not None:
            await socket.send(type="auth", token=token)
        if token is not None or session is not None:
            assert (await socket.hear())["type"] == "welcome"
            await asyncio.wait_for(hub.hub().listening.wait(), 5)
        return socket

    yield make
    for socket in opened:
        await socket.wire.disconnect()
    hub.hubs.clear()


@sync_to_async
def session_of(person):
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client.session.session_key


@sync_to_async
def token_of(person, now):
    return str(tokens.begin_session(person, None, now=now).access_token)
