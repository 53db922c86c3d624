"""What a person may ask of a server: checked against what is known, then launched as an action.

Pages and API come through here. Nothing here calls Proxmox; a worker looks again before it acts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import roles
from accounts.audit import Actor
from accounts.models import User
from servers import access, actions, inventory, passwords, power, steps
from servers.facts import facts_of
from servers.models import Action, LastSample, Server

DELETE_SECONDS = 1800
PASSWORD_SECONDS = 180
LONGEST_USER_NAME = 64

Refusal = power.Refusal


class NotPossible(Exception):
    """The server is not in a state for it, or not of a kind; `refusal` says which."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Invalid(Exception):
    """What was entered in this field is not right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Prelude:
    """A step that comes before what was asked for, made by an app above this one.

    `parameters` are added to the action's; `launched` is called with the action, in its
    transaction.
    """

    step: str
    parameters: Mapping[str, object]
    watcher: str
    seconds: int
    may_wait: timedelta
    launched: Callable[[Action], object]


# What makes one, for a server and the type of the change; in the transaction of the launch.
MakePrelude = Callable[[Server, str, datetime], Prelude]


@dataclass(frozen=True)
class Offers:
    """Why each action is not to be had now; None where it is. By type, in the order of pages."""

    refusals: Mapping[str, Refusal | None]
    active: Action | None


def offers(server: Server, active: Action | None, viewer: User) -> Offers:
    """Of the verbs that servers of this kind have, and of deleting and the password."""
    if not access.may(viewer, server, roles.OPERATE):
        types = [type for type, verb in power.VERBS.items() if server.kind in verb.kinds]
        all_types = (*types, power.DELETE, power.PASSWORD)
        return Offers(dict.fromkeys(all_types, Refusal("role")), active)
    busy = Refusal("busy", active.type) if active else None
    refusals: dict[str, Refusal | None] = {}
    for type, verb in power.VERBS.items():
        if server.kind in verb.kinds:
            refused = power.refusal(type, server.kind, server.status, server.lock)
            refusals[type] = refused or (None if overrules(type, active) else busy)
    refusals[power.DELETE] = deleting_refused(server, stop_first=True) or busy
    refusals[power.PASSWORD] = password_refused(server) or busy
    return Offers(refusals, active)


def overrules(type: str, active: Action | None) -> bool:
    """A shutdown that the guest does not follow is cut short by pulling the plug."""
    return active is not None and type == power.STOP and active.type == power.SHUTDOWN


def change_power(
    server: Server,
    type: str,
    *,
    actor: Actor,
    now: datetime,
    prelude: MakePrelude | None = None,
) -> Action:
    """`type` is one of power.VERBS. Raises MayNot, NotPossible, and Busy."""
    access.check(actor, server, roles.OPERATE)
    if refused := power.refusal(type, server.kind, server.status, server.lock):
        raise NotPossible(refused)
    verb = power.VERBS[type]  # type: ignore[index]  # the caller checked it
    parameters: dict[str, object] = {}
    with transaction.atomic():
        inventory.lock_server(server.pk)
        active = actions.active_action(server)
        if active is not None and overrules(type, active):
            message = "A power-off was asked for instead."
            actions.fail(active, "overruled", message, now=now)
            parameters["overrule"] = True
        return launch(
            server, type, [type], prelude, actor=actor, now=now, seconds=verb.seconds,
            parameters=parameters,
        )  # fmt: skip


def launch(
    server: Server,
    type: str,
    plan: list[str],
    make_prelude: MakePrelude | None,
    *,
    actor: Actor,
    now: datetime,
    seconds: int,
    parameters: dict[str, object],
    seal: str = "",
    sealed: str = "",
) -> Action:
    """With another step before, if that is wished."""
    if make_prelude is None:
        return actions.launch(
            server, type, actor=actor, now=now, seconds=seconds, step=plan[0], plan=plan[1:],
            parameters=parameters, seal=seal, sealed=sealed,
        )  # fmt: skip
    with transaction.atomic():
        prelude = make_prelude(server, type, now)
        action = actions.launch(
            server, type, actor=actor, now=now, seconds=max(seconds, prelude.seconds),
            may_wait=prelude.may_wait, watcher=prelude.watcher, step=prelude.step, plan=plan,
            parameters={**parameters, **prelude.parameters}, seal=seal, sealed=sealed,
        )  # fmt: skip
        prelude.launched(action)
    return action


# Delete


def deleting_refused(server: Server, *, stop_first: bool) -> Refusal | None:
    if refused := power.delete_refusal(
        server.status, server.lock, protected=server.protected, stop_first=stop_first
    ):
        return refused
    facts = facts_of(server)
    return Refusal("protected_in_proxmox") if facts and facts.is_protected else None


def may_delete(actor: Actor, server: Server) -> bool:
    """By role; its owner where customers may. On somebody's behalf by both."""
    if actor.staff is not None and not actor.staff.has_perm(roles.DESTROY):
        return False
    is_granted = actor.user is None or actor.user.has_perm(roles.DESTROY)
    is_own = actor.user is not None and actor.user.pk == server.owner_id
    return is_granted or (is_own and bool(settings.CUSTOMERS_MAY_DELETE))


