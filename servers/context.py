"""What stands over pages: data that is not fresh, and who asks for a console."""

from datetime import UTC, datetime
from functools import cache

from django.http import HttpRequest

from accounts.models import User
from servers import console_requests
from servers.models import Cluster

MOST_ASKED = 10


def staleness(request: HttpRequest) -> dict[str, object]:
    """The banner over a page: since when the numbers of some servers stand still.

    Customers are not told of clusters: it counts where one of their servers is concerned.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    clusters = Cluster.objects.filter(enabled=True)
    if not user.is_staff:
        clusters = clusters.filter(servers__owner=user, servers__present=True).distinct()
    now = datetime.now(UTC)
    stale = [cluster for cluster in clusters if cluster.is_stale(now)]
    since = min((c.last_cycle_at for c in stale if c.last_cycle_at), default=None)
    return {"stale_clusters": stale, "stale_since": since}


def asked_consoles(request: HttpRequest) -> dict[str, object]:
    """What waits for the word of whoever is signed in; asked only by pages that show it."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {}
    waiting = console_requests.waiting_for(user, now=datetime.now(UTC))
    return {"console_requests": cache(lambda: list(waiting[:MOST_ASKED]))}
