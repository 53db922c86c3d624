"""Sending an action's step to Proxmox, once.

Look first (which guest is it, where is it, what does it do), note in the row that it is being sent,
then send. Whatever happens from that note on, the verb is never sent again: if no answer came,
`follow` looks for the task in Proxmox.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from servers import actions, facts, inventory, passwords, power, verdicts
from servers.clusters import access_to, gateway_to
from servers.identity import same_guest
from servers.models import Action, Cluster, ClusterToken, Server
from servers.proxmox.errors import (
    NotDelivered,
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxRefused,
    ProxmoxUnreachable,
)
from servers.proxmox.gateway import ACT_SECONDS, Gateway
from servers.proxmox.types import GuestConfig, GuestState, Kind
from servers.proxmox.upid import Upid
from servers.queue import enqueue

logger = logging.getLogger(__name__)

# Longer than one call to Proxmox, so that a claim ends only with a dead worker.
CLAIM_LASTS = timedelta(seconds=45)
SENDING_LASTS = timedelta(seconds=ACT_SECONDS + 25)
TRY_AGAIN = timedelta(seconds=5)
# What cannot be delivered for so long is given up: by then the person has looked elsewhere.
SEND_WITHIN = timedelta(seconds=60)

Clock = Callable[[], datetime]

STOP_STEP = "stop"
DESTROY_STEP = "destroy"
AGENT_STEP = "agent"
CLOUD_INIT_STEP = "cloud_init"
# They have no task: Proxmox's answer is their end.
SYNCHRONOUS = frozenset((AGENT_STEP, CLOUD_INIT_STEP))


class Unfit(Exception):
    """The guest is not as the action needs it; nothing was sent."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Guest:
    """The guest as Proxmox has it now, with the two gateways to it."""

    server: Server
    reader: Gateway
    actor: Gateway
    node: str
    config: GuestConfig
    state: GuestState

    @property
    def kind(self) -> Kind:
        return self.server.kind  # type: ignore[return-value]  # Server.Kind has these two


def run(action_id: int, *, clock: Clock, sealed: str = "") -> bool:
    """Send the action's step, unless somebody else is at it. False where there was nothing to do."""
    action = actions.claim(action_id, now=clock(), lasts=CLAIM_LASTS)
    if action is None:
        return False
    order = Order(action, clock, seal=action.seal, sealed=sealed)
    try:
        guest = prepare(order)
    except Unfit as error:
        not_sent(order, error.code, str(error))
    except ProxmoxUnreachable as error:
        put_off(order, error)
    except (ProxmoxDenied, ProxmoxRefused) as error:
        not_sent(order, code_of(error), str(error))
    else:
        if guest is not None:
            send(order, guest)
    return True


@dataclass(frozen=True)
class Order:
    """A claimed action, with what its message brought: the two halves of a password."""

    action: Action
    clock: Clock
    seal: str = ""
    sealed: str = ""

    @property
    def password(self) -> str | None:
        return passwords.unseal(self.seal, self.sealed)


def prepare(order: Order) -> Guest | None:
    """The guest, once it stands in the row that the step is being sent. None: do not send."""
    action, clock = order.action, order.clock
    if action.step in SYNCHRONOUS and order.password is None:
        raise Unfit("secret_lost", "The password was lost on its way. Nothing was changed.")
    guest = look_at(action, clock=clock)
    if not still_fits(action, guest, clock=clock):
        return None
    known = [] if action.step in SYNCHRONOUS else known_tasks(guest)
    is_ours = actions.mark_sent(
        action, node=guest.node, known_upids=known, now=clock(), lasts=SENDING_LASTS
    )
    return guest if is_ours else None


def send(order: Order, guest: Guest) -> None:
    action, clock, password = order.action, order.clock, order.password
    try:
        if password is None:
            actions.note_task(action, call(action, guest))
        else:
            set_password(action, guest, password, clock=clock)
    except NotDelivered as error:
        not_delivered(order, error)
        return
    except ProxmoxUnreachable as error:
        # It may have arrived. A task of it, if there is one, will be found.
        logger.warning("Action %s: no answer to its call: %s", action.pk, error)
        if action.step in SYNCHRONOUS:
            actions.lose(action, "not_confirmed", str(error), now=clock())
            return
        actions.release(action)
    except (ProxmoxDenied, ProxmoxRefused) as error:
        actions.fail(action, code_of(error), str(error), now=clock())
        return
    follow_soon(action.server.cluster_id)


