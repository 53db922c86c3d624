"""Claims: at most one cycle and one look of a cluster at a time, and one packer of samples,
whoever's message comes twice.

A claim is a conditional UPDATE and ends by itself, so that a killed worker blocks nothing for long.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db.models import Q

from monitoring.models import Packing
from servers.models import Cluster


def claim_cycle(
    cluster_id: int, *, now: datetime, lasts: timedelta, interval: timedelta
) -> str | None:
    """A claim on the cluster's cycle, None where it is held, too early or not polled at all.

    Too early is also half an interval after a good one began: two beats do not double the cycles.
    """
    claim, early = uuid4().hex, now - interval / 2
    won = (
        Cluster.objects.filter(pk=cluster_id, enabled=True)
        .filter(Q(cycle_claimed_until=None) | Q(cycle_claimed_until__lt=now))
        .filter(Q(next_cycle_at=None) | Q(next_cycle_at__lte=now))
        .exclude(last_cycle_at__gt=early, last_cycle_at__lte=now, cycle_began_at__gt=early)
        .update(cycle_claim=claim, cycle_claimed_until=now + lasts)
    )
    return claim if won else None


def release_cycle(cluster_id: int, claim: str) -> None:
    """Nothing to do where the cycle ended as it should: that took the claim with it."""
    Cluster.objects.filter(pk=cluster_id, cycle_claim=claim).update(
        cycle_claim="", cycle_claimed_until=None
    )


def claim_look(cluster_id: int, *, now: datetime, lasts: timedelta) -> str | None:
    claim = uuid4().hex
    won = (
        Cluster.objects.filter(pk=cluster_id, enabled=True)
        .filter(Q(look_claimed_until=None) | Q(look_claimed_until__lt=now))
        .update(look_claim=claim, look_claimed_until=now + lasts)
    )
    return claim if won else None


def release_look(cluster_id: int, claim: str) -> None:
    Cluster.objects.filter(pk=cluster_id, look_claim=claim).update(
        look_claim="", look_claimed_until=None
    )


def claim_packing(*, now: datetime, lasts: timedelta) -> str | None:
    row, _made = Packing.objects.get_or_create(pk=1)
    claim = uuid4().hex
    won = (
        Packing.objects.filter(pk=row.pk)
        .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
        .update(claim=claim, claimed_until=now + lasts)
    )
    return claim if won else None


def keep_packing(claim: str, *, now: datetime, lasts: timedelta) -> bool:
    """Still ours? In a transaction nobody else can take it until its end."""
    return bool(Packing.objects.filter(claim=claim).update(claimed_until=now + lasts))


def release_packing(claim: str) -> None:
    Packing.objects.filter(claim=claim).update(claim="", claimed_until=None)
