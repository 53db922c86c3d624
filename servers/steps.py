"""The steps of actions: what each needs of the guest, and which call to Proxmox it is."""

from dataclasses import dataclass

from servers import power
from servers.models import Action, Server
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import GuestConfig, GuestState, Kind
from servers.proxmox.upid import Upid

STOP = "stop"
DESTROY = "destroy"
AGENT = "agent"
CLOUD_INIT = "cloud_init"
SNAPSHOT = "snapshot"
DELETE_SNAPSHOT = "snapshot_delete"
ROLL_BACK = "rollback"

# They have no task: Proxmox's answer is their end. And they need a password.
SYNCHRONOUS = frozenset((AGENT, CLOUD_INIT))
# Heavy on storages: so many of a cluster at a time, the others wait.
IN_TURN = frozenset((SNAPSHOT, DELETE_SNAPSHOT, ROLL_BACK))
# What they lock the guest with, for as long as they take.
LOCKS = {SNAPSHOT: "snapshot", DELETE_SNAPSHOT: "snapshot-delete", ROLL_BACK: "rollback"}

TASKS = {
    DESTROY: frozenset(("qmdestroy", "vzdestroy")),
    SNAPSHOT: frozenset(("qmsnapshot", "vzsnapshot")),
    DELETE_SNAPSHOT: frozenset(("qmdelsnapshot", "vzdelsnapshot")),
    ROLL_BACK: frozenset(("qmrollback", "vzrollback")),
}


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
        return self.server.guest_kind


def task_types(step: str) -> frozenset[str]:
    """The tasks of Proxmox that it may have become."""
    return TASKS.get(step) or power.VERBS[step].tasks  # type: ignore[index]  # else it is a verb


def leads_to(step: str) -> str | None:
    """The server's state once it is over; None where that is to be looked at."""
    verb = power.VERBS.get(step)  # type: ignore[call-overload]  # others have none
    return verb.leads_to if verb else None


def is_done(action: Action, guest: Guest) -> bool:
    """What is so already is not done again: a server that is down needs not be stopped."""
    is_down = guest.state.status in (Server.Status.STOPPED, Server.Status.SUSPENDED)
    return action.type == power.DELETE and action.step == STOP and is_down


def check(action: Action, guest: Guest) -> None:
    """Raises Unfit where the guest is not as the step needs it."""
    status, lock = guest.state.status, guest.state.lock
    if action.type == power.DELETE:
        check_deletion(action, guest)
    if action.step in SYNCHRONOUS:
        check_password_way(action, guest)
    elif refused := refusal(action.step, guest.kind, status, lock):
        raise unfit(refused)


def refusal(step: str, kind: str, status: str, lock: str) -> power.Refusal | None:
    if step in power.VERBS:
        return power.refusal(step, kind, status, lock)
    return power.Refusal("lock", lock) if step in IN_TURN and lock else None


def check_deletion(action: Action, guest: Guest) -> None:
    if guest.config.is_protected:
        raise Unfit("protected", "Proxmox protects this server from being deleted.")
    refused = power.delete_refusal(
        guest.state.status,
        guest.state.lock,
        protected=guest.server.protected,
        stop_first=action.step == STOP,
    )
    if refused:
        raise unfit(refused)


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
    if action.step == AGENT and guest.state.status != Server.Status.RUNNING:
        raise Unfit("not_running", f"It is {guest.state.status} now.")
    if action.step == AGENT and not guest.config.agent_enabled:
        raise Unfit("agent", "It has no guest agent.")
    if action.step == CLOUD_INIT and not guest.config.has_cloud_init:
        raise Unfit("no_cloud_init", "It has no cloud-init drive.")
    if action.step == CLOUD_INIT and guest.config.is_windows:
        raise Unfit("no_cloud_init", "Proxmox would keep the password in clear text.")


def call(action: Action, guest: Guest) -> Upid:
    """The call itself; the task that Proxmox answers it with."""
    actor, node, kind, vmid = guest.actor, guest.node, guest.kind, guest.server.vmid
    wish = action.parameters
    match action.step:
        case "destroy":
            return actor.destroy(node=node, kind=kind, vmid=vmid)
        case "snapshot":
            take = wish["take"]
            return actor.take_snapshot(
                node=node, kind=kind, vmid=vmid, name=take["name"],
                description=take["description"], memory=take["memory"],
            )  # fmt: skip
        case "snapshot_delete":
            return actor.delete_snapshot(node=node, kind=kind, vmid=vmid, name=wish["target"])
        case "rollback":
            return actor.roll_back(
                node=node, kind=kind, vmid=vmid, name=wish["target"], start=wish["start"]
            )
        case _:
            return change_power(action, guest)


def change_power(action: Action, guest: Guest) -> Upid:
    actor, node, kind, vmid = guest.actor, guest.node, guest.kind, guest.server.vmid
    verb = power.VERBS[action.step]  # type: ignore[index]  # every other step is a verb
    if verb.type == "stop" and action.parameters.get("overrule") and not guest.state.ha_managed:
        return actor.overrule(node=node, kind=kind, vmid=vmid)
    return actor.power(verb.type, node=node, kind=kind, vmid=vmid, timeout=verb.timeout)


def set_password(action: Action, guest: Guest, password: str) -> bool:
    """False where Proxmox does not confirm it."""
    user = str(action.parameters.get("username", ""))
    node, vmid = guest.node, guest.server.vmid
    if action.step == AGENT:
        return guest.actor.set_user_password(
            node=node, vmid=vmid, username=user, password=password
        )
    # Who is there already needs not be named: the option is left as it is.
    named = "" if user == guest.config.cloud_init_user else user
    guest.actor.set_cloud_init_password(node=node, vmid=vmid, username=named, password=password)
    return True
