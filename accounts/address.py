"""The address a request really came from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The client's address as our own proxies saw it, None where it cannot be told.

    X-Forwarded-For is a list to which each proxy appends; everything before what our own
    TRUSTED_PROXIES proxies appended may be made up by the client, so it is counted from the end.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    trusted = settings.TRUSTED_PROXIES
    candidate = hops[-trusted] if trusted and len(hops) >= trusted else peer
    try:
        return str(ip_address(candidate))
    except ValueError:
        return None
