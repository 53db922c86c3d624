"""The ASGI application: pages and API over HTTP, live updates over a websocket."""

import gc
import os

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402 — needs the app registry
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.db import connections  # noqa: E402

from panel.handler import ThreadedHandler  # noqa: E402
from panel.origin import origin_checked  # noqa: E402
from servers.routing import websocket_urlpatterns  # noqa: E402

# A kept connection whose other end has vanished is found out by waiting. Workers and migrations have
# statements that may take longer; no page has.
for database in connections.settings.values():
    if database["ENGINE"].endswith("mysql"):
        patience = {"connect_timeout": 5, "read_timeout": 20, "write_timeout": 20}
        database["OPTIONS"] = {**patience, **database["OPTIONS"]}

application = ProtocolTypeRouter(
    {
        "http": ThreadedHandler(settings.WEB_THREADS),
        "websocket": origin_checked(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)

# What is loaded by now stays: looking through it for reference cycles again and again finds none.
gc.collect()
gc.freeze()
