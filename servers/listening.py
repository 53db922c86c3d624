"""Listening to a group of the channel layer for as long as it takes, and noticing where nothing would come."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import BaseChannelLayer, channel_layers
from msgpack.exceptions import UnpackException
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After so long without a message one is sent to oneself, which has to arrive within as long.
QUIET_SECONDS = 10.0
ANSWER_SECONDS = 5.0

# What a message of somebody else's, or of another version of the panel, may end in.
UNREADABLE = (UnpackException, ValueError, TypeError, LookupError)


class Listener:
    """A subscription with a layer of its own, within one event loop.

    What receives in channels_redis ends with some errors of a connection, as when Sentinel moves Redis,
    and is not started again; and a connection whose other end has vanished just stays quiet. Both
    look like a Redis in which nothing happens, so now and then that is tried.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        # One for good: each hangs onto the event loop for as long as that runs.
        self.layer: BaseChannelLayer = channel_layers.make_backend(DEFAULT_CHANNEL_LAYER)
        self.turn = asyncio.Lock()
        self.channel = ""
        self.coming: asyncio.Future[dict[str, Any]] | None = None

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[None]:
        """Raises RedisError, OSError. Whoever comes next waits until this one is over."""
        async with self.turn:
            try:
                await self.start()
                yield
            finally:
                await self.stop()

    async def start(self) -> None:
        async with asyncio.timeout(ANSWER_SECONDS):
            self.channel = await self.layer.new_channel()
            await self.layer.group_add(self.group, self.channel)
        self.coming = asyncio.ensure_future(self.layer.receive(self.channel))

    async def hear(self) -> dict[str, Any]:
        """The next message, which may be empty. Raises RedisError, OSError where none can come, and
        UNREADABLE where one cannot be read, after which it may be asked again."""
        if self.coming is None:
            raise ConnectionError("It has not started.")
        if not await has_come(self.coming, QUIET_SECONDS):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.layer.send(self.channel, {})
            if not await has_come(self.coming, ANSWER_SECONDS):
                raise ConnectionError("A message to oneself did not arrive.")
        come, self.coming = self.coming, asyncio.ensure_future(self.layer.receive(self.channel))
        return come.result()

    async def stop(self) -> None:
        coming, self.coming = self.coming, None
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        async with asyncio.timeout(ANSWER_SECONDS):
            await clear(self.layer)


async def clear(layer: BaseChannelLayer) -> None:
    """Its connections closed, ready to be used again.

    What flush() of channels_redis meets first is what a receiver has ended with; with that one
    forgotten it does the rest.
    """
    try:
        await layer.flush()
    except (RedisError, OSError) as error:
        logger.info("What receives live updates had ended: %r", error)
        for of_loop in vars(layer).get("_layers", {}).values():
            for shard in of_loop._shards:
                shard._receive_task = None
        await layer.flush()


async def has_come(coming: asyncio.Future[dict[str, Any]], seconds: float) -> bool:
    """Not wait_for: a receive() that is cancelled takes its subscription with it."""
    done, _ = await asyncio.wait([coming], timeout=seconds)
    return bool(done)
