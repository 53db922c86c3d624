"""/health/live and /health/ready, for load balancers and for people who look why."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from alerts import backlog
from servers import sweep
from servers.models import Cluster

# Proxmox that is away ends an action within a minute: what waits longer has no worker.
STUCK_SECONDS = 120


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Database and Redis answer, and how old each cluster's last good cycle is.

    503 without a database, or without our tables in it: no page works then. Without Redis, without fresh cycles or
    under overload pages still do, so that is told as "degraded" with 200, and a load balancer sends nobody away for it.
    """
    database, clusters, waiting, untold = look_into_database()
    checks: dict[str, object] = {"database": database, "redis": redis_answers()}
    strained = any(cluster["stale"] or cluster["overload_level"] for cluster in clusters)
    if database != "ok":
        status = "unavailable"
    elif checks["redis"] != "ok" or strained or max(waiting, untold) > STUCK_SECONDS:
        status = "degraded"
    else:
        status = "ok"
    body = {
        "status": status, **checks, "cycles": clusters, "action_waits_seconds": waiting,
        "message_waits_seconds": untold,
    }  # fmt: skip
    return JsonResponse(body, status=503 if status == "unavailable" else 200)


def look_into_database() -> tuple[str, list[dict[str, object]], int, int]:
    """How it is, how old the cycles in it are, and for how long the oldest action and the oldest
    message wait."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable", [], 0, 0
    try:
        now = datetime.now(UTC)
        waits = (
            seconds_since(sweep.waiting_since(), now),
            seconds_since(backlog.waiting_since(now), now),
        )
        return "ok", cycle_ages(), *waits
    except DatabaseError:
        # It answers, but not with our tables: the migrations have not run.
        return "unusable", [], 0, 0


def seconds_since(oldest: datetime | None, now: datetime) -> int:
    return 0 if oldest is None else max(0, round((now - oldest).total_seconds()))


def redis_answers() -> str:
    try:
        with settings.REDIS.client(timeout=2) as client:
            client.ping()
    except (RedisError, OSError):
        return "unreachable"
    return "ok"


def cycle_ages() -> list[dict[str, object]]:
    """By number, not by name: this page needs no sign-in."""
    now = datetime.now(UTC)
    return [
        {
            "cluster": cluster.pk,
            "age_seconds": None
            if cluster.last_cycle_at is None
            else max(0, round((now - cluster.last_cycle_at).total_seconds())),
            "stale": cluster.is_stale(now),
            "overload_level": cluster.overload_level,
        }
        for cluster in Cluster.objects.filter(enabled=True).order_by("pk")
    ]