def delete(
    server: Server, *, confirm: str, stop_first: bool, actor: Actor, now: datetime
) -> Action:
    """Raises Invalid where the name is not confirmed; NotPossible; Busy."""
    if not may_delete(actor, server):
        raise NotPossible(Refusal("forbidden"))
    if confirm.strip() != server.name.strip():
        raise Invalid("confirm", _("Type the name of the server exactly as it is shown."))
    if refused := deleting_refused(server, stop_first=stop_first):
        raise NotPossible(refused)
    is_down = server.status in (Server.Status.STOPPED, Server.Status.SUSPENDED)
    first, *plan = [steps.DESTROY] if is_down or not stop_first else [steps.STOP, steps.DESTROY]
    return actions.launch(
        server,
        power.DELETE,
        actor=actor,
        now=now,
        seconds=DELETE_SECONDS,
        step=first,
        plan=plan,
        parameters={"name": server.name, "stop_first": stop_first},
    )


# Root password


def password_refused(server: Server) -> Refusal | None:
    """None where there is a way, now or after the server was started."""
    if server.status == Server.Status.GONE:
        return Refusal("gone")
    if server.kind == Server.Kind.LXC:
        return Refusal("kind", server.kind)
    if password_ways(server):
        return None
    facts = facts_of(server)
    if facts is None:
        return Refusal("not_read")
    if facts.agent_enabled:
        return Refusal("state", server.status)
    return Refusal("no_password_way")


def password_ways(server: Server) -> list[str]:
    """`agent`: at once, while it runs; `cloud_init`: at the next start. The better one first."""
    facts = facts_of(server)
    if facts is None or server.kind != Server.Kind.QEMU:
        return []
    runs = server.status in (Server.Status.RUNNING, Server.Status.UNKNOWN)
    ways = [steps.AGENT] if facts.agent_enabled and runs else []
    # For Windows Proxmox would keep it in the configuration in clear text.
    return [*ways, steps.CLOUD_INIT] if facts.has_cloud_init and not facts.is_windows else ways


def password_is_pending(server: Server) -> bool:
    """Whether cloud-init still has a password to set: not before the server was started anew."""
    if server.password_set_at is None:
        return False
    last: LastSample | None = getattr(server, "last_sample", None)
    if last is None or last.uptime is None:
        return True
    return last.taken_at - last.uptime < server.password_set_at.timestamp()


def usual_user(server: Server) -> str:
    facts = facts_of(server)
    if facts and facts.is_windows:
        return "Administrator"
    return facts.cloud_init_user if facts and facts.cloud_init_user else "root"


def reset_password(
    server: Server,
    *,
    way: str,
    username: str,
    password: str,
    actor: Actor,
    now: datetime,
    prelude: MakePrelude | None = None,
) -> tuple[Action, str]:
    """The action, and the password to be shown once: the one given, or one made here.

    `way` is one of `password_ways`, or empty for the best of them. Raises MayNot, Invalid,
    NotPossible, Busy.
    """
    access.check(actor, server, roles.OPERATE)
    if refused := password_refused(server):
        raise NotPossible(refused)
    ways = password_ways(server)
    if way and way not in ways:
        raise Invalid("way", _("This server has no such way to set a password now."))
    if problem := user_name_problem(username):
        raise Invalid("username", problem)
    if password and (problem := passwords.problem_with(password)):
        raise Invalid("password", problem)
    chosen = password or passwords.generate()
    key, sealed = passwords.seal(chosen)
    action = launch(
        server, power.PASSWORD, [way or ways[0]], prelude, actor=actor, now=now,
        seconds=PASSWORD_SECONDS, parameters={"username": username, "way": way or ways[0]},
        seal=key, sealed=sealed,
    )  # fmt: skip
    return action, chosen


def user_name_problem(username: str) -> str | None:
    is_plain = username.isascii() and username.isprintable() and ":" not in username
    if not username or username != username.strip() or len(username) > LONGEST_USER_NAME:
        return _("A user name has 1 to %(most)s characters.") % {"most": LONGEST_USER_NAME}
    return (
        None if is_plain else _("A user name is of ASCII letters, digits and signs, without ':'.")
    )
