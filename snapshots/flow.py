"""What a person or a schedule may ask of a server's snapshots: checked, then launched as actions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import roles
from accounts.audit import Actor
from accounts.stored import Sentences
from servers import access, action_words, actions, steps
from servers.models import Action, Server
from servers.operations import Invalid, Prelude
from snapshots import names, retention
from snapshots.models import ServerSnapshots, Snapshot, SnapshotSchedule, state_of
from snapshots.retention import Held, Limit

CREATE = "snapshot.create"
DELETE = "snapshot.delete"
ROLL_BACK = "snapshot.rollback"
TYPES = (CREATE, DELETE, ROLL_BACK)

WATCHER = "snapshots.action_changed"
# Ends every name that is made from what a person typed.
MARK = "panel"
SECONDS = 3600
# A person waits hours for a turn, a schedule until its next run would be nearer.
MAY_WAIT = timedelta(hours=6)
SAFETY_LASTS = timedelta(hours=24)
LONGEST_DESCRIPTION = 1000


class Impossible(Exception):
    """It cannot be done now. `str()` is a sentence for people, `code` for programs."""

    def __init__(self, code: str, message: str, *, snapshot: Snapshot | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.snapshot = snapshot


@dataclass(frozen=True)
class Wish:
    """A snapshot to be taken. `kind` is that of the schedule that takes it."""

    title: str
    description: str = ""
    memory: bool = False
    origin: str = Snapshot.Origin.PERSON
    kind: str = ""
    expires_at: datetime | None = None


# Taking


def take(
    server: Server, wish: Wish, *, actor: Actor, now: datetime, name: str = ""
) -> tuple[Snapshot, Action]:
    """Raises MayNot, Invalid for what was entered, Impossible, Busy."""
    access.check(actor, server, roles.OPERATE)
    check_wish(server, wish)
    with transaction.atomic():
        lock(server)
        check_taking(server, wish, now=now)
        snapshot = begin(server, wish, now=now, name=name)
        action = actions.launch(
            server,
            CREATE,
            actor=actor,
            now=now,
            seconds=SECONDS,
            may_wait=MAY_WAIT,
            step=steps.SNAPSHOT,
            watcher=WATCHER,
            parameters={"take": parameters_of(snapshot)},
        )
        Snapshot.objects.filter(pk=snapshot.pk).update(action=action)
    return snapshot, action


def lock(server: Server) -> None:
    """Two wishes at once do not both fit below one limit."""
    Server.objects.select_for_update().only("pk").get(pk=server.pk)


title_problems = Sentences(names.NO_TITLE, names.TOO_LONG, names.UNWRITABLE_TITLE)


def check_wish(server: Server, wish: Wish) -> None:
    if problem := names.problem_with(wish.title):
        raise Invalid("title", title_problems.shown(problem))
    if len(wish.description) > LONGEST_DESCRIPTION:
        text = _("It must have at most %(most)s characters.")
        raise Invalid("description", text % {"most": LONGEST_DESCRIPTION})
    if wish.memory and (why := memory_refused(server, state_of(server))):
        raise Invalid("memory", why)


def check_taking(server: Server, wish: Wish, *, now: datetime) -> None:
    state = state_of(server)
    if why := taking_refused(server, state):
        raise why
    verdict = room(server, state, now=now, taking=wish.kind or None)
    if verdict.over is not None:
        raise limit_reached(state, verdict)


def taking_refused(server: Server, state: ServerSnapshots) -> Impossible | None:
    """What stands in the way besides limits."""
    if server.status == Server.Status.GONE:
        return Impossible("gone", _("It does not exist any more."))
    if state.can_take is False:
        return Impossible("no_snapshots", obstacle_words(state))
    if server.lock:
        return Impossible("locked", action_words.lock_words(server.lock))
    return None


def obstacle_words(state: ServerSnapshots) -> str:
    """Which disks are where no snapshots can be taken, as far as it is known."""
    disks = ", ".join(str(each["disk"]) for each in state.obstacles)
    if not disks:
        return _("The storage of its disks has no snapshots.")
    return _("No snapshots can be taken where these disks are: %(disks)s.") % {"disks": disks}


def memory_refused(server: Server, state: ServerSnapshots) -> str:
    """Why its memory cannot be saved with it; empty where it can."""
    if server.kind != Server.Kind.QEMU:
        return _("A container's memory cannot be saved.")
    if server.status not in (Server.Status.RUNNING, Server.Status.PAUSED, Server.Status.UNKNOWN):
        return _("Only a running server has memory to save.")
    if state.memory_obstacle:
        return _("Its memory cannot be saved because of %(what)s.") % {
            "what": state.memory_obstacle
        }
    return ""


def room(
    server: Server, state: ServerSnapshots, *, now: datetime, taking: str | None = None
) -> retention.Verdict:
    """Whether the limits allow another one. How old others are does not stop a schedule."""
    is_limited = state.limit_days and taking is None
    longest = timedelta(days=state.limit_days) if is_limited else None
    return retention.over_limit(
        held(server),
        most=state.limit,
        longest=longest,
        keep=keep_of(server),
        now=now,
        taking=taking,
    )


def limit_reached(state: ServerSnapshots, verdict: retention.Verdict) -> Impossible:
    first = Snapshot.objects.filter(pk=verdict.delete_first or 0).first()
    if verdict.over is Limit.NUMBER:
        words = ngettext(
            "The limit of %(most)s snapshot is reached.",
            "The limit of %(most)s snapshots is reached.",
            state.limit,
        ) % {"most": state.limit}
    else:
        words = ngettext(
            "One of its snapshots is older than %(days)s day.",
            "One of its snapshots is older than %(days)s days.",
            state.limit_days,
        ) % {"days": state.limit_days}
    if first is not None:
        words += " " + _("Delete “%(title)s” first.") % {"title": first.title}
    return Impossible("limit", words, snapshot=first)


def held(server: Server) -> list[Held]:
    """All snapshots of a server, as the rules of keeping see them."""
    rows = Snapshot.objects.filter(server=server).select_related("action")
    return [held_one(row) for row in rows]


def held_one(row: Snapshot) -> Held:
    ours = row.origin == Snapshot.Origin.SCHEDULE and names.is_scheduled_name(row.name)
    before_change = row.origin == Snapshot.Origin.SAFETY and names.is_safety_name(row.name)
    # By our clock where it is ours: the node's may be off.
    taken_at = (row.asked_at or row.taken_at) if row.taken_at else None
    return Held(
        id=row.pk,
        kind=row.schedule_kind if ours and row.schedule_kind else None,
        taken_at=taken_at,
        expires_at=row.expires_at if before_change else None,
        is_ours=ours or before_change,
        is_ready=row.taken_at is not None and not row.state,
    )


def keep_of(server: Server) -> dict[str, int]:
    schedules = SnapshotSchedule.objects.filter(server=server)
    return {schedule.kind: schedule.keep for schedule in schedules}


def begin(server: Server, wish: Wish, *, now: datetime, name: str = "") -> Snapshot:
    """The row of one that is about to be taken."""
    taken = list(Snapshot.objects.filter(server=server).values_list("name", flat=True))
    return Snapshot.objects.create(
        server=server,
        name=name or names.proxmox_name(wish.title, taken, mark=MARK),
        title=wish.title.strip(),
        description=wish.description,
        origin=wish.origin,
        schedule_kind=wish.kind,
        asked_at=now,
        with_memory=wish.memory,
        expires_at=wish.expires_at,
    )


def parameters_of(snapshot: Snapshot) -> dict[str, Any]:
    """What the step needs, and what its row could be made of again."""
    expires = snapshot.expires_at
    return {
        "name": snapshot.name,
        "title": snapshot.title,
        "description": snapshot.description or snapshot.title,
        "memory": snapshot.with_memory,
        "origin": snapshot.origin,
        "kind": snapshot.schedule_kind,
        "expires_at": expires.isoformat() if expires else None,
    }


# Before a change


def before_change(
    server: Server, change: str, *, now: datetime
) -> tuple[Snapshot, dict[str, Any]]:
    """A snapshot that is taken first and deleted after a day: its row, and the first step's wish.

    To be called in the transaction that launches the change. Raises Impossible.
    """
    wish = Wish(
        title=_("Before: %(change)s") % {"change": action_words.label(change)},
        origin=Snapshot.Origin.SAFETY,
        expires_at=now + SAFETY_LASTS,
    )
    lock(server)
    check_taking(server, wish, now=now)
    taken = list(Snapshot.objects.filter(server=server).values_list("name", flat=True))
    word = change.rpartition(".")[2]
    name = names.safety_name(word, now.astimezone(UTC), taken)
    snapshot = begin(server, wish, now=now, name=name)
    return snapshot, parameters_of(snapshot)


def prelude(server: Server, change: str, now: datetime) -> Prelude:
    """The snapshot before a restart or a new password: servers.operations puts it first."""
    snapshot, take = before_change(server, change, now=now)
    return Prelude(
        step=steps.SNAPSHOT,
        parameters={"take": take},
        watcher=WATCHER,
        seconds=SECONDS,
        may_wait=MAY_WAIT,
        launched=lambda action: Snapshot.objects.filter(pk=snapshot.pk).update(action=action),
    )


# Deleting and rolling back


def delete(snapshot: Snapshot, *, actor: Actor, now: datetime) -> Action:
    """Raises MayNot, Impossible, Busy."""
    access.check(actor, snapshot.server, roles.OPERATE)
    check_is_there(snapshot)
    return actions.launch(
        snapshot.server,
        DELETE,
        actor=actor,
        now=now,
        seconds=SECONDS,
        may_wait=MAY_WAIT,
        step=steps.DELETE_SNAPSHOT,
        watcher=WATCHER,
        parameters=target_of(snapshot),
    )


def doom(snapshot: Snapshot, *, actor: Actor, now: datetime) -> None:
    """Have it deleted once its server is free, where that is busy now. Raises MayNot, Impossible."""
    access.check(actor, snapshot.server, roles.OPERATE)
    check_is_there(snapshot)
    Snapshot.objects.filter(pk=snapshot.pk, doomed_at=None).update(
        doomed_by=actor.user, doomed_at=now
    )


def roll_back(
    snapshot: Snapshot,
    *,
    confirm: str,
    start: bool,
    take_first: bool,
    actor: Actor,
    now: datetime,
) -> Action:
    """Back to how the server was then. Raises MayNot; Invalid where its name is not confirmed;
    Impossible; Busy."""
    server = snapshot.server
    access.check(actor, server, roles.OPERATE)
    if confirm.strip() != server.name.strip():
        raise Invalid("confirm", _("Type the name of the server exactly as it is shown."))
    check_is_there(snapshot)
    state = state_of(server)
    if why := rolling_back_refused(snapshot, state):
        raise why
    if take_first and state.newest_only:
        raise Invalid("snapshot_first", newest_only_words())
    with transaction.atomic():
        parameters: dict[str, Any] = {**target_of(snapshot), "start": start}
        plan, first = [steps.ROLL_BACK], None
        if take_first:
            first, parameters["take"] = before_change(server, ROLL_BACK, now=now)
            plan = [steps.SNAPSHOT, steps.ROLL_BACK]
        action = actions.launch(
            server,
            ROLL_BACK,
            actor=actor,
            now=now,
            seconds=SECONDS,
            may_wait=MAY_WAIT,
            step=plan[0],
            plan=plan[1:],
            watcher=WATCHER,
            parameters=parameters,
        )
        if first is not None:
            Snapshot.objects.filter(pk=first.pk).update(action=action)
    return action


def check_is_there(snapshot: Snapshot) -> None:
    server = snapshot.server
    if server.status == Server.Status.GONE:
        raise Impossible("gone", _("It does not exist any more."))
    if snapshot.taken_at is None:
        raise Impossible("in_the_making", _("It is still being taken."))
    if server.lock:
        raise Impossible("locked", action_words.lock_words(server.lock))


def rolling_back_refused(snapshot: Snapshot, state: ServerSnapshots) -> Impossible | None:
    if snapshot.state:
        return Impossible("broken", _("It is not whole: Proxmox was interrupted with it."))
    if state.newest_only and newest_of(snapshot.server) != snapshot:
        return Impossible("not_newest", newest_only_words())
    return None


def newest_only_words() -> str:
    return _("The storage of its disks goes back to the newest snapshot alone.")


def newest_of(server: Server) -> Snapshot | None:
    return (
        Snapshot.objects.filter(server=server, taken_at__isnull=False)
        .order_by("-taken_at", "-pk")
        .first()
    )


def target_of(snapshot: Snapshot) -> dict[str, Any]:
    return {"target": snapshot.name, "title": snapshot.title, "snapshot": snapshot.pk}


def snapshot_for(user: Any, snapshot_id: int) -> Snapshot:
    """The snapshot if this person may see it, else Snapshot.DoesNotExist, which is a 404."""
    return Snapshot.objects.visible_to(user).select_related("server__cluster").get(pk=snapshot_id)


def local(at: datetime, time_zone: str) -> datetime:
    return at.astimezone(ZoneInfo(time_zone))
