"""Claims: at most one cycle and one look of a cluster at a time, and one packer of samples,
whoever's message comes twice.

A claim is a conditional UPDATE and ends by itself, so that a killed worker blocks nothing for long.
That of a cycle is short, and renewed while Proxmox is waited for: another worker takes the cluster over
within an interval.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q

from monitoring.models import Packing
from servers.models import Cluster

logger = logging.getLogger(__name__)

CYCLE_LASTS = timedelta(seconds=15)
RENEWED_AFTER_SECONDS = 5.0
# A cluster waits no longer than this for its next cycle, whatever Proxmox answered.
LONGEST_PAUSE = timedelta(minutes=10)


def claim_cycle(cluster_id: int, *, now: datetime, interval: timedelta) -> str | None:
    """A claim on the cluster's cycle, None where it is held, too early or not polled at all.

    Too early is also half an interval after a good one began: two beats do not double the cycles.
    """
    claim, early = uuid4().hex, now - interval / 2
    won = (
        Cluster.objects.filter(pk=cluster_id, enabled=True)
        .filter(is_free("cycle_claimed_until", now, CYCLE_LASTS), is_due(now))
        .exclude(last_cycle_at__gt=early, last_cycle_at__lte=now, cycle_began_at__gt=early)
        .update(cycle_claim=claim, cycle_claimed_until=now + CYCLE_LASTS)
    )
    return claim if won else None


def is_free(field: str, now: datetime, lasts: timedelta) -> Q:
    """Not claimed, or no more. A claim that is longer than any was made before the clock was set back."""
    over = Q(**{f"{field}__lt": now}) | Q(**{f"{field}__gt": now + lasts})
    return Q(**{field: None}) | over


def is_due(now: datetime) -> Q:
    """Whether a cluster is to be polled, as to a pause that Proxmox's answer brought."""
    over = Q(next_cycle_at__lte=now) | Q(next_cycle_at__gt=now + LONGEST_PAUSE)
    return Q(next_cycle_at=None) | over


@contextmanager
def renewed(cluster_id: int, claim: str, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Keeps the claim on a cycle for as long as this lasts and this process lives."""
    over = threading.Event()
    renewing = threading.Thread(
        target=renew, args=(cluster_id, claim, over), kwargs={"clock": clock}, daemon=True
    )
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()


def renew(
    cluster_id: int, claim: str, over: threading.Event, *, clock: Callable[[], datetime]
) -> None:
    held = Cluster.objects.filter(pk=cluster_id, cycle_claim=claim)
    try:
        while not over.wait(RENEWED_AFTER_SECONDS):
            try:
                held.update(cycle_claimed_until=clock() + CYCLE_LASTS)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("A claim could not be renewed: %s", error)
                connection.close()  # the next one connects anew
    finally:
        connection.close()


def release_cycle(cluster_id: int, claim: str) -> None:
    """Nothing to do where the cycle ended as it should: that took the claim with it."""
    Cluster.objects.filter(pk=cluster_id, cycle_claim=claim).update(
        cycle_claim="", cycle_claimed_until=None
    )


def claim_look(cluster_id: int, *, now: datetime, lasts: timedelta) -> str | None:
    claim = uuid4().hex
    won = (
        Cluster.objects.filter(pk=cluster_id, enabled=True)
        .filter(is_free("look_claimed_until", now, lasts))
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
        .filter(is_free("claimed_until", now, lasts))
        .update(claim=claim, claimed_until=now + lasts)
    )
    return claim if won else None


def keep_packing(claim: str, *, now: datetime, lasts: timedelta) -> bool:
    """Still ours? In a transaction nobody else can take it until its end."""
    return bool(Packing.objects.filter(claim=claim).update(claimed_until=now + lasts))


def release_packing(claim: str) -> None:
    Packing.objects.filter(claim=claim).update(claim="", claimed_until=None)
