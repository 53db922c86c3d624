"""Websocket routes."""

from typing import Any

from django.urls import path, re_path

from servers.console_relay import ConsoleConsumer
from servers.consumers import LiveConsumer, NoSuchSocket

# The stubs know no websocket consumers in django.urls.path.
live: Any = LiveConsumer.as_asgi()
console: Any = ConsoleConsumer.as_asgi()
nowhere: Any = NoSuchSocket.as_asgi()

websocket_urlpatterns: list[Any] = [
    path("ws/", live),
    path("ws/console/", console),
    re_path("", nowhere),
]
