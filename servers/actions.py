"""State changes of actions: asked for, sent, under way, ended.

Each is one conditional update with its audit entry and its event in one transaction; whoever comes
second changes nothing. What is done to Proxmox stands in `dispatch` and `follow`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit
from accounts.audit import Actor
from servers import live
from servers.models import Action, Server
from servers.proxmox.upid import Upid
from servers.queue import enqueue

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

# A clock that was set back leaves times in the future behind that nobody ever meant: no claim lasts
# so long, and no look is put off so far.
LONGEST_CLAIM = timedelta(minutes=2)
LONGEST_WAIT = timedelta(seconds=10)


class Busy(Exception):
    """Another action of the server is not over yet."""

    def __init__(self, action: Action) -> None:
        super().__init__(f"{action.type} is under way.")
        self.action = action


def action_for(user: "User | AnonymousUser", action_id: int) -> Action:
    """The action if this person may see it, else Action.DoesNotExist, which is a 404."""
    return (
        Action.objects.visible_to(user)
        .select_related("server__cluster", "requested_by")
        .get(pk=action_id)
    )


def active_action(server: Server) -> Action | None:
    return Action.objects.unfinished().filter(server=server).first()


def launch(
    server: Server,
    type: str,
    *,
    actor: Actor,
    now: datetime,
    seconds: int,
    step: str = "",
    plan: Sequence[str] = (),
    watcher: str = "",
    may_wait: timedelta = timedelta(0),
    parameters: Mapping[str, object] | None = None,
    seal: str = "",
    sealed: str = "",
) -> Action:
    """Record what is asked for and wake a worker. Raises Busy with the action that is under way.

    `seconds` from the sending until its outcome counts as lost; `may_wait` for its turn before
    that. `plan`: the steps after the first. `watcher`: the task that is told of each end, with
    `action_id`. `sealed` goes to the worker alone, for what must not be stored; `seal` is its key.
    """
    try:
        with transaction.atomic():
            action = Action.objects.create(
                server=server,
                type=type,
                parameters=dict(parameters or {}),
                requested_by=actor.hand,
                requested_by_email=actor.hand.email if actor.hand else "",
                by_staff=bool(actor.hand and actor.hand.is_staff),
                source=actor.source,
                requested_at=now,
                deadline=now + timedelta(seconds=seconds) + may_wait,
                seconds=seconds,
                watcher=watcher,
                step=step or type,
                plan=list(plan),
                seal=seal,
            )
            audit.record(
                "action.requested",
                actor=actor,
                now=now,
                object_type="server",
                object_id=server.pk,
                details={"action": action.pk, "type": type, **action.parameters},
            )
            publish(action)
            wake(action, sealed)
    except IntegrityError:
        # It may have ended since: then it was under way all the same.
        other = active_action(server) or Action.objects.filter(server=server).first()
        if other is None:
            raise
        raise Busy(other) from None
    return action


def wake(action: Action, sealed: str = "", *, delay: timedelta | None = None) -> None:
    """Have a worker send its step."""
    if sealed:
        enqueue("servers.run_action", delay=delay, action_id=action.pk, sealed=sealed)
    else:
        enqueue("servers.run_action", delay=delay, action_id=action.pk)


def publish(action: Action) -> None:
    live.publish([live.action_event(action)])


# Claims: one worker at a time sends an action's step.


def claim(action_id: int, *, now: datetime, lasts: timedelta) -> Action | None:
    """The action, if its step has still to be sent and nobody is at it."""
    name = uuid4().hex
    free = (
        Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + LONGEST_CLAIM)
    )
    won = (
        Action.objects.unfinished()
        .filter(free, pk=action_id, sent_at=None)
        .update(claim=name, claimed_until=now + lasts)
    )
    if not won:
        return None
    return Action.objects.select_related("server__cluster", "server__node").get(pk=action_id)


def hold(action: Action, *, now: datetime, lasts: timedelta) -> bool:
    """Prolongs the claim. False where it was lost."""
    return bool(
        Action.objects.unfinished()
        .filter(pk=action.pk, claim=action.claim)
        .update(claimed_until=now + lasts)
    )


def release(action: Action, *, next_look_at: datetime | None = None) -> None:
    Action.objects.filter(pk=action.pk, claim=action.claim).update(
        claim="", claimed_until=None, next_look_at=next_look_at
    )


# What happened at Proxmox.


def mark_sent(
    action: Action,
    *,
    node: str,
    known_upids: list[str],
    now: datetime,
    lasts: timedelta,
    keep_seal: bool = False,
) -> bool:
    """To be called right before the verb is sent, and it only where this is True.

    From here on the verb is never sent again: a worker that dies leaves a step that counts as sent.
    """
    with transaction.atomic():
        marked = (
            Action.objects.unfinished()
            .filter(pk=action.pk, claim=action.claim, sent_at=None)
            .update(
                status=Action.Status.RUNNING,
                started_at=action.started_at or now,
                sent_at=now,
                looked_at=now,
                next_look_at=None,
                claimed_until=now + lasts,
                node=node,
                known_upids=known_upids,
                deadline=now + timedelta(seconds=action.seconds),
                is_queued=False,
                seal=action.seal if keep_seal else "",
            )
        )
        if marked:
            action.refresh_from_db()
            publish(action)
    return bool(marked)


def mark_not_sent(action: Action, *, seal: str, next_look_at: datetime) -> None:
    """It certainly did not arrive, so it may be sent again, later."""
    Action.objects.unfinished().filter(pk=action.pk, claim=action.claim, upid="").update(
        sent_at=None, seal=seal, next_look_at=next_look_at, claim="", claimed_until=None
    )


def note_task(action: Action, upid: Upid) -> bool:
    """Proxmox's word for it: the task to be followed."""
    noted = (
        Action.objects.unfinished()
        .filter(pk=action.pk, step=action.step, upid="")
        .update(upid=upid.text, claim="", claimed_until=None, next_look_at=None)
    )
    action.upid = upid.text if noted else action.upid
    return bool(noted)


