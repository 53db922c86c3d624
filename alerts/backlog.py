"""What should have been told by now and is not: for staff, and for whoever watches the panel."""

from datetime import datetime

from django.db.models import Min

from alerts.models import Alert, Incident, Notification

Status = Notification.Status


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


def put_off() -> tuple[int, str]:
    """How many messages did not get through so far, and what was answered to the latest."""
    failing = Notification.objects.filter(status=Status.FAILED)
    latest = failing.order_by("-next_attempt_at").values_list("error", flat=True).first()
    return failing.count(), latest or ""
