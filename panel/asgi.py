"""The ASGI application: pages and API over HTTP, live updates over a websocket."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 — needs the app registry
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from panel.origin import origin_checked  # noqa: E402
from servers.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": origin_checked(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
