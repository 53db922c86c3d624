"""Sending an action's step to Proxmox, once.

Look first (which guest is it, where is it, what does it do), note in the row that it is being sent,
then send. Whatever happens from that note on, the verb is never sent again: if no answer came,
`follow` looks for the task in Proxmox.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from accounts import roles
from servers import (
    access,
    actions,
    facts,
    inventory,
    locate,
    passwords,
    power,
    steps,
    turns,
    verdicts,
)
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
from servers.proxmox.types import GuestConfig
from servers.queue import enqueue
from servers.steps import Guest, Unfit

logger = logging.getLogger(__name__)

# Longer than one call to Proxmox, so that a claim ends only with a dead worker.
CLAIM_LASTS = timedelta(seconds=45)
SENDING_LASTS = timedelta(seconds=ACT_SECONDS + 25)
TRY_AGAIN = timedelta(seconds=5)
CARRIED_FOR = timedelta(seconds=3)
# What cannot be delivered for so long is given up: by then the person has looked elsewhere.
SEND_WITHIN = timedelta(seconds=60)

Clock = Callable[[], datetime]


def run(action_id: int, *, clock: Clock, sealed: str = "") -> bool:
    """Send the action's step, unless somebody else is at it. False where there was nothing to do."""
    action = actions.claim(action_id, now=clock(), lasts=CLAIM_LASTS)
    if action is None:
        carry_on(action_id, sealed)
        return False
    if action.step in steps.IN_TURN and not turns.is_ours(action):
        turns.queue(action)
        carry_on(action_id, sealed)
        return False
    turns.note(action, now=clock())
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


def carry_on(action_id: int, sealed: str) -> None:
    """A password whose step comes later goes round until then: nothing stores it."""
    if not sealed:
        return
    action = Action.objects.unfinished().filter(pk=action_id).first()
    if action is not None and steps.SYNCHRONOUS & {action.step, *action.plan}:
        actions.wake(action, sealed, delay=CARRIED_FOR)


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
    if action.step in steps.SYNCHRONOUS and order.password is None:
        if not order.sealed:
            # Its password is on its way in another message, or lost: the sweep tells which.
            actions.release(action)
            return None
        raise Unfit("secret_lost", "The password was lost on its way. Nothing was changed.")
    check_person(action)
    guest = look_at(action, clock=clock)
    if steps.is_done(action, guest):
        actions.next_step(action, now=clock())
        return None
    steps.check(action, guest)
    known = [] if action.step in steps.SYNCHRONOUS else known_tasks(guest)
    note = partial(
        actions.mark_sent, action, node=guest.node, known_upids=known, now=clock(),
        lasts=SENDING_LASTS, keep_seal=action.step not in steps.SYNCHRONOUS,
    )  # fmt: skip
    is_ours = turns.take(action, note) if action.step in steps.IN_TURN else note()
    return guest if is_ours else None


def check_person(action: Action) -> None:
    """Whoever asked for it may have lost the server, the account or the role while it waited. What
    the panel asked for itself names nobody."""
    if not action.server.present:
        raise Unfit("gone", "It does not exist any more.")
    if not action.requested_by_email:
        return
    person = action.requested_by
    mine = Server.objects.none() if person is None else Server.objects.visible_to(person)
    server = mine.filter(pk=action.server_id).first()
    needed = roles.DESTROY if action.type == power.DELETE else roles.OPERATE
    if server is None or person is None or not access.may(person, server, needed):
        raise Unfit("no_access", "Whoever asked for it may not act on this server any more.")


def send(order: Order, guest: Guest) -> None:
    action, clock = order.action, order.clock
    password = order.password if action.step in steps.SYNCHRONOUS else None
    try:
        if password is None:
            actions.note_task(action, steps.call(action, guest))
        else:
            set_password(action, guest, password, clock=clock)
    except NotDelivered as error:
        not_delivered(order, error)
        return
    except ProxmoxUnreachable as error:
        # It may have arrived. A task of it, if there is one, will be found.
        logger.warning("Action %s: no answer to its call: %s", action.pk, error)
        if action.step in steps.SYNCHRONOUS:
            actions.lose(action, "not_confirmed", str(error), now=clock())
            return
        actions.release(action)
    except (ProxmoxDenied, ProxmoxRefused) as error:
        if action.step == steps.AGENT and verdicts.is_timeout(str(error)):
            # The agent was asked, and may yet have done it.
            actions.lose(action, "not_confirmed", str(error), now=clock())
        else:
            actions.fail(action, code_of(error), str(error), now=clock())
        return
    carry_on(action.pk, order.sealed)
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
    if action.step in steps.IN_TURN and action.turn_at:
        return action.turn_at
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
    purpose = (
        ClusterToken.Purpose.RESET if action.step == steps.AGENT else ClusterToken.Purpose.ACT
    )
    actor = gateway_to(access_to(cluster, purpose))
    node, config = find(server, reader)
    if not server.identity:
        raise Unfit("not_identified", "It is not known yet which guest this is. Try again soon.")
    if not same_guest(server.identity, config.identity):
        Server.objects.filter(pk=server.pk).update(identity_due=True, identity_next_at=None)
        raise Unfit("other_guest", "Another guest has taken this server's place in Proxmox.")
    kind = server.guest_kind
    state = reader.guest_state(node=node, kind=kind, vmid=server.vmid)
    facts.refresh(server, config, now=clock())
    if (state.status, state.lock) != (server.status, server.lock):
        inventory.observe(server.pk, state.status, lock=state.lock, now=clock())
    return Guest(server, reader, actor, node, config, state)


def find(server: Server, reader: Gateway) -> tuple[str, GuestConfig]:
    """Where the guest is now, and its configuration. Raises Unfit where it is nowhere."""
    kind = server.guest_kind
    node = server.node.name if server.node else ""
    found = locate.find(reader, node=node, kind=kind, vmid=server.vmid)
    if found is None:
        raise Unfit("missing", "Proxmox does not list this server any more.")
    return found


def known_tasks(guest: Guest) -> list[str]:
    """What Proxmox has of this guest before we ask for more."""
    tasks = guest.actor.guest_tasks(node=guest.node, vmid=guest.server.vmid)
    return [task.upid.text for task in tasks]


def set_password(action: Action, guest: Guest, password: str, *, clock: Clock) -> None:
    if not steps.set_password(action, guest, password):
        why = "Proxmox did not confirm that the password was changed."
        actions.lose(action, "not_confirmed", why, now=clock())
        return
    if action.step == steps.CLOUD_INIT:
        Server.objects.filter(pk=guest.server.pk).update(password_set_at=clock())
    actions.finish(action, Action.Status.SUCCESS, now=clock())