def code_of(error: ProxmoxError) -> str:
    if isinstance(error, ProxmoxDenied):
        logger.error("Proxmox denies the panel what an action needs: %s", error)
        return "denied"
    return verdicts.kind_of(str(error))


def put_off(order: Order, error: ProxmoxError) -> None:
    """Nothing was sent yet: again in some seconds, or given up."""
    if is_given_up(order):
        not_sent(order, *given_up(order.action, error))
        return
    actions.release(order.action, next_look_at=order.clock() + TRY_AGAIN)
    actions.wake(order.action, order.sealed, delay=TRY_AGAIN)


def not_delivered(order: Order, error: ProxmoxError) -> None:
    """As if it had not been sent, which it was not."""
    action = order.action
    if is_given_up(order):
        code, message = given_up(action, error)
        actions.fail(action, code, message, now=order.clock())
        return
    actions.mark_not_sent(action, seal=order.seal, next_look_at=order.clock() + TRY_AGAIN)
    actions.wake(action, order.sealed, delay=TRY_AGAIN)


def is_given_up(order: Order) -> bool:
    return order.clock() - since(order.action) >= SEND_WITHIN


def since(action: Action) -> datetime:
    """When its step could have been sent first."""
    if action.steps:
        return datetime.fromisoformat(str(action.steps[-1]["finished_at"]))
    return action.requested_at


def given_up(action: Action, error: ProxmoxError) -> tuple[str, str]:
    return ("unreachable_midway" if action.steps else "unreachable"), str(error)


def not_sent(order: Order, code: str, message: str) -> None:
    actions.fail(order.action, code, message, now=order.clock(), unsent=True)


def follow_soon(cluster_id: int) -> None:
    enqueue(
        "servers.follow_actions",
        delay=timedelta(seconds=0.5),
        expires=timedelta(seconds=30),
        cluster_id=cluster_id,
    )


def look_at(action: Action, *, clock: Clock) -> Guest:
    """The guest, if it still is the one that the server stands for."""
    server = action.server
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=server.cluster_id)
    reader = gateway_to(access_to(cluster, ClusterToken.Purpose.READ))
    purpose = ClusterToken.Purpose.RESET if action.step == AGENT_STEP else ClusterToken.Purpose.ACT
    actor = gateway_to(access_to(cluster, purpose))
    node, config = find(server, reader)
    if not server.identity:
        raise Unfit("not_identified", "It is not known yet which guest this is. Try again soon.")
    if not same_guest(server.identity, config.identity):
        Server.objects.filter(pk=server.pk).update(identity_due=True, identity_next_at=None)
        raise Unfit("other_guest", "Another guest has taken this server's place in Proxmox.")
    kind: Kind = server.kind  # type: ignore[assignment]  # Server.Kind has these two
    state = reader.guest_state(node=node, kind=kind, vmid=server.vmid)
    facts.refresh(server, config, now=clock())
    if (state.status, state.lock) != (server.status, server.lock):
        inventory.observe(server.pk, state.status, lock=state.lock, now=clock())
    return Guest(server, reader, actor, node, config, state)


def find(server: Server, reader: Gateway) -> tuple[str, GuestConfig]:
    """Where the guest is now, and its configuration. It may have moved since the last cycle."""
    kind: Kind = server.kind  # type: ignore[assignment]  # Server.Kind has these two
    node = server.node.name if server.node else ""
    if node:
        try:
            return node, reader.guest_config(node=node, kind=kind, vmid=server.vmid)
        except ProxmoxRefused as error:
            if verdicts.kind_of(str(error)) != "moved":
                raise
    for guest in reader.resources().guests:
        if guest.vmid == server.vmid and guest.type == kind and guest.node != node:
            return guest.node, reader.guest_config(node=guest.node, kind=kind, vmid=server.vmid)
    raise Unfit("missing", "Proxmox does not list this server any more.")


