"""Tasks about telling people."""

from datetime import UTC, datetime

from celery import shared_task

from alerts import console_letters, delivery, digests, housekeeping, telling


def clock() -> datetime:
    return datetime.now(UTC)


@shared_task(name="alerts.deliver")
def deliver(*, notification_id: int, **_: object) -> None:
    delivery.deliver(notification_id, clock=clock)


@shared_task(name="alerts.tell_console_request")
def tell_console_request(*, request_id: int, **_: object) -> None:
    console_letters.tell(request_id, now=clock())


@shared_task(name="alerts.tell")
def tell(**_: object) -> None:
    telling.tell_due(clock)
    digests.tell_due(clock)


@shared_task(name="alerts.forget")
def forget(**_: object) -> None:
    housekeeping.end_ruleless(clock())
    housekeeping.end_left_behind(clock())
    housekeeping.forget(clock())


@shared_task(name="alerts.sweep_notifications")
def sweep_notifications(**_: object) -> None:
    delivery.sweep(clock())


@shared_task(name="alerts.forget_notifications")
def forget_notifications(**_: object) -> None:
    delivery.forget(clock())
