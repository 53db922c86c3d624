"""/ws/console/: a guest's screen or terminal, relayed between a browser and Proxmox.

The first message is the ticket: `{"type": "open", "ticket": "…", "server": 7}` (the server may be
left out). Then comes `{"type": "ready", "kind": "vnc" or "text", "password"}`, and binary frames go
through unchanged both ways. In between come `{"type": "mark", "mark"}`; a client sends each back
as `{"type": "ack", "mark"}` once it has dealt with all that came before. Before it closes the
socket says why: `{"type": "end", "reason", "message"}`. docs/console.md tells it to those who write clients.
"""

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from autobahn.exception import Disconnected
from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.utils.translation import gettext
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from accounts import locale, tokens
from accounts.models import User
from servers import console_ends, console_opening, consoles, facts
from servers.console_ends import End, Over
from servers.console_flow import Pending, Window, is_input
from servers.console_opening import Opened, Target
from servers.hub import hub
from servers.models import ConsoleSession
from servers.proxmox import websocket
from servers.proxmox.errors import ProxmoxError

logger = logging.getLogger(__name__)

SECONDS_TO_OPEN = 10.0
SECONDS_UNREAD = 30.0
SECONDS_TO_TELL_WHY = 4.0
LOOK_EVERY = 1.0
LONGEST_TEXT = 1024
TERMINAL_SAYS_YES = b"OK"

# Proxmox is asked in threads of our own: a cluster that is slow to answer takes none from others.
asking = ThreadPoolExecutor(32, thread_name_prefix="console")
# Sessions that are being wound up outlive the request that they came with.
winding_up: set[asyncio.Task[None]] = set()


