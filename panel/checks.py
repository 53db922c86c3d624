"""What `manage.py check --deploy` says beside Django's own."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

PROXY_WORDS = (
    "PANEL_URL is https, but TRUSTED_PROXIES is 0: no request counts as HTTPS then, "
    "and each is redirected to itself without end."
)
PROXY_REMEDY = (
    "The web server speaks plain HTTP. Set TRUSTED_PROXIES to the number of your proxies before "
    "it; they have to set X-Forwarded-Proto and X-Forwarded-For."
)


def lacks_proxy() -> bool:
    return bool(settings.HTTPS and not settings.TRUSTED_PROXIES)


def https_needs_a_proxy(
    *, app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    return [Error(PROXY_WORDS, hint=PROXY_REMEDY, id="panel.E001")] if lacks_proxy() else []
