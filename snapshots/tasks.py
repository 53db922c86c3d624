"""Celery's side of snapshots."""

from datetime import UTC, datetime

from celery import shared_task

from servers.models import Action
from snapshots import ages, notices, tend
from snapshots import look as looks


def clock() -> datetime:
    return datetime.now(UTC)


@shared_task(name="snapshots.look")
def look(*, server_id: int, **_: object) -> None:
    looks.look(server_id, clock=clock)


@shared_task(name="snapshots.action_changed")
def action_changed(*, action_id: int, **_: object) -> None:
    """A step of an action on snapshots has ended: what there is now is read."""
    action = Action.objects.filter(pk=action_id).first()
    if action is not None:
        looks.look(action.server_id, clock=clock)
        notices.tell_of(action, now=clock())


@shared_task(name="snapshots.tell_failure")
def tell_failure(*, schedule_id: int, why: str, **_: object) -> None:
    notices.tell_failure(schedule_id, why, now=clock())


@shared_task(name="snapshots.report_ages")
def report_ages(**_: object) -> None:
    ages.report(clock())


@shared_task(name="snapshots.tend")
def do_what_is_due(**_: object) -> None:
    now = clock()
    tend.mend_clock(now)
    tend.run_schedules(now)
    tend.delete_expired(now)
    tend.look_around(now)
