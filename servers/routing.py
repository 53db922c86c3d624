"""Websocket routes."""

from typing import Any

from django.urls import path, re_path

from servers.consumers import LiveConsumer, NoSuchSocket

# The stubs know no websocket consumers in django.urls.path.
live: Any = LiveConsumer.as_asgi()
nowhere: Any = NoSuchSocket.as_asgi()

websocket_urlpatterns: list[Any] = [path("ws/", live), re_path("", nowhere)]
