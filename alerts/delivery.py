"""Delivering notifications: claimed, sent, and sent again until it works or makes no sense.

A worker that dies between somebody's yes and our note of it sends one message twice; none is lost.
Both bear the same Message-ID, or event id, by which it can be told that they are one.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import audit
from accounts.audit import Actor
from alerts import destinations, failings, sending
from alerts.channels import CHANNELS, MAIL
from alerts.channels.base import Hopeless, Postponed, Refused, printable
from alerts.models import DeliveryAttempt, Notification
from servers import meter
from servers.queue import enqueue

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Status = Notification.Status
Kind = Notification.Kind
Outcome = DeliveryAttempt.Outcome

# Longer than any channel's deadline.
CLAIM_LASTS = timedelta(minutes=5)
# After the first attempt, the second and so on; then hourly, for a day in all.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
MOST_ATTEMPTS = 27
# Beyond these, a clock that was set back left a time behind that nobody ever meant.
LONGEST_CLAIM = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=2)
# A message that is on its way is given this long before another one is sent.
PATIENCE = timedelta(seconds=10)
# So many talk to our mail server at once, and so many to receivers of other people's, of whom each
# has one: those who answer slowly keep the others of their kind waiting, and nobody else.
MAILS_AT_ONCE = 4
OTHERS_AT_ONCE = 4
SWEPT_AT_ONCE = 500
LOOKED_THROUGH = 5000
SWEPT_OF_A_PERSON = 5
KEPT_FOR = timedelta(days=90)
EXPIRES = timedelta(seconds=60)
FIRST_LOST = failings.FIRST_LOST

DELIVERIES = meter.Counter(
    "panel_deliveries",
    "Attempts to get a message through, and how they ended.",
    ("channel", "outcome"),
)


def deliver(notification_id: int, *, clock: Clock) -> None:
    """Sends it, unless it is over, not due yet, not its turn or in somebody else's hands."""
    notification = claim(notification_id, now=clock())
    if notification is None:
        return
    attempt = DeliveryAttempt(notification=notification, began_at=clock())
    try:
        check(notification)
        answer = sending.send(notification, now=clock())
    except Refused as error:
        refuse(attempt, str(error), now=clock())
    except Hopeless as error:
        give_up(attempt, str(error), now=clock())
    except Postponed as error:
        postpone(attempt, str(error), now=clock(), wait=error.wait)
    except OSError as error:  # no connection, or one that broke
        postpone(attempt, printable(str(error)) or type(error).__name__, now=clock())
    else:
        mark_sent(attempt, answer, now=clock())
    wake(notification, now=clock())


def check(notification: Notification) -> None:
    if notification.attempts > MOST_ATTEMPTS:
        raise Hopeless(failings.ENDS_WORKERS)
    if notification.after is not None and notification.after.status == Status.GIVEN_UP:
        raise Hopeless(FIRST_LOST)


# Claiming


def claim(notification_id: int, *, now: datetime) -> Notification | None:
    waiting = Notification.objects.select_related("after").filter(pk=notification_id).first()
    if waiting is None or is_held(waiting) or not has_turn(waiting, now):
        return None
    won = (
        due(now)
        .filter(pk=notification_id)
        .update(
            status=Status.SENDING,
            claim=uuid4().hex,
            claimed_until=now + CLAIM_LASTS,
            attempts=F("attempts") + 1,
        )
    )
    if not won:
        return None
    return Notification.objects.select_related(
        "recipient", "channel__owner", "after", "incident"
    ).get(pk=notification_id)


def is_held(notification: Notification) -> bool:
    """The one that it follows upon is still under way."""
    return notification.after is not None and notification.after.next_attempt_at is not None


def has_turn(notification: Notification, now: datetime) -> bool:
    """Of two that ask at once both may have it: this bounds what waits, and counts nothing."""
    # What is over has no next attempt; by that the database finds the few that are not.
    others = Notification.objects.filter(
        next_attempt_at__isnull=False,
        status=Status.SENDING,
        claimed_until__gt=now,
        claimed_until__lte=now + LONGEST_CLAIM,
    ).exclude(pk=notification.pk)
    if notification.channel_kind == MAIL:
        return others.filter(channel_kind=MAIL).count() < MAILS_AT_ONCE
    senders = others.exclude(channel_kind=MAIL).values_list("recipient_id", flat=True)
    people = list(senders[:OTHERS_AT_ONCE])
    return len(people) < OTHERS_AT_ONCE and notification.recipient_id not in people


def due(now: datetime) -> QuerySet[Notification]:
    """Those to be sent now that nobody is at."""
    free = (
        Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + LONGEST_CLAIM)
    )
    its_turn = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + LONGEST_WAIT)
    return Notification.objects.filter(free, its_turn)


# The end of an attempt. Whoever lost the claim meanwhile changes nothing.


def mark_sent(attempt: DeliveryAttempt, answer: str, *, now: datetime) -> bool:
    changes = {"status": Status.SENT, "sent_at": now, "next_attempt_at": None, "error": ""}
    return end(attempt, Outcome.SENT, answer, changes, now=now)


