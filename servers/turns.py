"""Heavy steps take turns: so many of a cluster at a time, the others wait, oldest first."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import transaction

from servers import actions, inventory, steps
from servers.models import Action


def at_work(cluster_id: int) -> int:
    """How many have been sent and are not over."""
    return (
        Action.objects.unfinished()
        .filter(server__cluster_id=cluster_id, step__in=steps.IN_TURN, sent_at__isnull=False)
        .count()
    )


def is_ours(action: Action) -> bool:
    """Whether there is a place; before anything is asked of Proxmox."""
    return at_work(action.server.cluster_id) < settings.SNAPSHOTS_AT_ONCE


def take(action: Action, mark_sent: Callable[[], bool]) -> bool:
    """Marks it as sent if there still is a place: exactly, as the cluster's row is locked."""
    with transaction.atomic():
        inventory.lock(action.server.cluster_id)
        if is_ours(action):
            return mark_sent()
    queue(action)
    return False


def queue(action: Action) -> None:
    """It waits, and that is seen; whoever ends wakes it."""
    with transaction.atomic():
        waits = Action.objects.unfinished().filter(pk=action.pk, claim=action.claim, sent_at=None)
        was_waiting = action.is_queued
        if waits.update(is_queued=True, claim="", claimed_until=None) and not was_waiting:
            action.is_queued = True
            actions.publish(action)


def note(action: Action, *, now: datetime) -> None:
    """Its turn has come: from now on it is tried for as long as any other."""
    if action.step in steps.IN_TURN and action.turn_at is None:
        Action.objects.filter(pk=action.pk, turn_at=None).update(turn_at=now)
        action.turn_at = now


def wake_next(cluster_id: int) -> None:
    """Those who waited longest get the places that are free."""
    free = settings.SNAPSHOTS_AT_ONCE - at_work(cluster_id)
    if free <= 0:
        return
    waiting = Action.objects.unfinished().filter(
        server__cluster_id=cluster_id, is_queued=True, sent_at=None
    )
    for action in waiting.order_by("requested_at", "pk")[:free]:
        actions.wake(action)
