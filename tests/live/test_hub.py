"""What the hub lives through: a database that is away, sockets that leave under its hands."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from autobahn.exception import Disconnected
from django.db import OperationalError

from accounts import tokens
from accounts.models import User
from servers import consumers, live
from servers import hub as hub_module
from servers.hub import Hub, hub
from servers.models import Server
from tests.live.conftest import Socket, session_of

pytestmark = pytest.mark.django_db(transaction=True)

ROW = [5, 0.5, 1, 2, None, 4, 0.1, 0.2, 0.3, 0.4, 99, "host", "", None]


@pytest.fixture
async def alices(connect, server, alice):
    """A socket of Alice's that follows her server."""
    socket = await connect(session=await session_of(alice))
    await socket.send(type="subscribe", server=server.pk)
    assert (await socket.hear())["type"] == "subscribed"
    return socket


@pytest.fixture
def database_away(monkeypatch):
    """The next look at who may see what fails; tells how often that was tried."""
    tried = []
    look = hub_module.still_good

    async def fail_once(credentials):
        tried.append(credentials)
        if len(tried) == 1:
            raise OperationalError("gone away")
        return await look(credentials)

    monkeypatch.setattr(hub_module, "still_good", fail_once)
    return tried


async def publish(server):
    await live.send_all([{"type": "live", "metrics": [[server.pk, *ROW]]}])


async def test_joining_and_leaving_takes_no_more_and_more(redis_server):
    """channels_redis keeps each layer that was ever made until the event loop ends."""
    own, made = Hub(), set()
    for _ in range(5):
        socket = FakeSocket(None)
        await own.join(socket)
        await asyncio.wait_for(own.listening.wait(), 5)
        made.add(id(own.listener.layer))
        own.leave(socket)
    assert len(made) == 1
    async with own.listener.turn:
        assert own.listener.coming is None


async def test_a_row_of_another_version_is_left_out(alices, server, caplog):
    tasks = list(hub().tasks)
    await live.send_all([{"type": "live", "metrics": [[server.pk, 5, 0.5]]}])
    await publish(server)
    assert (await alices.hear())["metrics"]["cpu"] == 0.5
    assert hub().tasks == tasks
    assert "left out" in caplog.text


class FakeSocket:
    """Somebody's, without a wire."""

    def __init__(self, credential):
        self.credential = credential
        self.lost = []
        self.is_out = False

    async def send_text(self, text):
        pass

    async def lose(self, server_ids):
        self.lost += server_ids

    is_console = False

    async def turn_out(self):
        self.is_out = True


@pytest.fixture
async def followed(server, alice):
    """A hub of its own, and a socket of Alice's that follows her server on it."""
    session = await session_of(alice)
    credential = tokens.Credential(alice.pk, alice.get_session_auth_hash(), session_key=session)
    own, socket = Hub(), FakeSocket(credential)
    own.following[socket] = set()
    own.subscribe(socket, server.pk)
    return own, socket


class TestTheDatabaseIsAway:
    async def test_the_listener_listens_on(self, alices, server, alice, database_away, caplog):
        tasks = list(hub().tasks)
        await live.send_all([{"type": "live", "events": [{"type": "sign_out", "user": alice.pk}]}])
        await publish(server)
        assert (await alices.hear())["type"] == "metrics"
        assert database_away
        assert hub().tasks == tasks
        assert not any(task.done() for task in tasks)
        assert hub().listening.is_set()
        assert "gone away" in caplog.text

    async def test_the_next_minute_asks_again(
        self, connect, server, alice, database_away, monkeypatch
    ):
        monkeypatch.setattr(hub_module, "RECHECK_SECONDS", 0.05)
        socket = await connect(session=await session_of(alice))
        await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
        code, _ = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN
        assert len(database_away) > 1

    async def test_a_socket_that_it_ends_is_forgotten(
        self, server, alice, redis_server, monkeypatch
    ):
        async def fail(*_):
            raise OperationalError("gone away")

        monkeypatch.setattr(consumers, "visible_ids", fail)
        cookie = f"sessionid={await session_of(alice)}".encode()
        socket = Socket((b"origin", b"http://localhost"), (b"cookie", cookie))
        await socket.open()
        assert hub().following
        await socket.send(type="subscribe", server=server.pk)
        try:
            with pytest.raises(OperationalError):
                await socket.wire.wait()
            assert hub().following == {}
        finally:
            hub().stop()