def refuse(attempt: DeliveryAttempt, why: str, *, now: datetime) -> bool:
    """Nothing will ever get through there; of a test that is what it was for."""
    with transaction.atomic():
        if not give_up(attempt, why, now=now):
            return False
        shut(attempt.notification, why, now=now)
    return True


def give_up(attempt: DeliveryAttempt, why: str, *, now: datetime) -> bool:
    logger.warning("Notification %s is given up: %s", attempt.notification_id, why)
    changes = {"status": Status.GIVEN_UP, "next_attempt_at": None, "error": why[:255]}
    return end(attempt, Outcome.REFUSED, why, changes, now=now)


def postpone(
    attempt: DeliveryAttempt, why: str, *, now: datetime, wait: timedelta | None = None
) -> bool:
    notification = attempt.notification
    if notification.kind == Kind.TEST:
        return give_up(attempt, why, now=now)
    if notification.attempts >= MOST_ATTEMPTS:
        return abandon(attempt, why, now=now)
    usual = WAITS[min(notification.attempts, len(WAITS)) - 1]
    again_at = now + max(usual, wait or usual)
    changes = {"status": Status.FAILED, "next_attempt_at": again_at, "error": why[:255]}
    return end(attempt, Outcome.FAILED, why, changes, now=now)


def abandon(attempt: DeliveryAttempt, why: str, *, now: datetime) -> bool:
    """A day is over."""
    if CHANNELS[attempt.notification.channel_kind].ends_with_the_day:
        return refuse(attempt, failings.NOTHING_FOR_A_DAY % {"why": why}, now=now)
    return give_up(attempt, why, now=now)


def shut(notification: Notification, why: str, *, now: datetime) -> None:
    if notification.kind == Kind.TEST or notification.recipient is None:
        return
    channel = notification.channel or destinations.own_mail(notification.recipient, now)
    destinations.fail(channel, why, now=now)


def end(
    attempt: DeliveryAttempt,
    outcome: str,
    said: str,
    changes: Mapping[str, object],
    *,
    now: datetime,
) -> bool:
    """With what was said in the log, and the claim taken off."""
    attempt.outcome, attempt.answer, attempt.ended_at = outcome, said[:255], now
    mine = Notification.objects.filter(
        pk=attempt.notification_id, claim=attempt.notification.claim
    )
    with transaction.atomic():
        if not mine.update(claim="", claimed_until=None, answer=attempt.answer, **changes):
            return False
        attempt.save()
    DELIVERIES.add(attempt.notification.channel_kind, outcome)
    return True


def resend(notification: Notification, *, actor: Actor, now: datetime) -> bool:
    """Once more what was sent or given up, at the wish of staff. False where it is under way."""
    over = Notification.objects.filter(pk=notification.pk, next_attempt_at=None)
    with transaction.atomic():
        if not over.update(
            status=Status.PENDING, next_attempt_at=now, attempts=0, after=None, sent_at=None,
            error="", answer="",
        ):  # fmt: skip
            return False
        audit.record(
            "notification.resent",
            actor=actor,
            now=now,
            object_type="notification",
            object_id=notification.pk,
        )
        enqueue("alerts.deliver", notification_id=notification.pk)
    return True


# What waits


def wake(notification: Notification, *, now: datetime) -> None:
    """Whoever follows upon this one, and whoever found no turn while it was being sent."""
    waiting = ready(now)
    if notification.channel_kind == MAIL:
        next_ones = waiting.filter(channel_kind=MAIL)
    else:
        next_ones = waiting.exclude(channel_kind=MAIL)
    ids = [*waiting.filter(after=notification).values_list("pk", flat=True)[:SWEPT_AT_ONCE]]
    ids += next_ones.order_by("next_attempt_at", "id").values_list("pk", flat=True)[:1]
    for notification_id in dict.fromkeys(ids):
        enqueue("alerts.deliver", expires=EXPIRES, notification_id=notification_id)


def ready(now: datetime) -> QuerySet[Notification]:
    """Due, and not held by the one that it follows upon."""
    return due(now).exclude(after__next_attempt_at__isnull=False)


def sweep(now: datetime) -> None:
    """Sends a message for what is due: an attempt to repeat, or what a dead worker, or a broker
    that forgot, left behind. Those that wait longest come first, a few of each person's own
    receivers."""
    waiting = ready(now).exclude(
        status=Status.PENDING, next_attempt_at__gt=now - PATIENCE, next_attempt_at__lte=now
    )
    rows = waiting.order_by("next_attempt_at", "id")
    taken: Counter[int | None] = Counter()
    sent = 0
    for pk, kind, person in rows.values_list("pk", "channel_kind", "recipient_id")[
        :LOOKED_THROUGH
    ]:
        if kind != MAIL:
            taken[person] += 1
            if taken[person] > SWEPT_OF_A_PERSON:
                continue
        enqueue("alerts.deliver", expires=EXPIRES, notification_id=pk)
        sent += 1
        if sent == SWEPT_AT_ONCE:
            break


def forget(now: datetime) -> int:
    """Removes what was told, or given up, long ago."""
    over = (Status.SENT, Status.GIVEN_UP)
    old = Notification.objects.filter(status__in=over, created_at__lt=now - KEPT_FOR)
    _, deleted = old.delete()
    return deleted.get("alerts.Notification", 0)
