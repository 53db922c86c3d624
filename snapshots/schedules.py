"""Schedules as people set them: one of a kind for each server."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, roles
from accounts.audit import Actor
from accounts.stored import Sentences
from servers import access
from servers.models import Server
from servers.operations import Invalid
from snapshots.models import SnapshotSchedule, state_of
from snapshots.schedule import NO_SUCH_TIME, NO_SUCH_ZONE, Rule, next_run

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
    """Set the schedule of that kind. Raises MayNot, Invalid."""
    access.check(actor, server, roles.OPERATE)
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


rule_problems = Sentences(NO_SUCH_TIME, NO_SUCH_ZONE)


def check(schedule: SnapshotSchedule) -> None:
    try:
        rule_of(schedule)
    except ValueError as error:
        raise Invalid("time_zone", rule_problems.shown(str(error))) from error
    others = SnapshotSchedule.objects.filter(server=schedule.server).exclude(pk=schedule.pk)
    kept = schedule.keep + sum(other.keep for other in others)
    limit = state_of(schedule.server).limit
    if not 1 <= schedule.keep <= MOST_KEPT:
        raise Invalid("keep", _("From 1 to %(most)s are kept.") % {"most": MOST_KEPT})
    if kept + 1 > limit:
        text = _(
            "All schedules of a server together keep at most %(most)s: a new one is taken before "
            "the oldest goes."
        )
        raise Invalid("keep", text % {"most": max(limit - 1, 0)})


def remove(schedule: SnapshotSchedule, *, actor: Actor, now: datetime) -> None:
    """What it has taken stays, until somebody deletes it. Raises MayNot."""
    access.check(actor, schedule.server, roles.OPERATE)
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
