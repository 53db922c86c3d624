"""One listener in each web process, and the sockets it hands events to."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from channels.db import database_sync_to_async
from django.db import Error as DatabaseFailure
from redis.exceptions import RedisError

from accounts import tokens
from accounts.models import User
from servers.live import GROUP, channel_layer, metrics_of_row
from servers.models import Server

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 2.0
RECHECK_SECONDS = 60.0


class Socket(Protocol):
    credential: tokens.Credential | None

    async def send_text(self, text: str) -> None: ...

    async def lose(self, server_ids: Iterable[int]) -> None: ...

    async def turn_out(self) -> None: ...


class Hub:
    """Who listens to which server, within one event loop."""

    def __init__(self) -> None:
        self.following: dict[Socket, set[int]] = {}
        self.listeners: dict[int, set[Socket]] = defaultdict(set)
        self.tasks: list[asyncio.Task[None]] = []
        # A database call swallows a cancellation that meets it (asgiref's sync_to_async), so the
        # loops also look whether their round is still the current one.
        self.round = 0
        self.listening = asyncio.Event()

    async def join(self, socket: Socket) -> None:
        self.following.setdefault(socket, set())
        if not self.tasks or any(task.done() for task in self.tasks):
            self.stop()
            self.tasks = [
                asyncio.create_task(self.listen(self.round)),
                asyncio.create_task(self.recheck_forever(self.round)),
            ]

    def stop(self) -> None:
        self.round += 1
        for task in self.tasks:
            task.cancel()
        self.tasks = []
        self.listening.clear()

    def leave(self, socket: Socket) -> None:
        for server_id in self.subscriptions(socket):
            self.unsubscribe(socket, server_id)
        self.following.pop(socket, None)
        if not self.following:
            self.stop()

    def subscribe(self, socket: Socket, server_id: int) -> None:
        """Nothing, where the socket has left: nobody would ever take it off the list again."""
        if socket in self.following:
            self.following[socket].add(server_id)
            self.listeners[server_id].add(socket)

    def unsubscribe(self, socket: Socket, server_id: int) -> None:
        self.following.get(socket, set()).discard(server_id)
        listeners = self.listeners.get(server_id, set())
        listeners.discard(socket)
        if not listeners:
            self.listeners.pop(server_id, None)

    def subscriptions(self, socket: Socket) -> frozenset[int]:
        return frozenset(self.following.get(socket, ()))

    async def listen(self, round: int) -> None:
        """Receives until stopped; where Redis is away, tries again until it is back."""
        while round == self.round:
            try:
                layer = channel_layer()
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self.listening.set()
                while round == self.round:
                    await self.hand_out(await layer.receive(channel))
            except (RedisError, OSError) as error:
                self.listening.clear()
                logger.warning("Live updates stand still, Redis is away: %s", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def hand_out(self, message: dict[str, Any]) -> None:
        for row in message.get("metrics", ()):
            if row[0] in self.listeners:
                event = {"type": "metrics", "server": row[0], "metrics": metrics_of_row(row)}
                await self.tell(row[0], event)
        for event in message.get("events", ()):
            if event["type"] == "access":
                await self.recheck(self.listeners.get(event["server"], ()))
            elif event["type"] == "sign_out":
                await self.recheck(
                    socket
                    for socket in self.following
                    if socket.credential and socket.credential.user_id == event["user"]
                )
            elif event["type"] == "alert":
                await self.tell_of_alert(event)
            elif event["server"] in self.listeners:
                await self.tell(event["server"], event)

    async def tell_of_alert(self, event: dict[str, Any]) -> None:
        """To whoever follows its server, and to its owner on any page."""
        owner = event["user"]
        told = {key: event[key] for key in ("type", "server", "alert")}
        text = msgspec.json.encode(told).decode()
        owners = {
            socket
            for socket in self.following
            if socket.credential and socket.credential.user_id == owner
        }
        following = self.listeners.get(event["server"], set()) if event["followers"] else set()
        for socket in owners | following:
            await socket.send_text(text)

    async def tell(self, server_id: int, event: dict[str, Any]) -> None:
        text = msgspec.json.encode(event).decode()
        for socket in tuple(self.listeners.get(server_id, ())):
            await socket.send_text(text)

    async def recheck_forever(self, round: int) -> None:
        """Access can end without an event: a session expires, a person is disabled by SQL."""
        while round == self.round:
            await asyncio.sleep(RECHECK_SECONDS)
            await self.recheck(self.following)

    async def recheck(self, sockets: Iterable[Socket]) -> None:
        """Turns out whose credentials are no longer good; ends what they may not see any more.

        A database that does not answer ends nothing: the next minute asks again.
        """
        asked = {
            socket: (socket.credential, self.subscriptions(socket))
            for socket in sockets
            if socket.credential
        }
        if not asked:
            return
        try:
            good, visible = await permitted(asked.values())
        except DatabaseFailure as error:
            logger.error("Nobody's access could be checked, the database is away: %s", error)
            return
        # Only what was asked about is lost: a socket may have subscribed to more meanwhile.
        for socket, (credential, wanted) in asked.items():
            if credential not in good:
                await socket.turn_out()
            else:
                await socket.lose(wanted - visible.get(credential.user_id, set()))


async def permitted(
    asked: Iterable[tuple[tokens.Credential, frozenset[int]]],
) -> tuple[set[tokens.Credential], dict[int, set[int]]]:
    """Which of the credentials are good, and what of the wanted servers their people may see."""
    good = await still_good({credential for credential, _ in asked})
    wanted: dict[int, set[int]] = defaultdict(set)
    for credential, server_ids in asked:
        if credential in good:
            wanted[credential.user_id].update(server_ids)
    return good, await visible_servers(wanted)


@database_sync_to_async
def still_good(credentials: set[tokens.Credential]) -> set[tokens.Credential]:
    return tokens.still_good(credentials, now=datetime.now(UTC))


@database_sync_to_async
def visible_servers(wanted: dict[int, set[int]]) -> dict[int, set[int]]:
    """Which of the wanted servers each person may see, by user id."""
    people = User.objects.in_bulk(wanted.keys())
    return {
        user_id: set(
            Server.objects.visible_to(people[user_id])
            .filter(pk__in=server_ids)
            .values_list("pk", flat=True)
        )
        for user_id, server_ids in wanted.items()
        if user_id in people
    }


hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """This event loop's hub. A web process has one loop; tests have one each."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        for closed in [other for other in hubs if other.is_closed()]:
            del hubs[closed]
        hubs[loop] = Hub()
    return hubs[loop]
