"""How much of the API one person may use, told in each answer's headers as Hetzner Cloud does."""

import functools
import logging
from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.address import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module

logger = logging.getLogger(__name__)

HOUR = 3600


class ApiRate(BaseThrottle):
    """So many requests an hour: of a person, or of an address that has not signed in.

    Counted in Redis. Without it nobody is held up: a limit is no reason to be down.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        window = int(time()) // HOUR
        self.reset = (window + 1) * HOUR
        limit: int = settings.API_RATE_LIMIT
        try:
            used = self.count(f"rate:{self.who(request)}:{window}")
        except (RedisError, OSError) as error:
            logger.warning("Requests are not counted, Redis is away: %s", error)
            return True
        request._request.rate_limit = (limit, max(0, limit - used), self.reset)  # type: ignore[attr-defined]
        return used <= limit

    def wait(self) -> float:
        return max(1.0, self.reset - time())

    def who(self, request: Request) -> str:
        if request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{client_address(request._request)}"

    def count(self, key: str) -> int:
        counts = counting()
        try:
            return int(counts.incr(key))
        except ValueError:
            # The first one of this hour, or Redis lost the key: it was restarted, or needed the room.
            counts.set(key, 1, 2 * HOUR)
            return 1


@functools.cache
def counting() -> BaseCache:
    """One for the process: Django's own `cache` connects anew for each request under ASGI, which costs
    more than all that is asked of it."""
    return caches.create_connection("default")


def rate_limit_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: what is left, on every answer that was counted."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        counted = getattr(request, "rate_limit", None)
        if counted is not None:
            limit, remaining, reset = counted
            response["RateLimit-Limit"] = str(limit)
            response["RateLimit-Remaining"] = str(remaining)
            response["RateLimit-Reset"] = str(reset)
        return response

    return answer
