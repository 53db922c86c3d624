"""What a dead worker or a broker that forgot left behind: sent again, or ended.

The row is the truth and a message only wakes somebody up, so a message too many does nothing.
"""

from datetime import datetime, timedelta

from django.db.models import Min, Q

from servers import actions, steps, turns
from servers.actions import LONGEST_CLAIM, LONGEST_WAIT
from servers.dispatch import SEND_WITHIN, since
from servers.models import Action, Cluster
from servers.queue import enqueue

# A message that is on its way is given this long before another one is sent.
PATIENCE = timedelta(seconds=5)
EXPIRES = timedelta(seconds=10)


def sweep(now: datetime) -> None:
    send_again(now)
    follow_again(now)
    for cluster_id in queued_clusters():
        turns.wake_next(cluster_id)


def queued_clusters() -> list[int]:
    queued = Action.objects.unfinished().filter(is_queued=True, sent_at=None)
    return list(queued.order_by().values_list("server__cluster_id", flat=True).distinct())


def send_again(now: datetime) -> None:
    free = (
        Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + LONGEST_CLAIM)
    )
    due = (
        Q(next_look_at=None)
        | Q(next_look_at__lt=now - PATIENCE)
        | Q(next_look_at__gt=now + LONGEST_WAIT)
    )
    waiting = Action.objects.unfinished().filter(free, due, sent_at=None)
    for action in waiting.exclude(requested_at__gt=now - PATIENCE, requested_at__lte=now):
        if action.is_queued and now < action.deadline:
            continue
        if action.step in steps.SYNCHRONOUS:
            # Its password went with the message that was lost.
            if now - since(action) >= SEND_WITHIN:
                message = "The password was lost on its way. Nothing was changed."
                actions.fail(action, "secret_lost", message, now=now, unsent=True)
        elif now >= action.deadline:
            done = "What comes before it was done" if action.steps else "Nothing was done"
            code = "never_sent_midway" if action.steps else "never_sent"
            message = f"{done}: the panel did not get to it in time."
            actions.fail(action, code, message, now=now, unsent=True)
        else:
            enqueue("servers.run_action", expires=EXPIRES, action_id=action.pk)


def follow_again(now: datetime) -> None:
    """Clusters with something to follow where no pass has been for a while."""
    following = set(
        Action.objects.unfinished()
        .filter(sent_at__isnull=False)
        .values_list("server__cluster_id", flat=True)
    )
    recent = Q(follow_next_at__gt=now - PATIENCE, follow_next_at__lt=now + LONGEST_WAIT)
    for cluster_id in (
        Cluster.objects.filter(pk__in=following).exclude(recent).values_list("pk", flat=True)
    ):
        enqueue("servers.follow_actions", expires=EXPIRES, cluster_id=cluster_id)


def waiting_since() -> datetime | None:
    """When the oldest action was asked for that nobody has sent yet."""
    waiting = Action.objects.unfinished().filter(sent_at=None, is_queued=False, steps=[])
    oldest: datetime | None = waiting.aggregate(oldest=Min("requested_at"))["oldest"]
    return oldest
