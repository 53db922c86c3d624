"""/ws/: live updates of the servers that a socket subscribes to."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

import msgspec
from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import locale, on_behalf, tokens
from accounts.models import User
from servers.hub import hub
from servers.live import action_of, metrics_of
from servers.models import Action, Server

LONGEST_MESSAGE = 8192
MESSAGES_PER_SECOND = 20.0
MESSAGES_AT_ONCE = 60.0
# Each id is answered on its own, and what a client does not read is kept in our memory. A page
# subscribes to all of its servers once, and again every five minutes.
ANSWERS_PER_SECOND = 10.0
ANSWERS_AT_ONCE = 1500.0
MOST_SUBSCRIPTIONS = 500
LONGEST_REASON = 200
SECONDS_TO_SIGN_IN = 10.0

# Of our own, after those of HTTP: daphne closes with none that is reserved, like 1009.
NOT_SIGNED_IN = 4401
TOO_MUCH = 4429
TOO_LONG = 4413


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may send: auth with token, subscribe or unsubscribe with server or servers."""

    type: str
    token: str | None = None
    server: int | None = None
    servers: list[int] | None = None

    def ids(self) -> list[int]:
        """Each of them once."""
        named = [] if self.server is None else [self.server]
        return list(dict.fromkeys([*named, *(self.servers or [])]))

    def cost(self) -> int:
        """How many answers it gets: so many ids that they are refused together get one."""
        count = len(self.ids())
        return count if 0 < count <= MOST_SUBSCRIPTIONS else 1


class Allowance:
    """So much at once, and so much a second from then on."""

    def __init__(self, at_once: float, per_second: float) -> None:
        self.at_once = at_once
        self.per_second = per_second
        self.left = at_once
        self.counted_at = monotonic()

    def spend(self, cost: float) -> bool:
        """False where that is more than is left."""
        now = monotonic()
        earned = (now - self.counted_at) * self.per_second
        self.left = min(self.at_once, self.left + earned) - cost
        self.counted_at = now
        return self.left >= 0


class NoSuchSocket(AsyncWebsocketConsumer):
    """Any other path: refused like a page that does not exist."""

    channel_layer_alias = ""

    async def connect(self) -> None:
        await self.close()


