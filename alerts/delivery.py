"""Sending notifications: claimed, sent, and sent again until it works or makes no sense.

A worker that dies between the mail server's yes and our note of it sends one mail twice; none is
lost. Both bear the same Message-ID, by which mail programs tell that they are one.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q, QuerySet

from alerts.models import Notification
from servers.queue import enqueue

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Status = Notification.Status

# Longer than the whole talk with a mail server, where each answer may take EMAIL_TIMEOUT.
CLAIM_LASTS = timedelta(minutes=5)
# After the first attempt, the second and so on; then hourly, for a day in all.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
MOST_ATTEMPTS = 27
# Beyond these, a clock that was set back left a time behind that nobody ever meant.
LONGEST_CLAIM = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=2)
# A message that is on its way is given this long before another one is sent.
PATIENCE = timedelta(seconds=10)
SWEPT_AT_ONCE = 500
KEPT_FOR = timedelta(days=90)
EXPIRES = timedelta(seconds=60)


class Hopeless(Exception):
    """It will not get through, however often it is sent."""


def deliver(notification_id: int, *, clock: Clock) -> None:
    """Sends it, unless it is over, not due yet or in somebody else's hands."""
    notification = claim(notification_id, now=clock())
    if notification is None:
        return
    try:
        if notification.attempts > MOST_ATTEMPTS:
            raise Hopeless("It ended each worker that sent it.")
        send(notification)
    except Hopeless as error:
        give_up(notification, str(error))
    except OSError as error:  # of smtplib's too: no connection, and every no of the mail server
        postpone(notification, describe(error), now=clock())
    else:
        mark_sent(notification, now=clock())


def send(notification: Notification) -> None:
    """Raises Hopeless, or OSError where it may work another time."""
    recipient = notification.recipient
    if recipient is None or not recipient.is_active:
        raise Hopeless("This person has no access any more.")
    try:
        sent = message_of(notification).send()
    except SMTPRecipientsRefused as error:
        raise refused(error) from error
    except OSError:  # before ValueError, as a bad certificate is both
        raise
    except ValueError as error:
        raise Hopeless(f"No mail can be made of it: {error}") from error
    if not sent:
        raise Hopeless("There is no address.")


def refused(error: SMTPRecipientsRefused) -> Exception:
    """5xx is the mail server's last word (RFC 5321, 4.2.1), all others are for now."""
    answers = list(error.recipients.values())
    if answers and all(500 <= code < 600 for code, _ in answers):
        return Hopeless(describe(error))
    return error


def message_of(notification: Notification) -> EmailMessage:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    written = int(notification.created_at.timestamp())
    return EmailMessage(
        notification.subject,
        notification.body,
        settings.DEFAULT_FROM_EMAIL,
        [notification.address],
        headers={
            "Message-ID": f"<notification.{notification.pk}.{written}@{domain}>",
            # No out-of-office notes, please (RFC 3834).
            "Auto-Submitted": "auto-generated",
        },
    )


def describe(error: OSError) -> str:
    """The mail server's words where it said some."""
    if isinstance(error, SMTPRecipientsRefused):
        answers = [f"{code} {text_of(said)}" for code, said in error.recipients.values()]
        return "; ".join(answers)
    if isinstance(error, SMTPResponseException):
        return f"{error.smtp_code} {text_of(error.smtp_error)}"
    return text_of(str(error)) or type(error).__name__


def text_of(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


# State changes. Whoever lost the claim meanwhile changes nothing.


def claim(notification_id: int, *, now: datetime) -> Notification | None:
    name = uuid4().hex
    won = (
        due(now)
        .filter(pk=notification_id)
        .update(
            status=Status.SENDING,
            claim=name,
            claimed_until=now + CLAIM_LASTS,
            attempts=F("attempts") + 1,
        )
    )
    if not won:
        return None
    return Notification.objects.select_related("recipient").get(pk=notification_id)


def due(now: datetime) -> QuerySet[Notification]:
    """Those to be sent now that nobody is at."""
    free = (
        Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + LONGEST_CLAIM)
    )
    its_turn = Q(next_attempt_at__lte=now) | Q(next_attempt_at__gt=now + LONGEST_WAIT)
    return Notification.objects.filter(free, its_turn)


def mark_sent(notification: Notification, *, now: datetime) -> bool:
    return end(notification, status=Status.SENT, sent_at=now, next_attempt_at=None, error="")


def give_up(notification: Notification, error: str) -> bool:
    logger.warning("Notification %s is given up: %s", notification.pk, error)
    return end(notification, status=Status.GIVEN_UP, next_attempt_at=None, error=error[:255])


def postpone(notification: Notification, error: str, *, now: datetime) -> bool:
    if notification.attempts >= MOST_ATTEMPTS:
        return give_up(notification, error)
    wait = WAITS[min(notification.attempts, len(WAITS)) - 1]
    return end(notification, status=Status.FAILED, next_attempt_at=now + wait, error=error[:255])


def end(notification: Notification, **changes: object) -> bool:
    """The end of an attempt, and of the claim with it."""
    return bool(
        Notification.objects.filter(pk=notification.pk, claim=notification.claim).update(
            claim="", claimed_until=None, **changes
        )
    )


def sweep(now: datetime) -> None:
    """Sends a message for what is due: an attempt to repeat, or what a dead worker, or a broker
    that forgot, left behind. Those that wait longest come first."""
    waiting = due(now).exclude(
        status=Status.PENDING, next_attempt_at__gt=now - PATIENCE, next_attempt_at__lte=now
    )
    ids = waiting.order_by("next_attempt_at", "id").values_list("pk", flat=True)
    for notification_id in ids[:SWEPT_AT_ONCE]:
        enqueue("alerts.deliver", expires=EXPIRES, notification_id=notification_id)


def forget(now: datetime) -> int:
    """Removes what was told, or given up, long ago."""
    over = (Status.SENT, Status.GIVEN_UP)
    old = Notification.objects.filter(status__in=over, created_at__lt=now - KEPT_FOR)
    deleted, _ = old.delete()
    return deleted
