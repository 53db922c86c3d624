"""A listener of a group: it goes on when what it hears by ends, stays quiet, or moves."""

import asyncio
import logging

import pytest
from channels.layers import get_channel_layer

from servers import listening
from servers.listening import Listener

PATIENCE = 10


@pytest.fixture
async def listener(redis_server):
    listener = Listener("words")
    await listener.start()
    yield listener
    await listener.stop()


async def say(word):
    await get_channel_layer().group_send("words", {"word": word})


async def heard(listener):
    """The next message that is one, not one of its own."""
    async with asyncio.timeout(PATIENCE):
        while not (message := await listener.hear()):
            pass
    return message


async def test_it_hears_what_is_said_in_turn(listener):
    for word in ("one", "two", "three"):
        await say(word)
    assert [await heard(listener) for _ in range(3)] == [
        {"word": word} for word in ("one", "two", "three")
    ]


async def test_nothing_is_lost_where_it_tries_itself(listener, monkeypatch):
    monkeypatch.setattr(listening, "QUIET_SECONDS", 0.02)
    said = []
    for number in range(20):
        said.append(asyncio.create_task(later(number)))
    assert [(await heard(listener))["word"] for _ in range(20)] == list(range(20))
    await asyncio.gather(*said)


async def later(number):
    await asyncio.sleep(number * 0.03)
    await say(number)


async def test_a_quiet_group_is_no_failure(listener, monkeypatch):
    monkeypatch.setattr(listening, "QUIET_SECONDS", 0.05)
    for _ in range(5):
        assert await listener.hear() == {}


async def test_a_receiver_that_ended_is_noticed_and_replaced(listener, monkeypatch, caplog):
    """As channels_redis ends it by itself where a connection times out."""
    monkeypatch.setattr(listening, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(listening, "ANSWER_SECONDS", 0.5)
    shard = listener.layer._get_layer()._shards[0]

    async def ends():
        raise TimeoutError

    shard._receive_task.cancel()
    shard._receive_task = asyncio.create_task(ends())
    with pytest.raises(ConnectionError):
        await listener.hear()
    with caplog.at_level(logging.INFO):
        await listener.stop()
    assert "had ended: TimeoutError" in caplog.text
    await listener.start()
    await say("again")
    assert await heard(listener) == {"word": "again"}


async def test_a_connection_that_only_stays_quiet_is_noticed(listener, monkeypatch):
    monkeypatch.setattr(listening, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(listening, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(type(listener.layer._get_layer()._shards[0]), "_receive_message", ignore)
    with pytest.raises(ConnectionError):
        await listener.hear()


def ignore(*_):
    pass


async def test_it_can_start_again_after_it_was_stopped(listener):
    await listener.stop()
    await listener.start()
    await say("one")
    assert await heard(listener) == {"word": "one"}


async def test_before_it_starts_it_says_so(redis_server):
    with pytest.raises(ConnectionError):
        await Listener("words").hear()


async def test_what_cannot_be_read_is_left_out(listener):
    shard = listener.layer._get_layer()._shards[0]
    await shard.publish(listener.layer._get_group_channel_name("words"), b"\xc1 no message")
    with pytest.raises(listening.UNREADABLE):
        await listener.hear()
    await say("next")
    assert await heard(listener) == {"word": "next"}


async def test_it_is_cleared_away_also_when_what_came_cannot_be_read(listener):
    layer = listener.layer
    shard = layer._get_layer()._shards[0]
    await shard.publish(layer._get_group_channel_name("words"), b"\xc1 no message")
    await listening.has_come(listener.coming, PATIENCE)
    await listener.stop()
    assert shard._redis is None
    assert layer._get_layer().channels == {}


async def test_who_comes_next_waits_for_who_goes(redis_server):
    """Their subscription is one layer's: what the one clears away would be the other's."""
    one = Listener("words")
    for _ in range(20):
        goes = asyncio.create_task(listen_once(one))
        await asyncio.sleep(0)
        goes.cancel()
        async with one.subscribed():
            await say("one")
            assert await heard(one) == {"word": "one"}
        await asyncio.gather(goes, return_exceptions=True)


async def listen_once(listener):
    async with listener.subscribed():
        await listener.hear()