class LiveConsumer(AsyncWebsocketConsumer):
    """A browser comes with its session cookie, an API client with a JWT as its first message.

    Errors are `{"type": "error", "code", "message"}` and leave the socket open, unless the client
    sends too much, or does not sign in.
    """

    # The hub listens for all sockets of a process: none of them needs a channel of its own, and
    # without Redis they still open.
    channel_layer_alias = ""
    is_console = False
    credential: tokens.Credential | None = None
    user: User | None = None
    timer: asyncio.TimerHandle | None = None

    async def connect(self) -> None:
        self.messages = Allowance(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND)
        self.answers = Allowance(ANSWERS_AT_ONCE, ANSWERS_PER_SECOND)
        scope: Any = self.scope
        user = scope.get("user")
        await self.accept()
        await hub().join(self)
        if isinstance(user, User) and user.is_authenticated:
            credential = tokens.Credential(
                user.pk,
                user.get_session_auth_hash(),
                session_key=scope["session"].session_key,
                staff_id=on_behalf.staff_id_of(scope["session"]),
                staff_hash=on_behalf.staff_hash_of(scope["session"]),
            )
            # No request looked yet whether the staff in the person's place still may be there.
            if credential.staff_id is not None and not await is_good(credential):
                await self.turn_out()
                return
            self.credential, self.user = credential, user
            await self.say({"type": "welcome", "user": user.email})
        else:
            self.close_in(SECONDS_TO_SIGN_IN)

    async def __call__(self, *asgi: Any) -> None:
        """However it ends, by a failure of ours too, the hub forgets the socket."""
        try:
            await super().__call__(*asgi)
        finally:
            self.stop_timer()
            hub().leave(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or "") > LONGEST_MESSAGE:
            await self.close(TOO_LONG)
            return
        message = self.read(text_data or "")
        cost = message.cost() if isinstance(message, Message) else 1
        if not (self.messages.spend(1) and self.answers.spend(cost)):
            await self.refuse("too_many_messages", _("Too many messages: slow down."))
            await self.close(TOO_MUCH)
        elif isinstance(message, Message):
            await self.answer(message)
        else:
            await self.refuse("invalid", message)

    def read(self, text: str) -> Message | str:
        """A message, or what is wrong with it."""
        try:
            return msgspec.json.decode(text, type=Message)
        except msgspec.DecodeError as error:
            # The reason may quote what came, which may be long.
            reason = str(error)[:LONGEST_REASON]
            with locale.of_person(self.user):
                return _("This is no message that is understood here: %(why)s.") % {"why": reason}

    async def answer(self, message: Message) -> None:
        if message.type == "auth":
            await self.sign_in(message)
        elif self.user is None:
            await self.refuse(
                "not_authenticated", _("Sign in first, with a message of type auth.")
            )
        elif message.type == "subscribe":
            await self.subscribe(self.user, message.ids())
        elif message.type == "unsubscribe":
            await self.unsubscribe(message.ids())
        else:
            await self.refuse("invalid", _("The type must be auth, subscribe or unsubscribe."))

    async def sign_in(self, message: Message) -> None:
        credential, user = await person_of(message.token or "")
        if credential is None or user is None:
            await self.refuse("not_authenticated", _("The token is not good, or not any more."))
            await self.close(NOT_SIGNED_IN)
            return
        if self.user is not None and self.user.pk != user.pk:
            await self.refuse("forbidden", _("This socket belongs to somebody else already."))
            return
        self.credential, self.user = credential, user
        if credential.expires_at:
            self.close_in(credential.expires_at.timestamp() - time())
        await self.say({"type": "welcome", "user": user.email})

    async def subscribe(self, user: User, server_ids: list[int]) -> None:
        if not server_ids:
            await self.refuse("invalid", _("Name a server or servers."))
            return
        subscribed = hub().subscriptions(self)
        if len(subscribed.union(server_ids)) > MOST_SUBSCRIPTIONS:
            await self.refuse_so_many()
            return
        visible = await visible_ids(user, server_ids)
        # Listening begins before the state is read, so that no change falls in between.
        for server_id in visible:
            hub().subscribe(self, server_id)
        states = await states_of(visible)
        for server_id in server_ids:
            if server_id in states:
                await self.say(states[server_id])
            else:
                await self.refuse("not_found", _("There is no such server."), server=server_id)

    async def unsubscribe(self, server_ids: list[int]) -> None:
        if len(server_ids) > MOST_SUBSCRIPTIONS:
            await self.refuse_so_many()
            return
        for server_id in server_ids:
            hub().unsubscribe(self, server_id)
            await self.say({"type": "unsubscribed", "server": server_id})

    async def refuse_so_many(self) -> None:
        with locale.of_person(self.user):
            most = _("A socket follows %(most)s servers at most.") % {"most": MOST_SUBSCRIPTIONS}
        await self.refuse("too_many_subscriptions", most)

    async def send_text(self, text: str) -> None:
        """Into the void where the socket is closing already: that is told apart, and soon.

        daphne raises Disconnected between the two halves of the closing handshake and is silent
        afterwards; the ASGI specification has it an OSError.
        """
        with suppress(Disconnected, OSError):
            await self.send(text_data=text)

    async def lose(self, server_ids: Iterable[int]) -> None:
        for server_id in server_ids:
            # It may have been unsubscribed while access was looked up.
            if server_id in hub().subscriptions(self):
                hub().unsubscribe(self, server_id)
                await self.refuse("not_found", _("There is no such server."), server=server_id)

    async def turn_out(self) -> None:
        await self.refuse("not_authenticated", _("You are signed out."))
        await self.close(NOT_SIGNED_IN)

    async def refuse(self, code: str, message: str | Promise, **more: object) -> None:
        with locale.of_person(self.user):
            words = str(message)
        await self.say({"type": "error", "code": code, "message": words, **more})

    async def say(self, event: dict[str, Any]) -> None:
        await self.send_text(msgspec.json.encode(event).decode())

    def close_in(self, seconds: float) -> None:
        self.stop_timer()
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(max(0.0, seconds), self.time_is_up)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def time_is_up(self) -> None:
        self.ending = asyncio.create_task(self.turn_out())


@database_sync_to_async
def person_of(raw_token: str) -> tuple[tokens.Credential | None, User | None]:
    credential = tokens.credential_of(raw_token)
    if credential is None:
        return None, None
    return credential, User.objects.filter(pk=credential.user_id).first()


@database_sync_to_async
def is_good(credential: tokens.Credential) -> bool:
    return bool(tokens.still_good([credential], now=datetime.now(UTC)))


@database_sync_to_async
def visible_ids(user: User, server_ids: list[int]) -> list[int]:
    possible = [server_id for server_id in server_ids if 0 < server_id < 2**63]
    return list(
        Server.objects.visible_to(user).filter(pk__in=possible).values_list("pk", flat=True)
    )


@database_sync_to_async
def states_of(server_ids: list[int]) -> dict[int, dict[str, object]]:
    unfinished = Action.objects.unfinished().filter(server__in=server_ids).select_related("server")
    actions = {action.server_id: action_of(action) for action in unfinished}
    servers = Server.objects.filter(pk__in=server_ids).select_related("last_sample")
    return {
        server.pk: {
            "type": "subscribed",
            "server": server.pk,
            "status": server.status,
            "status_since": server.status_since.isoformat(),
            "lock": server.lock,
            "action": actions.get(server.pk),
            "metrics": metrics_of(getattr(server, "last_sample", None)),
        }
        for server in servers
    }
