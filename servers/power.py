"""Which actions a server's state and lock allow, and what each is at Proxmox. Pure.

Locks: with a backup running, Proxmox lets a VM be paused and resumed and nothing else; a
hibernated one (`suspended`) starts from its saved memory. Seen on a real Proxmox VE 9.1.
"""

from collections.abc import Collection
from dataclasses import dataclass

from servers.models import Server
from servers.proxmox.types import PowerVerb

Status = Server.Status

START = "start"
SHUTDOWN = "shutdown"
STOP = "stop"
REBOOT = "reboot"
RESET = "reset"
SUSPEND = "suspend"
RESUME = "resume"
DELETE = "delete"
PASSWORD = "password.reset"  # noqa: S105 — the name of an action

# How long the guest may take to agree, seconds. Proxmox's own default is 60.
SHUTDOWN_TIMEOUT = 90

RUNS = frozenset((Status.RUNNING, Status.UNKNOWN))


@dataclass(frozen=True)
class Verb:
    """`from_states`: where it makes sense; UNKNOWN is tried, and decided once Proxmox is asked.

    `seconds`: from the request until its outcome counts as lost.
    """

    type: PowerVerb
    from_states: Collection[str]
    # What the server is once Proxmox says OK.
    leads_to: str
    tasks: frozenset[str]
    seconds: int
    kinds: Collection[str] = (Server.Kind.QEMU, Server.Kind.LXC)
    timeout: int | None = None
    under_backup: bool = False


VERBS = {
    verb.type: verb
    for verb in (
        Verb(
            "start", {Status.STOPPED, Status.SUSPENDED, Status.UNKNOWN}, Status.RUNNING,
            frozenset(("qmstart", "vzstart", "hastart", "qmresume")), 300,
        ),
        Verb(
            "shutdown", RUNS, Status.STOPPED,
            frozenset(("qmshutdown", "vzshutdown", "hastop")), SHUTDOWN_TIMEOUT + 120,
            timeout=SHUTDOWN_TIMEOUT,
        ),
        Verb(
            "stop", RUNS | {Status.PAUSED}, Status.STOPPED,
            frozenset(("qmstop", "vzstop", "hastop")), 180,
        ),
        Verb(
            "reboot", RUNS, Status.RUNNING, frozenset(("qmreboot", "vzreboot")),
            SHUTDOWN_TIMEOUT + 180, timeout=SHUTDOWN_TIMEOUT,
        ),
        Verb(
            # A paused machine stays paused after it.
            "reset", RUNS, Status.RUNNING, frozenset(("qmreset",)), 120,
            kinds=(Server.Kind.QEMU,),
        ),
        Verb(
            "suspend", RUNS, Status.PAUSED, frozenset(("qmpause",)), 120,
            kinds=(Server.Kind.QEMU,), under_backup=True,
        ),
        Verb(
            "resume", {Status.PAUSED, Status.SUSPENDED, Status.UNKNOWN}, Status.RUNNING,
            frozenset(("qmresume", "qmstart")), 120, kinds=(Server.Kind.QEMU,), under_backup=True,
        ),
    )
}  # fmt: skip

# HA takes the wish and acts later: its manager looks every ten seconds.
HA_TASKS = frozenset(("hastart", "hastop"))
HA_SECONDS = 240


@dataclass(frozen=True)
class Refusal:
    """Why an action is not offered: `code` is kind, state, lock, gone or protected.

    `detail`: the state, or the lock.
    """

    code: str
    detail: str = ""


def refusal(type: str, kind: str, status: str, lock: str) -> Refusal | None:
    """Why this verb cannot be had now; None where it can."""
    verb = VERBS[type]  # type: ignore[index]  # callers name one of VERBS
    if status == Status.GONE:
        return Refusal("gone")
    if kind not in verb.kinds:
        return Refusal("kind", kind)
    if status not in verb.from_states:
        return Refusal("state", status)
    if blocks(lock, verb):
        return Refusal("lock", lock)
    return None


def blocks(lock: str, verb: Verb) -> bool:
    if lock == "suspended":
        return verb.leads_to != Status.RUNNING
    return bool(lock) and not (lock == "backup" and verb.under_backup)


def delete_refusal(status: str, lock: str, *, protected: bool, stop_first: bool) -> Refusal | None:
    """`stop_first` allows it for one that runs."""
    if status == Status.GONE:
        return Refusal("gone")
    if protected:
        return Refusal("protected")
    if lock not in ("", "suspended"):
        return Refusal("lock", lock)
    is_up = status not in (Status.STOPPED, Status.SUSPENDED, Status.UNKNOWN)
    return Refusal("state", status) if is_up and not stop_first else None