def still_fits(action: Action, guest: Guest, *, clock: Clock) -> bool:
    """Whether the step is to be sent. What is so already is not done again."""
    status, lock = guest.state.status, guest.state.lock
    if action.type == power.DELETE:
        return delete_step_fits(action, guest, clock=clock)
    if action.type == power.PASSWORD:
        check_password_way(action, guest)
        return True
    if refused := power.refusal(action.step, guest.kind, status, lock):
        raise unfit(refused)
    return True


def delete_step_fits(action: Action, guest: Guest, *, clock: Clock) -> bool:
    status, lock = guest.state.status, guest.state.lock
    if guest.config.is_protected:
        raise Unfit("protected", "Proxmox protects this server from being deleted.")
    refused = power.delete_refusal(
        status, lock, protected=guest.server.protected, stop_first=action.step == STOP_STEP
    )
    if refused:
        raise unfit(refused)
    is_down = status in (Server.Status.STOPPED, Server.Status.SUSPENDED)
    if action.step == STOP_STEP and is_down:
        actions.next_step(action, DESTROY_STEP, now=clock())
        return False
    return True


def unfit(refused: power.Refusal) -> Unfit:
    messages = {
        "state": f"It is {refused.detail} now.",
        "lock": f"Proxmox has locked it ({refused.detail}).",
        "kind": "Proxmox cannot do this with a server of this kind.",
        "protected": "It is protected from being deleted.",
        "gone": "It does not exist any more.",
    }
    return Unfit({"lock": "locked"}.get(refused.code, refused.code), messages[refused.code])


def check_password_way(action: Action, guest: Guest) -> None:
    if guest.kind == "lxc":
        raise Unfit("kind", "Proxmox cannot set the password of a container from outside.")
    if action.step == AGENT_STEP and guest.state.status != Server.Status.RUNNING:
        raise Unfit("not_running", f"It is {guest.state.status} now.")
    if action.step == AGENT_STEP and not guest.config.agent_enabled:
        raise Unfit("agent", "It has no guest agent.")
    if action.step == CLOUD_INIT_STEP and not guest.config.has_cloud_init:
        raise Unfit("no_cloud_init", "It has no cloud-init drive.")


def known_tasks(guest: Guest) -> list[str]:
    """What Proxmox has of this guest before we ask for more."""
    tasks = guest.actor.guest_tasks(node=guest.node, vmid=guest.server.vmid)
    return [task.upid.text for task in tasks]


def call(action: Action, guest: Guest) -> Upid:
    """The verb itself."""
    actor, node, kind, vmid = guest.actor, guest.node, guest.kind, guest.server.vmid
    if action.step == DESTROY_STEP:
        return actor.destroy(node=node, kind=kind, vmid=vmid)
    verb = power.VERBS[action.step]  # type: ignore[index]  # every other step is a verb
    if verb.type == "stop" and action.parameters.get("overrule") and not guest.state.ha_managed:
        return actor.overrule(node=node, kind=kind, vmid=vmid)
    return actor.power(verb.type, node=node, kind=kind, vmid=vmid, timeout=verb.timeout)


def set_password(action: Action, guest: Guest, password: str, *, clock: Clock) -> None:
    user = str(action.parameters.get("username", ""))
    vmid = guest.server.vmid
    if action.step == CLOUD_INIT_STEP:
        guest.actor.set_cloud_init_password(
            node=guest.node, vmid=vmid, username=user, password=password
        )
        Server.objects.filter(pk=guest.server.pk).update(password_set_at=clock())
    elif not guest.actor.set_user_password(
        node=guest.node, vmid=vmid, username=user, password=password
    ):
        actions.lose(
            action,
            "not_confirmed",
            "Proxmox did not confirm that the password was changed.",
            now=clock(),
        )
        return
    actions.finish(action, Action.Status.SUCCESS, now=clock())
