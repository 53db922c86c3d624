"""Consoles through the whole ASGI application, with the simulated cluster over real TLS."""

import asyncio
import json
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry, Source
from accounts.tokens import Credential
from monitoring import cycle, look
from panel.asgi import application
from servers import clusters, consoles, hub, ownership, registration
from servers.models import Server
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.simulator import certificates
from servers.simulator.world import SimulatedCluster
from tests.conftest import Clock
from tests.consoles import rfb
from tests.serving import serving

ORIGIN = (b"origin", b"http://localhost")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("simulator"))


@pytest.fixture
def clock():
    """The real time: the simulator behind its port goes by it."""
    return Clock(time.time())


@pytest.fixture
def world(clock):
    return SimulatedCluster(seed=1, nodes=3, guests=24, started_at=clock.seconds - 3600)


@pytest.fixture
def port(world, certificate, monkeypatch):
    monkeypatch.setattr(clusters, "kept", threading.local())
    with serving(world, certificate) as port:
        yield port


@pytest.fixture
def cluster(db, port, certificate, credentials, clock):
    endpoints = (Endpoint("localhost", port),)
    tokens = {Purpose.READ: credentials}
    ca_pem = certificate.ca.read_text()
    made, _ = registration.register(
        name="fra1",
        endpoints=endpoints,
        ca_pem=ca_pem,
        tokens=tokens,
        examination=registration.examine(endpoints, ca_pem, tokens),
        actor=SYSTEM,
        now=clock(),
    )
    assert cycle.poll(made.pk, clock=clock)
    look.look_into(made.pk, clock=clock)
    return made


@pytest.fixture
def server_called(cluster, alice, clock):
    """`server_called("web1")`: Alice's server of that name."""

    def find(name):
        server = Server.objects.get(name=name)
        ownership.assign([server], alice, actor=SYSTEM, now=clock())
        found = Server.objects.select_related("owner").get(pk=server.pk)
        assert found.identity
        return found

    return find


@pytest.fixture
def server(server_called):
    """It has a screen and a serial port."""
    return server_called("web1")


def session_key_of(person):
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client.session.session_key


def ticket_for(server, person, kind="vnc", *, now, **credential):
    if not credential:
        credential = {"session_key": session_key_of(person)}
    held = Credential(person.pk, person.get_session_auth_hash(), **credential)
    actor = Actor(person, Source.WEB, "192.0.2.7")
    return consoles.make_ticket(server, person, consoles.Kind(kind), held, actor, now=now)


class Socket:
    """A client of /ws/console/."""

    def __init__(self, *headers):
        self.wire = WebsocketCommunicator(application, "/ws/console/", headers=list(headers))
        self.said = []
        self.unread = bytearray()
        self.acks = True

    async def open(self, ticket, **more):
        await self.say(type="open", ticket=ticket, **more)

    async def say(self, **message):
        await self.wire.send_to(text_data=json.dumps(message))

    async def send(self, data):
        await self.wire.send_to(bytes_data=data)

    async def next(self, timeout=10):
        """The next message: a dict, bytes, or the code with which it was closed."""
        output = await self.wire.receive_output(timeout)
        if output["type"] == "websocket.close":
            return output.get("code", 1000)
        if output.get("bytes") is not None:
            return output["bytes"]
        message = json.loads(output["text"])
        if message["type"] == "mark" and self.acks:
            await self.say(type="ack", mark=message["mark"])
        return message

    async def ready(self, timeout=10):
        message = await self.next(timeout)
        assert isinstance(message, dict), message
        assert message["type"] == "ready", message
        return message

    async def hear_end(self, timeout=10):
        """The reason and the code; what else comes on the way is dropped."""
        reason = None
        while True:
            message = await self.next(timeout)
            if isinstance(message, int):
                return reason, message
            if isinstance(message, dict) and message["type"] == "end":
                reason = message["reason"]

    async def read_more(self):
        message = await self.next()
        assert not isinstance(message, int), f"closed with {message}: {self.said}"
        if isinstance(message, bytes):
            self.unread += message
        else:
            self.said.append(message)
            assert message["type"] == "mark", message

    async def exactly(self, count):
        """So many bytes of the stream."""
        while len(self.unread) < count:
            await self.read_more()
        return self.take(count)

    async def until(self, words):
        while words not in self.unread:
            await self.read_more()
        self.take(self.unread.index(words) + len(words))

    def take(self, count):
        taken = bytes(self.unread[:count])
        del self.unread[:count]
        return taken

    async def see(self, password):
        """Signs in to a VNC server; its name."""
        return await rfb.sign_in(self, password)

    async def type(self, text):
        data = text.encode()
        await self.send(b"0:%d:%s" % (len(data), data))


@pytest.fixture
async def connect(redis_server):
    opened = []

    async def make(*, session=None, origin=ORIGIN):
        headers = [origin] if origin else []
        if session is not None:
            headers.append((b"cookie", f"sessionid={session}".encode()))
        socket = Socket(*headers)
        accepted, _ = await socket.wire.connect()
        assert accepted
        opened.append(socket)
        return socket

    yield make
    for socket in opened:
        await socket.wire.disconnect(timeout=15)
    await asyncio.sleep(0)
    hub.hubs.clear()


@pytest.fixture
def open_console(connect, clock):
    """A socket whose console is open, what the panel said of it, and its session."""

    async def make(server, kind="vnc"):
        ticket, session = await sync_to_async(ticket_for)(server, server.owner, kind, now=clock())
        socket = await connect()
        await socket.open(ticket)
        return socket, await socket.ready(), session

    return make


@sync_to_async
def audited(event):
    return list(AuditEntry.objects.filter(event=event).order_by("pk"))