def await_state(action: Action, status: str, *, seconds: int, now: datetime) -> None:
    """The task is over, but the guest changes later: HA decides when."""
    later = max(action.deadline, now + timedelta(seconds=seconds))
    Action.objects.unfinished().filter(pk=action.pk, step=action.step).update(
        awaited=status, deadline=later, next_look_at=None
    )


def next_step(action: Action, *, now: datetime) -> bool:
    """The step that ran is over and well; the next of the plan is to be sent."""
    over = finished_step(action, now=now)
    with transaction.atomic():
        moved = (
            Action.objects.unfinished()
            .filter(pk=action.pk, step=action.step)
            .update(
                step=action.plan[0],
                plan=action.plan[1:],
                steps=[*action.steps, over],
                sent_at=None,
                turn_at=None,
                upid="",
                known_upids=[],
                awaited="",
                claim="",
                claimed_until=None,
                next_look_at=None,
            )
        )
        if moved:
            action.refresh_from_db()
            publish(action)
            wake(action)
            tell_watcher(action)
    return bool(moved)


def tell_watcher(action: Action) -> None:
    if action.watcher:
        enqueue(action.watcher, action_id=action.pk)


def finished_step(action: Action, *, now: datetime) -> dict[str, object]:
    return {
        "step": action.step,
        "upid": action.upid,
        "started_at": action.sent_at.isoformat() if action.sent_at else None,
        "finished_at": now.isoformat(),
    }


def looked(action: Action, *, now: datetime, next_look_at: datetime | None = None) -> None:
    Action.objects.unfinished().filter(pk=action.pk).update(
        looked_at=now, next_look_at=next_look_at
    )


def looked_at(ids: list[int], *, now: datetime) -> None:
    """They run on."""
    Action.objects.unfinished().filter(pk__in=ids).update(looked_at=now, next_look_at=None)


def prolong(action: Action, deadline: datetime) -> None:
    """Nobody could look for a while: what was not looked at is not lost."""
    Action.objects.unfinished().filter(pk=action.pk).update(deadline=deadline)
    action.deadline = deadline


def note_log(action: Action, lines: list[str], *, now: datetime) -> None:
    """The last lines of its task, for staff. They are told that there is something new."""
    text = "\n".join(lines)
    noted = Action.objects.filter(pk=action.pk).exclude(log=text).update(log=text, log_at=now)
    if noted:
        publish(action)
    else:
        Action.objects.filter(pk=action.pk).update(log_at=now)


def finish(
    action: Action,
    status: str,
    *,
    now: datetime,
    code: str = "",
    message: str = "",
    warnings: int = 0,
    unsent: bool = False,
) -> bool:
    """Its end, once and for all. False where it had ended before.

    `unsent`: only if nobody has sent its step meanwhile, as whoever took over from us may have.
    """
    sending = {"sent_at": None} if unsent else {}
    steps = [*action.steps, finished_step(action, now=now)] if action.sent_at else action.steps
    with transaction.atomic():
        ended = (
            Action.objects.unfinished()
            .filter(pk=action.pk, **sending)
            .update(
                active=None,
                status=status,
                finished_at=now,
                steps=steps,
                warnings=warnings,
                error_code=code,
                error_message=message,
                claim="",
                claimed_until=None,
                next_look_at=None,
                is_queued=False,
                seal="",
            )
        )
        if ended:
            action.refresh_from_db()
            audit.record(
                "action.finished",
                actor=audit.SYSTEM,
                now=now,
                object_type="server",
                object_id=action.server_id,
                details={
                    "action": action.pk,
                    "type": action.type,
                    "status": action.status,
                    "error": code,
                },
            )
            publish(action)
            tell_watcher(action)
    return bool(ended)


def fail(action: Action, code: str, message: str, *, now: datetime, unsent: bool = False) -> bool:
    return finish(action, Action.Status.FAILED, code=code, message=message, now=now, unsent=unsent)


def lose(action: Action, code: str, message: str, *, now: datetime) -> bool:
    """How it ended is not known, and will not be: said so, instead of guessed."""
    return finish(action, Action.Status.LOST, code=code, message=message, now=now)