class TestWhileAccessIsLookedUp:
    def meanwhile(self, monkeypatch, act):
        look = hub_module.open_servers

        async def look_and_act(wanted):
            visible = await look(wanted)
            act()
            return visible

        monkeypatch.setattr(hub_module, "open_servers", look_and_act)

    async def test_what_is_subscribed_then_is_not_lost(self, followed, server, alice, monkeypatch):
        own, socket = followed
        other = await Server.objects.exclude(pk=server.pk).afirst()
        await Server.objects.filter(pk=other.pk).aupdate(owner=alice)
        self.meanwhile(monkeypatch, lambda: own.subscribe(socket, other.pk))
        await own.recheck([socket])
        assert socket.lost == []
        assert own.subscriptions(socket) == {server.pk, other.pk}

    async def test_what_may_not_be_seen_is_lost(self, followed, server):
        own, socket = followed
        await Server.objects.filter(pk=server.pk).aupdate(owner=None)
        await own.recheck([socket])
        assert socket.lost == [server.pk]

    async def test_a_socket_that_leaves_then_harms_nobody(self, alices, server, monkeypatch):
        own, (socket,) = hub(), hub().following
        await Server.objects.filter(pk=server.pk).aupdate(owner=None)
        self.meanwhile(monkeypatch, lambda: own.leave(socket))
        await own.recheck([socket])
        assert own.listeners == {}
        assert await alices.silence()

    async def test_nor_one_that_leaves_while_it_is_told(self, alices, server, alice):
        own, (socket,) = hub(), hub().following
        other = await Server.objects.exclude(pk=server.pk).afirst()
        own.subscribe(socket, other.pk)
        await Server.objects.filter(pk=server.pk).aupdate(owner=None)

        async def leave(message):
            own.leave(socket)

        socket.base_send = leave
        await own.recheck([socket])
        assert (own.following, own.listeners) == ({}, {})

    async def test_what_is_unsubscribed_then_is_not_told_to_be_lost(
        self, alices, server, monkeypatch
    ):
        own, (socket,) = hub(), hub().following
        await Server.objects.filter(pk=server.pk).aupdate(owner=None)
        self.meanwhile(monkeypatch, lambda: own.unsubscribe(socket, server.pk))
        await own.recheck([socket])
        assert await alices.silence()


def test_a_socket_that_left_is_put_on_no_list():
    own, socket = Hub(), FakeSocket(None)
    own.subscribe(socket, 7)
    own.unsubscribe(socket, 7)
    assert (own.following, own.listeners) == ({}, {})


@pytest.mark.parametrize("failure", [Disconnected("closing"), OSError("gone")])
async def test_a_socket_that_is_closing_is_not_in_the_others_way(
    alices, connect, server, alice, failure
):
    (closing,) = hub().following

    async def fail(message):
        raise failure

    closing.base_send = fail
    others = [await connect(session=await session_of(alice)) for _ in range(3)]
    for other in others:
        await other.send(type="subscribe", server=server.pk)
        await other.hear()
    tasks = list(hub().tasks)
    for _ in range(2):
        await publish(server)
        for other in others:
            assert (await other.hear())["type"] == "metrics"
    assert hub().tasks == tasks
    await sync_to_async(Server.objects.filter(pk=server.pk).update)(owner=None)
    await hub().recheck(list(hub().following))
    for other in others:
        assert (await other.hear())["code"] == "not_found"
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
