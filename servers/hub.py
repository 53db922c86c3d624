"""One listener in each web process, and the sockets it hands events to."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from channels.db import database_sync_to_async
from django.db import Error as DatabaseFailure
from redis.exceptions import RedisError

from accounts import tokens
from accounts.models import User
from servers import console_requests
from servers.listening import UNREADABLE, Listener
from servers.live import GROUP, metrics_of_row
from servers.meter import Gauge
from servers.models import Server

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 2.0
RECHECK_SECONDS = 60.0

SOCKETS = Gauge("panel_sockets_open", "Websockets that a web process has open.")
SUBSCRIPTIONS = Gauge(
    "panel_socket_subscriptions",
    "Servers that the sockets of a web process follow, counted once a minute.",
)


class Socket(Protocol):
    """`is_console`: it takes the right to the console, not to the server's page alone."""

    credential: tokens.Credential | None
    is_console: bool

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
        self.listener = Listener(GROUP)

    async def join(self, socket: Socket) -> None:
        self.following.setdefault(socket, set())
        SOCKETS.set(len(self.following))
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
        SOCKETS.set(len(self.following))
        if not self.following:
            SUBSCRIPTIONS.set(0)
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
                async with self.listener.subscribed():
                    self.listening.set()
                    while round == self.round:
                        await self.hear()
            except (RedisError, OSError) as error:
                if round == self.round:
                    self.listening.clear()
                logger.warning("Live updates stand still, Redis is away: %r", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def hear(self) -> None:
        try:
            await self.hand_out(await self.listener.hear())
        except UNREADABLE:
            logger.exception("A live update was left out.")

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
                    if socket.credential
                    and event["user"] in (socket.credential.user_id, socket.credential.staff_id)
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
            SOCKETS.set(len(self.following))
            SUBSCRIPTIONS.set(sum(map(len, self.following.values())))
            await self.recheck(self.following)

    async def recheck(self, sockets: Iterable[Socket]) -> None:
        """Turns out whose credentials are no longer good; ends what they may not see any more.

        A database that does not answer ends nothing: the next minute asks again.
        """
        asked = {
            socket: Asked(socket.credential, socket.is_console, self.subscriptions(socket))
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
        for socket, one in asked.items():
            if one.credential not in good:
                await socket.turn_out()
            else:
                await socket.lose(one.servers - visible.get(one.way, set()))


@dataclass(frozen=True)
class Asked:
    """What a socket shows: whether it still may is to be looked up."""

    credential: tokens.Credential
    is_console: bool
    servers: frozenset[int]

    @property
    def way(self) -> "Way":
        """Who sees it, in whose hand, and how."""
        return self.credential.user_id, self.credential.staff_id, self.is_console


Way = tuple[int, int | None, bool]


async def permitted(
    asked: Iterable[Asked],
) -> tuple[set[tokens.Credential], dict[Way, set[int]]]:
    """Which of the credentials are good, and which of the wanted servers may be had each way."""
    good = await still_good({one.credential for one in asked})
    wanted: dict[Way, set[int]] = defaultdict(set)
    for one in asked:
        if one.credential in good:
            wanted[one.way].update(one.servers)
    return good, await open_servers(wanted)


@database_sync_to_async
def still_good(credentials: set[tokens.Credential]) -> set[tokens.Credential]:
    return tokens.still_good(credentials, now=datetime.now(UTC))


@database_sync_to_async
def open_servers(wanted: dict[Way, set[int]]) -> dict[Way, set[int]]:
    """Which of the wanted servers may be seen, or their consoles be had open, each way."""
    now = datetime.now(UTC)
    people = User.objects.in_bulk({person for way in wanted for person in way[:2] if person})
    found: dict[Way, set[int]] = {}
    for (user_id, staff_id, is_console), server_ids in wanted.items():
        if user_id not in people:
            continue
        if is_console:
            hands = [people[each] for each in (user_id, staff_id) if each in people]
            may = [console_requests.open_to(each, server_ids, now=now) for each in hands]
            found[user_id, staff_id, is_console] = set.intersection(*may)
            continue
        visible = Server.objects.visible_to(people[user_id]).filter(pk__in=server_ids)
        found[user_id, staff_id, is_console] = set(visible.values_list("pk", flat=True))
    return found


hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """This event loop's hub. A web process has one loop; tests have one each."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        for closed in [other for other in hubs if other.is_closed()]:
            del hubs[closed]
        hubs[loop] = Hub()
    return hubs[loop]
