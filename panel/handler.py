"""How a request gets from the ASGI server to Django: once, into one of a few lasting threads."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# Asked by machines, the latter about what may be hanging: neither is to wait for others, nor they for it.
APART = ("/health/live", "/health/ready")


class ThreadedHandler(ASGIHandler):
    """All of the panel's middleware and views are sync. Django's own handler starts a thread for such
    a request and goes there and back once for each half of each middleware; the thread's connection
    to the database ends with it. Here the threads stay, and so do their connections.

    More requests than `threads` wait for their turn, first come, first served; who leaves meanwhile
    is passed over.
    """

    def __init__(self, threads: int) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self.apart = {path: ThreadPoolExecutor(1, thread_name_prefix=path) for path in APART}
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        pool = self.apart.get(scope["path"], self.threads)
        answer = sync_to_async(self.answer, thread_sensitive=False, executor=pool)
        leaving = asyncio.create_task(left(receive))
        try:
            response = await answer(scope, body, leaving)
            if response is None:
                return
            if response.streaming:
                await self.stream(response, send, leaving)
            else:
                await self.send_response(response, send)
        finally:
            leaving.cancel()

    def answer(
        self, scope: Scope, body: IO[bytes], leaving: "asyncio.Task[None]"
    ) -> HttpResponseBase | None:
        """From begin to end in one thread: by these signals Django looks after its connections.

        None where nobody waits for it any more.
        """
        with closing(body):
            if leaving.done():
                return None
            set_script_prefix(get_script_prefix(scope))
            signals.request_started.send(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            response: HttpResponseBase = refusal or self.get_response(request)  # type: ignore[arg-type]
        response._handler_class = self.__class__  # type: ignore[attr-defined]
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming and not leaving.done():
            return response
        response.close()
        return None if response.streaming else response

    async def stream(
        self, response: HttpResponseBase, send: Send, leaving: "asyncio.Task[None]"
    ) -> None:
        """Until all is sent or nobody listens. What it reads is read in a thread of its own, as it may
        take minutes."""
        async with ThreadSensitiveContext():
            sending = asyncio.create_task(self.send_response(response, send))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                is_cut = sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                try:
                    await sync_to_async(response.close)()
                finally:
                    await sync_to_async(connections.close_all)()
        if not is_cut:
            sending.result()


async def left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