class Message(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    ticket: str | None = None
    server: int | None = None
    mark: str | None = None


class ConsoleConsumer(AsyncWebsocketConsumer):
    """One console. Whatever ends it first sets `ending`; one task does all the rest."""

    channel_layer_alias = ""
    is_console = True
    credential: tokens.Credential | None = None

    async def dispatch(self, message: Any) -> None:
        """Channels tidies database connections up around each message, in another thread: that
        cost more than the relaying itself. What asks the database here tidies up by itself."""
        handler = getattr(self, get_handler_name(message))
        await handler(message)

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[Message] = loop.create_future()
        self.ending: asyncio.Future[End] = loop.create_future()
        self.window = Window()
        self.pending = Pending()
        self.is_ready = False
        self.is_text = False
        self.first = b""
        self.bytes_sent = self.bytes_received = 0
        self.active_at = monotonic()
        await self.accept()
        self.work = asyncio.create_task(self.run())
        winding_up.add(self.work)
        self.work.add_done_callback(winding_up.discard)

    async def disconnect(self, code: int) -> None:
        self.end(console_ends.LEFT)
        # daphne gives up on us after ten seconds; what is to be written down is, all the same.
        await asyncio.shield(self.work)

    def end(self, end: End) -> None:
        if not self.ending.done():
            self.ending.set_result(end)

    # What comes from the client

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if bytes_data is not None:
            self.take(bytes_data)
        else:
            self.hear(text_data or "")

    def take(self, frame: bytes) -> None:
        if not self.is_ready:
            self.end(console_ends.INVALID)
            return
        self.bytes_received += len(frame)
        if is_input(frame, is_text=self.is_text):
            self.active_at = monotonic()
        if not self.pending.put(frame):
            self.end(console_ends.TOO_MUCH)

    def hear(self, text: str) -> None:
        try:
            message = msgspec.json.decode(text[: LONGEST_TEXT + 1], type=Message)
        except msgspec.DecodeError:
            self.end(console_ends.INVALID)
            return
        if message.type == "open" and message.ticket and not self.asked.done():
            self.asked.set_result(message)
        elif message.type != "ack" or not self.window.read_up_to(message.mark or ""):
            self.end(console_ends.INVALID)

    # What the hub has to say: access is checked there for all sockets alike

    async def send_text(self, text: str) -> None:
        """Events of the server are the page's own socket's business."""

    async def lose(self, server_ids: Iterable[int]) -> None:
        if set(server_ids) & hub().subscriptions(self):
            self.end(console_ends.NO_ACCESS)

    async def turn_out(self) -> None:
        self.end(console_ends.SIGNED_OUT)

    # The session

    async def run(self) -> None:
        end = console_ends.FAILED
        try:
            end = await self.hold()
        except Over as over:
            end = over.end
        except DatabaseFailure as error:
            logger.error("A console ended, the database is away: %s", type(error).__name__)
        finally:
            hub().leave(self)
            with locale.of_person(self.person()):
                words = gettext(end.message)
            await self.say({"type": "end", "reason": end.reason, "message": words})
            with suppress(Disconnected, OSError):
                await self.close(end.code)

    async def hold(self) -> End:
        """From the ticket to the end. Raises Over where it ends before it began."""
        session = await self.redeemed()
        target: Target | None = None
        end = console_ends.FAILED
        try:
            target = await database_sync_to_async(console_opening.target_of)(session)
            end = await self.relay(session, target)
        except Over as over:
            end = over.end
            if target and end is console_ends.OTHER_GUEST:
                await database_sync_to_async(console_opening.doubt_identity)(target.server_id)
        finally:
            traffic = consoles.Traffic(self.bytes_sent, self.bytes_received)
            await note_closed(session, end, traffic)
        return end

    async def redeemed(self) -> ConsoleSession:
        futures: set[asyncio.Future[Any]] = {self.asked, self.ending}
        await asyncio.wait(futures, timeout=SECONDS_TO_OPEN, return_when=asyncio.FIRST_COMPLETED)
        self.go_on()
        if not self.asked.done():
            raise Over(console_ends.BAD_TICKET)
        message = self.asked.result()
        session = await redeem(message.ticket or "", self.person_id(), message.server)
        self.credential = consoles.credential_of(session)
        self.is_text = session.kind == consoles.Kind.TEXT
        await hub().join(self)
        hub().subscribe(self, session.server_id)
        return session

    def person_id(self) -> int | None:
        """Of the browser's session, if there is one: the ticket must be the same person's."""
        person = self.person()
        return person.pk if person else None

    def person(self) -> User | None:
        scope: Any = self.scope
        user = scope.get("user")
        return user if isinstance(user, User) and user.is_authenticated else None

    async def relay(self, session: ConsoleSession, target: Target) -> End:
        opened = await ask(target)
        self.go_on()
        upstream = await self.connected(target, opened)
        try:
            self.go_on()
            await note_opened(session, opened)
            self.is_ready = True
            self.active_at = monotonic()
            password = "" if self.is_text else opened.grant.password
            await self.say(
                {
                    "type": "ready",
                    "kind": session.kind,
                    "password": password,
                    "name": session.server.name,
                }
            )
            await self.pass_on(self.first)
            end = await self.pump(session, upstream)
        finally:
            await upstream.close()
        if end is console_ends.LOST:
            end = await self.asked_why(target, opened.grant.node)
        return end

    async def asked_why(self, target: Target, node: str) -> End:
        """Proxmox tells, if it does so soon: the person sits before a screen that stands still."""
        asked = asyncio.ensure_future(why_it_closed(target, node))
        await asyncio.wait({asked}, timeout=SECONDS_TO_TELL_WHY)
        return asked.result() if asked.done() else console_ends.LOST

    def go_on(self) -> None:
        """Raises Over where it was ended in the meantime."""
        if self.ending.done():
            raise Over(self.ending.result())

    async def connected(self, target: Target, opened: Opened) -> ClientConnection:
        grant = opened.grant
        try:
            upstream = await websocket.open_console(target.actor, grant)
        except ProxmoxError as error:
            raise Over(console_opening.end_of(error)) from error
        if self.is_text:
            # Its ticket stays with us: the browser never signs in to Proxmox.
            try:
                await upstream.send(f"{grant.user}:{grant.ticket}\n".encode())
                answer = await asyncio.wait_for(upstream.recv(), SECONDS_TO_OPEN)
            except (ConnectionClosed, TimeoutError) as error:
                await upstream.close()
                raise Over(console_ends.REFUSED) from error
            said = answer.encode() if isinstance(answer, str) else answer
            if not said.startswith(TERMINAL_SAYS_YES):
                await upstream.close()
                raise Over(console_ends.REFUSED)
            self.first = said.removeprefix(TERMINAL_SAYS_YES)
        return upstream

    async def pump(self, session: ConsoleSession, upstream: ClientConnection) -> End:
        tasks = [
            asyncio.create_task(self.pump_down(upstream)),
            asyncio.create_task(self.pump_up(upstream)),
            asyncio.create_task(self.watch(session)),
        ]
        futures: set[asyncio.Future[Any]] = {self.ending, *tasks}
        try:
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if self.ending.done():
            return self.ending.result()
        return next(task.result() for task in tasks if task.done())

    async def pump_down(self, upstream: ClientConnection) -> End:
        while True:
            if not self.window.has_room.is_set():
                try:
                    await asyncio.wait_for(self.window.has_room.wait(), SECONDS_UNREAD)
                except TimeoutError:
                    return console_ends.TOO_SLOW
            try:
                frame = await upstream.recv()
            except ConnectionClosed:
                return console_ends.LOST
            await self.pass_on(frame.encode() if isinstance(frame, str) else frame)

    async def pass_on(self, frame: bytes) -> None:
        if not frame:
            return
        self.bytes_sent += len(frame)
        mark = self.window.sent(len(frame))
        with suppress(Disconnected, OSError):
            await self.send(bytes_data=frame)
        if mark:
            await self.say({"type": "mark", "mark": mark})

    async def pump_up(self, upstream: ClientConnection) -> End:
        while True:
            frame = await self.pending.take()
            try:
                await upstream.send(frame)
            except ConnectionClosed:
                return console_ends.LOST

    async def watch(self, session: ConsoleSession) -> End:
        """The limits of time, and the sign of life that a vanished session lacks."""
        began = seen = monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = monotonic()
            if now - began >= settings.CONSOLE_MAX_HOURS * 3600:
                return console_ends.TIME_LIMIT
            if now - self.active_at >= settings.CONSOLE_IDLE_MINUTES * 60:
                return console_ends.IDLE
            if now - seen >= consoles.SEEN_EVERY.total_seconds():
                seen = now
                with suppress(DatabaseFailure):
                    await note_seen(session)

    async def say(self, message: dict[str, Any]) -> None:
        """Into the void where the socket is closing already."""
        with suppress(Disconnected, OSError):
            await self.send(text_data=msgspec.json.encode(message).decode())


ask = sync_to_async(console_opening.ask, thread_sensitive=False, executor=asking)
why_it_closed = sync_to_async(
    console_opening.why_it_closed, thread_sensitive=False, executor=asking
)


@database_sync_to_async
def redeem(ticket: str, user_id: int | None, server_id: int | None) -> ConsoleSession:
    return consoles.redeem(ticket, user_id=user_id, server_id=server_id, now=datetime.now(UTC))


@database_sync_to_async
def note_opened(session: ConsoleSession, opened: Opened) -> None:
    now = datetime.now(UTC)
    consoles.note_opened(session, now=now)
    facts.note(session.server_id, opened.config, now=now)


@database_sync_to_async
def note_seen(session: ConsoleSession) -> None:
    consoles.note_seen(session, now=datetime.now(UTC))


@database_sync_to_async
def note_closed(session: ConsoleSession, end: End, traffic: consoles.Traffic) -> None:
    consoles.note_closed(session, end, now=datetime.now(UTC), traffic=traffic)
