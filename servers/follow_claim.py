"""One pass over a cluster's actions at a time: who makes it, and when the next one is due."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db.models import Q

from servers.actions import LONGEST_CLAIM, LONGEST_WAIT
from servers.models import Cluster
from servers.queue import enqueue

INTERVAL = timedelta(seconds=1)
CLAIM_LASTS = timedelta(seconds=60)


def take(cluster_id: int, *, now: datetime) -> str | None:
    claim = uuid4().hex
    free = Q(follow_claimed_until=None) | Q(follow_claimed_until__lt=now)
    due = Q(follow_next_at=None) | Q(follow_next_at__lte=now)
    won = (
        Cluster.objects.filter(pk=cluster_id)
        .filter(free | Q(follow_claimed_until__gt=now + LONGEST_CLAIM))
        .filter(due | Q(follow_next_at__gt=now + LONGEST_WAIT))
        .update(follow_claim=claim, follow_claimed_until=now + CLAIM_LASTS)
    )
    return claim if won else None


def release(cluster_id: int, claim: str, *, now: datetime, pause: timedelta | None) -> None:
    """The next pass is due after half the pause, so that a message that comes early counts.

    Without a pause nothing runs any more.
    """
    due = now + (pause or INTERVAL) / 2
    released = Cluster.objects.filter(pk=cluster_id, follow_claim=claim).update(
        follow_claim="", follow_claimed_until=None, follow_next_at=due
    )
    if released and pause is not None:
        enqueue(
            "servers.follow_actions",
            delay=pause,
            expires=timedelta(seconds=30),
            cluster_id=cluster_id,
        )
