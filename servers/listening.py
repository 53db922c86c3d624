"""Listening to a group of the channel layer for as long as it takes, and noticing where nothing would come."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import BaseChannelLayer, channel_layers
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After so long without a message one is sent to oneself, which has to arrive within as long.
QUIET_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class Listener:
    """A subscription with a layer of its own, within one event loop.

    What receives in channels_redis ends with some errors of a connection, as when Sentinel moves Redis,
    and is not started again; and a connection whose other end has vanished just stays quiet. Both
    look like a Redis in which nothing happens, so now and then that is tried.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.layer: BaseChannelLayer | None = None
        self.channel = ""
        self.coming: asyncio.Future[dict[str, Any]] | None = None

    async def start(self) -> None:
        """Subscribed when it returns. Raises RedisError, OSError."""
        self.layer = self.layer or channel_layers.make_backend(DEFAULT_CHANNEL_LAYER)
        async with asyncio.timeout(ANSWER_SECONDS):
            self.channel = await self.layer.new_channel()
            await self.layer.group_add(self.group, self.channel)
        self.coming = asyncio.ensure_future(self.layer.receive(self.channel))

    async def hear(self) -> dict[str, Any]:
        """The next message, which may be empty. Raises RedisError, OSError where none can come."""
        if self.layer is None or self.coming is None:
            raise ConnectionError("It has not started.")
        if not await self.has_come(QUIET_SECONDS):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.layer.send(self.channel, {})
            if not await self.has_come(ANSWER_SECONDS):
                raise ConnectionError("A message to oneself did not arrive.")
        message = self.coming.result()
        self.coming = asyncio.ensure_future(self.layer.receive(self.channel))
        return message

    async def has_come(self, seconds: float) -> bool:
        # Not wait_for: a receive() that is cancelled takes its subscription with it.
        assert self.coming is not None
        done, _ = await asyncio.wait([self.coming], timeout=seconds)
        return bool(done)

    async def stop(self) -> None:
        if self.coming is not None:
            self.coming.cancel()
            with suppress(asyncio.CancelledError, RedisError, OSError):
                await self.coming
            self.coming = None
        if self.layer is not None:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.layer.flush()
            except (RedisError, OSError) as error:
                # Its receiver had ended with this. Such a layer never receives again, and would fail
                # once more where it is cleared away with the event loop.
                logger.info("The layer's receiver had ended: %r", error)
                vars(self.layer).get("_layers", {}).clear()
                self.layer = None
