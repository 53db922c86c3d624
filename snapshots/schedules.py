"""Schedules as people set them: one of a kind for each server."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from servers.models import Server
from servers.operations import Invalid
from snapshots.models import SnapshotSchedule, state_of
from snapshots.schedule import Rule, next_run

MOST_KEPT = 200
FIELDS = ("hour", "minute", "weekday", "time_zone", "keep", "enabled")


def rule_of(schedule: SnapshotSchedule) -> Rule:
    return Rule(
        kind=schedule.kind,  # type: ignore[arg-type]  # a StrEnum of the same words
        minute=schedule.minute,
        hour=schedule.hour,
        weekday=schedule.weekday,
        time_zone=schedule.time_zone,
    )


def save(
    server: Server, kind: str, wish: dict[str, Any], *, actor: Actor, now: datetime
) -> SnapshotSchedule:
    """Set the schedule of that kind. Raises Invalid."""
    with transaction.atomic():
        Server.objects.select_for_update().only("pk").get(pk=server.pk)
        schedule = SnapshotSchedule.objects.filter(server=server, kind=kind).first()
        schedule = schedule or SnapshotSchedule(server=server, kind=kind)
        for name in FIELDS:
            if name in wish:
                setattr(schedule, name, wish[name])
        check(schedule)
        schedule.next_run_at = next_run(rule_of(schedule), now) if schedule.enabled else None
        schedule.last_error = ""
        schedule.save()
        note(schedule, "snapshot_schedule.set", actor=actor, now=now)
    return schedule


def check(schedule: SnapshotSchedule) -> None:
    try:
        rule_of(schedule)
    except ValueError as error:
        raise Invalid("time_zone", str(error)) from error
    others = SnapshotSchedule.objects.filter(server=schedule.server).exclude(pk=schedule.pk)
    kept = schedule.keep + sum(other.keep for other in others)
    limit = state_of(schedule.server).limit
    if not 1 <= schedule.keep <= MOST_KEPT:
        raise Invalid("keep", f"From 1 to {MOST_KEPT} are kept.")
    if kept + 1 > limit:
        raise Invalid(
            "keep",
            f"All schedules of a server together keep at most {max(limit - 1, 0)}: "
            "a new one is taken before the oldest goes.",
        )


def remove(schedule: SnapshotSchedule, *, actor: Actor, now: datetime) -> None:
    """What it has taken stays, until somebody deletes it."""
    with transaction.atomic():
        note(schedule, "snapshot_schedule.removed", actor=actor, now=now)
        schedule.delete()


def note(schedule: SnapshotSchedule, event: str, *, actor: Actor, now: datetime) -> None:
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="server",
        object_id=schedule.server_id,
        details={"kind": schedule.kind, **{name: getattr(schedule, name) for name in FIELDS}},
    )
