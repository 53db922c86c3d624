"""What is made of an action once something is known of its end."""

from datetime import datetime, timedelta

from django.db import transaction

from servers import actions, inventory, power, steps, turns, verdicts
from servers.models import Action, Server
from servers.proxmox.types import TaskState


def ended(action: Action, state: TaskState, *, now: datetime) -> None:
    """Its task has ended, with this text."""
    verdict = verdicts.of(state.exit_text)
    if not verdict.is_success:
        actions.fail(action, verdicts.kind_of(state.exit_text), state.exit_text, now=now)
    elif state.upid.type in power.HA_TASKS:
        awaited = steps.leads_to(action.step) or ""
        actions.await_state(action, awaited, seconds=power.HA_SECONDS, now=now)
    else:
        action.warnings = verdict.warnings
        arrived(action, now=now)


def arrived(action: Action, *, now: datetime) -> None:
    """Its step has had its effect. What the server is from now on needs not be asked."""
    with transaction.atomic():
        if action.step == steps.DESTROY:
            # In the order in which the cycle takes them: the cluster first.
            inventory.lock(action.server.cluster_id)
            inventory.lock_server(action.server_id)
            succeed(action, now=now)
            inventory.delete(action.server, by=action.requested_by_email, now=now)
            return
        state = steps.leads_to(action.step)
        if state is not None:
            is_awake = state == Server.Status.RUNNING and action.server.lock == "suspended"
            inventory.observe(action.server_id, state, lock="" if is_awake else None, now=now)
        if lock := steps.LOCKS.get(action.step):
            inventory.unlocked(action.server_id, lock, now=now)
        if action.plan:
            actions.next_step(action, now=now)
        else:
            succeed(action, now=now)


def succeed(action: Action, *, now: datetime) -> None:
    actions.finish(action, Action.Status.SUCCESS, warnings=action.warnings, now=now)


def make_room(action: Action) -> None:
    """After a step that others wait for."""
    if action.step in steps.IN_TURN or action.steps:
        turns.wake_next(action.server.cluster_id)


def is_late(action: Action, *, now: datetime, gap: timedelta, grace: timedelta) -> bool:
    """Whether its time is up. Not at once after nobody looked for long, or the clock jumped."""
    if now < action.deadline:
        return False
    if action.looked_at is not None and now - action.looked_at > gap:
        actions.prolong(action, now + grace)
        actions.looked(action, now=now)
        return False
    return True


def too_late(action: Action, why: str, *, now: datetime) -> None:
    actions.lose(action, "deadline", why, now=now)


def interrupted(action: Action, *, now: datetime) -> None:
    """Its worker died between asking and hearing the answer, and there is no task to look for."""
    actions.lose(
        action,
        "not_confirmed",
        "The panel was interrupted before it heard whether the password was changed.",
        now=now,
    )


def task_lost(action: Action, words: str, *, now: datetime) -> None:
    actions.lose(
        action,
        "task_lost",
        f"Proxmox does not know the task any more ({words}). {seen(action)}",
        now=now,
    )


def no_trace(action: Action, *, now: datetime) -> None:
    actions.lose(
        action,
        "no_trace",
        f"Proxmox did not answer, and has no task of it: probably nothing was done. {seen(action)}",
        now=now,
    )


def seen(action: Action) -> str:
    return f"The server is {action.server.status} now."
