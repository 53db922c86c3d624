"""What should have been told by now and is not: for staff, and for whoever watches the panel."""

from datetime import datetime, timedelta

from django.db.models import Min, Q, QuerySet

from alerts.models import Alert, Incident, Notification

Status = Notification.Status
# With workers it takes seconds.
WAITS_TOO_LONG = timedelta(minutes=2)
# What was given up longer ago is no news.
LATELY = timedelta(days=3)


def waiting_since(now: datetime) -> datetime | None:
    """Since when the oldest waits of what is due: to be decided, or to be sent. None: nothing.

    With workers that is seconds. What a mail server put off is not due.
    """
    oldest = [
        Alert.objects.filter(tell_at__lte=now).aggregate(at=Min("tell_at"))["at"],
        Incident.objects.filter(tell_at__lte=now).aggregate(at=Min("tell_at"))["at"],
        Notification.objects.filter(next_attempt_at__lte=now, status=Status.PENDING).aggregate(
            at=Min("next_attempt_at")
        )["at"],
    ]
    return min((at for at in oldest if at is not None), default=None)


def undelivered(found: QuerySet[Notification], now: datetime) -> QuerySet[Notification]:
    """Those of a list that did not get through so far, were given up lately, or wait for nobody."""
    waits = Q(status=Status.PENDING, next_attempt_at__lt=now - WAITS_TOO_LONG)
    given_up = Q(status=Status.GIVEN_UP, created_at__gte=now - LATELY)
    return found.filter(Q(status=Status.FAILED) | waits | given_up)


def put_off() -> tuple[int, str]:
    """How many messages did not get through so far, and what was answered to the latest."""
    failing = Notification.objects.filter(status=Status.FAILED)
    latest = failing.order_by("-next_attempt_at").values_list("error", flat=True).first()
    return failing.count(), latest or ""
