"""What is done by itself: schedules that are due, snapshots whose time is over, lists to be read."""

import logging
from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import locale
from accounts.audit import Actor
from accounts.models import Source
from servers.actions import Busy
from servers.models import Action, Node, Server
from servers.operations import Invalid
from servers.queue import enqueue
from snapshots import flow, names, retention
from snapshots.flow import Impossible, Wish
from snapshots.models import Snapshot, SnapshotSchedule
from snapshots.schedule import LONGEST_INTERVAL, Kind, next_run
from snapshots.schedules import rule_of

logger = logging.getLogger(__name__)

BY_SCHEDULE = Actor(None, Source.SCHEDULE)
# A server that is busy is asked again, for so long; then this run is left out, and said so.
PATIENCE = {
    Kind.HOURLY: timedelta(minutes=20),
    Kind.DAILY: timedelta(hours=3),
    Kind.WEEKLY: timedelta(hours=12),
}
SCHEDULES_AT_ONCE = 1000
DELETIONS_AT_ONCE = 200
# A deletion that failed is tried again.
TRIED_AGAIN_AFTER = timedelta(hours=24)
LOOKS_AT_ONCE = 20
LOOK_EXPIRES = timedelta(minutes=5)


def run_schedules(now: datetime) -> int:
    """Takes what is due; returns how many were asked for. Twice at once does nothing twice."""
    due = (
        SnapshotSchedule.objects.filter(enabled=True, server__present=True, next_run_at__lte=now)
        .select_related("server__owner", "server__cluster")
        .order_by("next_run_at", "pk")
    )
    return sum(run_one(schedule, now) for schedule in due[:SCHEDULES_AT_ONCE])


def run_one(schedule: SnapshotSchedule, now: datetime) -> bool:
    # The snapshot's title, and why there is none, are for the owner.
    with locale.of_person(schedule.server.owner):
        return run(schedule, now)


def run(schedule: SnapshotSchedule, now: datetime) -> bool:
    following = next_run(rule_of(schedule), now)
    try:
        with transaction.atomic():
            if not move_on(schedule, following, now=now, error=""):
                return False
            take(schedule, now)
    except Busy as error:
        return wait_or_skip(schedule, following, error, now=now)
    except (Impossible, Invalid) as error:
        fail(schedule, following, str(error), now=now)
        return False
    return True


def move_on(schedule: SnapshotSchedule, following: datetime, *, now: datetime, error: str) -> bool:
    """False where somebody else has run it meanwhile."""
    return bool(
        SnapshotSchedule.objects.filter(
            pk=schedule.pk, enabled=True, next_run_at=schedule.next_run_at
        ).update(next_run_at=following, last_run_at=now, last_error=error[:255])
    )


def take(schedule: SnapshotSchedule, now: datetime) -> None:
    server = schedule.server
    at = flow.local(now, schedule.time_zone)
    taken = list(Snapshot.objects.filter(server=server).values_list("name", flat=True))
    wish = Wish(
        title=_("Scheduled, %(at)s") % {"at": f"{at:%Y-%m-%d %H:%M}"},
        origin=Snapshot.Origin.SCHEDULE,
        kind=schedule.kind,
    )
    name = names.scheduled_name(schedule.kind, at, taken)
    flow.take(server, wish, actor=BY_SCHEDULE, now=now, name=name)


def wait_or_skip(
    schedule: SnapshotSchedule, following: datetime, error: Busy, *, now: datetime
) -> bool:
    due = schedule.next_run_at or now
    if now - due < PATIENCE[Kind(schedule.kind)]:
        return False
    fail(schedule, following, _("Another operation was under way all the time."), now=now)
    return False


def fail(schedule: SnapshotSchedule, following: datetime, why: str, *, now: datetime) -> None:
    """This run is over; the owner is told, and the next one comes."""
    with transaction.atomic():
        if move_on(schedule, following, now=now, error=why):
            enqueue("snapshots.tell_failure", schedule_id=schedule.pk, why=why)


