"""Who hears of an alert on a socket, and what."""

import pytest
from asgiref.sync import sync_to_async

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from alerts import episodes
from alerts.events import alert_event, alert_json
from alerts.models import Alert
from servers import live, ownership
from tests.live.conftest import session_of, token_of
from tests.live.test_socket import now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alert(server, alice):
    return Alert.objects.create(
        server=server, owner=alice, metric="cpu", severity="warning", condition="greater_than",
        threshold=0.9, since=now(), fired_at=now(),
    )  # fmt: skip


async def publish(alert):
    await live.send_all([{"type": "live", "events": [alert_event(alert)]}])


async def following(socket, server):
    await socket.send(type="subscribe", server=server.pk)
    assert (await socket.hear())["type"] == "subscribed"
    return socket


async def test_its_owner_hears_of_it_on_any_page(connect, alert, alice, server):
    socket = await connect(session=await session_of(alice))
    await publish(alert)
    heard = await socket.hear()
    assert heard == {"type": "alert", "server": server.pk, "alert": alert_json(alert)}


async def test_its_owner_with_a_token_too(connect, alert, alice):
    socket = await connect(token=await token_of(alice, now()), origin=None)
    await publish(alert)
    assert (await socket.hear())["alert"]["id"] == alert.pk


async def test_who_follows_the_server_and_owns_it_hears_it_once(connect, alert, alice, server):
    socket = await following(await connect(session=await session_of(alice)), server)
    await publish(alert)
    assert (await socket.hear())["type"] == "alert"
    assert await socket.silence()


async def test_staff_hear_it_where_they_follow_the_server(connect, alert, staff, server):
    elsewhere = await connect(session=await session_of(staff))
    there = await following(await connect(session=await session_of(staff)), server)
    await publish(alert)
    assert (await there.hear())["alert"]["id"] == alert.pk
    assert await elsewhere.silence()


async def test_another_customer_hears_nothing(connect, alert, bob, server):
    socket = await connect(session=await session_of(bob))
    await socket.send(type="subscribe", server=server.pk)
    assert (await socket.hear())["code"] == "not_found"
    await publish(alert)
    assert await socket.silence()


async def test_nobody_hears_nothing(connect, alert):
    socket = await connect()
    await publish(alert)
    assert await socket.silence()


async def test_whose_the_server_is_now_hears_nothing_of_the_owner_before(
    connect, alert, alice, bob, server
):
    await sync_to_async(ownership.assign)([server], bob, actor=SYSTEM, now=now())
    after = await following(await connect(session=await session_of(bob)), server)
    before = await connect(session=await session_of(alice))
    await sync_to_async(episodes.finish)([alert], Alert.End.OWNER_CHANGED, now=now())
    assert (await before.hear())["alert"]["end_reason"] == "owner_changed"
    assert await after.silence()


async def test_acknowledging_is_pushed(connect, alert, alice):
    socket = await connect(session=await session_of(alice))
    actor = Actor(alice, Source.WEB)
    await sync_to_async(episodes.acknowledge)(alert, actor=actor, now=now())
    heard = await socket.hear()
    assert heard["alert"]["acknowledged_at"]
    assert "user" not in heard
    assert "followers" not in heard
