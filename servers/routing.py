"""Websocket routes."""

from django.urls import path, re_path

from servers.consumers import LiveConsumer, NoSuchSocket

websocket_urlpatterns = [
    path("ws/", LiveConsumer.as_asgi()),
    re_path("", NoSuchSocket.as_asgi()),
]