def mend_clock(now: datetime) -> None:
    """After a clock was set back, no schedule waits for a time that nobody meant."""
    far = now + LONGEST_INTERVAL[Kind.WEEKLY]
    for schedule in SnapshotSchedule.objects.filter(enabled=True, next_run_at__gt=far):
        move_on(schedule, next_run(rule_of(schedule), now), now=now, error="")


# Deleting


def delete_expired(now: datetime) -> int:
    """Launches a deletion for each server that has something to delete and is free."""
    launched = 0
    for snapshot, actor in due_to_go(now)[:DELETIONS_AT_ONCE]:
        try:
            with transaction.atomic():
                # Once: what fails is told, and not tried for ever.
                Snapshot.objects.filter(pk=snapshot.pk).update(doomed_at=None, doomed_by=None)
                flow.delete(snapshot, actor=actor, now=now)
        except (Busy, Impossible) as error:
            logger.info("Snapshot %s is not deleted yet: %s", snapshot.pk, error)
        else:
            launched += 1
    return launched


def due_to_go(now: datetime) -> list[tuple[Snapshot, Actor]]:
    """One of each server, and by whose wish: in a handful of queries for any number of them."""
    keep: dict[int, dict[str, int]] = defaultdict(dict)
    for server_id, kind, number in SnapshotSchedule.objects.values_list("server", "kind", "keep"):
        keep[server_id][kind] = number
    failed = failed_lately(now)
    found = []
    for server_id, rows in by_server().items():
        doomed = [row for row in rows if row.doomed_at is not None]
        if doomed:
            # What staff want gone comes first, oldest first, and by their name.
            found.append((doomed[0], Actor(doomed[0].doomed_by, Source.ADMIN)))
            continue
        ids = retention.expired(map(flow.held_one, rows), keep=keep[server_id], now=now)
        going = next(
            (row for pk in ids for row in rows if row.pk == pk and pk not in failed), None
        )
        if going is not None:
            found.append((going, BY_SCHEDULE))
    return found


def by_server() -> dict[int, list[Snapshot]]:
    """Those that may go by themselves, oldest first, of servers where nothing is under way."""
    ours = (Snapshot.Origin.SCHEDULE, Snapshot.Origin.SAFETY)
    rows = (
        Snapshot.objects.filter(Q(origin__in=ours) | Q(doomed_at__isnull=False))
        .filter(server__present=True)
        .exclude(server__in=Action.objects.unfinished().values("server_id"))
        .select_related("server", "doomed_by")
        .order_by("taken_at", "pk")
    )
    found: dict[int, list[Snapshot]] = defaultdict(list)
    for row in rows:
        found[row.server_id].append(row)
    return found


def failed_lately(now: datetime) -> set[object]:
    """Ids of snapshots that could not be deleted: told once a day, not twice a minute."""
    tried = Action.objects.filter(
        type=flow.DELETE,
        source=Source.SCHEDULE,
        status__in=(Action.Status.FAILED, Action.Status.LOST),
        requested_at__gt=now - TRIED_AGAIN_AFTER,
    )
    return {
        parameters.get("snapshot") for parameters in tried.values_list("parameters", flat=True)
    }


# Reading


def look_around(now: datetime) -> None:
    """Lists that were not read for long: what is done in Proxmox itself is seen in the end.

    Where nobody answers, nobody is asked: others would wait behind it.
    """
    present = Server.objects.filter(
        present=True, identity_due=False, cluster__enabled=True, cluster__failing_since=None
    ).exclude(node__status=Node.Status.OFFLINE)
    never = present.filter(snapshot_state=None).order_by("pk")
    due = present.filter(snapshot_state__next_look_at__lte=now)
    due = due.order_by("snapshot_state__next_look_at")
    for servers in (due, never):
        for pk in servers.values_list("pk", flat=True)[:LOOKS_AT_ONCE]:
            enqueue("snapshots.look", expires=LOOK_EXPIRES, server_id=pk)
