"""Who may open a websocket."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.security.websocket import AllowedHostsOriginValidator

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def origin_checked(application: Any) -> Application:
    """A browser's Origin must be one of ours. Whoever sends none is no browser, and gets no good
    from cookies: such a client signs in by token."""
    checked = AllowedHostsOriginValidator(application)

    async def route(scope: Any, receive: Any, send: Any) -> None:
        headers = scope.get("headers", [])
        if any(name == b"origin" for name, _ in headers):
            await checked(scope, receive, send)
        else:
            bare = [(name, value) for name, value in headers if name != b"cookie"]
            await application({**scope, "headers": bare}, receive, send)

    return route
