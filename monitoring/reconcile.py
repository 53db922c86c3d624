"""Known servers against reported guests: what is new, changed, missing, to be looked into. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from monitoring.readings import Counters, DiskUse, Measured, Reading, Sizes, nodes_online, read
from servers.models import Server
from servers.proxmox.types import Guest, Resources


class Known(NamedTuple):
    """What the database holds of a present server."""

    id: int
    vmid: int
    kind: str
    node: str
    guest_name: str
    status: str
    lock: str
    tags: str
    cpus: int | None
    identity: str
    identity_due: bool
    missing: bool
    # An action saw its state after what Proxmox tells now was measured.
    seen_lately: bool = False
    owner: int | None = None


@dataclass
class Plan:
    """What one cycle has to do. Server ids where a server is known, guests where it is not."""

    new: list[tuple[Guest, Reading]] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    changed: dict[int, dict[str, object]] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    samples: dict[int, Measured] = field(default_factory=dict)
    resized: dict[int, Sizes] = field(default_factory=dict)
    counters: dict[int, Counters] = field(default_factory=dict)


def reconcile(
    resources: Resources,
    known: Iterable[Known],
    remembered: Mapping[int, Counters],
    disks: Mapping[int, DiskUse],
    *,
    now: int,
) -> Plan:
    """The plan of one cycle; `now` in Unix seconds.

    `remembered` by VMID, `disks` by server id. Templates are no servers. A guest that the list
    repeats counts once.
    """
    plan = Plan()
    states = {node.node: node.status for node in resources.nodes}
    reported = {guest.vmid: guest for guest in resources.guests if not guest.template}
    for server in known:
        guest = reported.pop(server.vmid, None)
        if guest is None:
            is_partial = resources.malformed > 0
            absent(plan, server, remembered.get(server.vmid), is_partial=is_partial)
            continue
        reading = read(
            guest,
            remembered.get(server.vmid),
            node_online=nodes_online(states, guest.node),
            disk=disks.get(server.id),
            now=now,
        )
        if guest.type != server.kind:
            plan.replaced.append(server.id)
            plan.new.append((guest, reading))
            continue
        meet(plan, server, guest, reading)
    for guest in reported.values():
        online = nodes_online(states, guest.node)
        plan.new.append((guest, read(guest, None, node_online=online, disk=None, now=now)))
    for guest, reading in plan.new:
        if reading.counters:
            plan.counters[guest.vmid] = reading.counters
    return plan


def absent(plan: Plan, server: Known, previous: Counters | None, *, is_partial: bool) -> None:
    """A server that is not listed. In a list that could not be read whole it may well be.

    Its counters are then kept: without them a restart meanwhile, and with it another guest under
    its VMID, would not be noticed.
    """
    if not is_partial:
        if not server.missing:
            plan.missing.append(server.id)
        return
    if previous is not None:
        plan.counters[server.vmid] = previous
    changes: dict[str, object] = {}
    if server.status != Server.Status.UNKNOWN:
        changes["status"] = Server.Status.UNKNOWN
    if server.missing:
        changes["missing_since"] = None
    if changes:
        plan.changed[server.id] = changes


def meet(plan: Plan, server: Known, guest: Guest, reading: Reading) -> None:
    """Adds to the plan what a reported guest means for its server."""
    changes = differences(server, guest, reading.status)
    suspected = server.identity_due or is_suspect(server, guest, reading)
    if suspected and not server.identity_due:
        changes |= {"identity_due": True, "identity_next_at": None}
    if changes:
        plan.changed[server.id] = changes
    # While it may be another guest under an old VMID, its numbers belong to nobody yet.
    held = suspected and bool(server.identity)
    if reading.counters:
        # Sizes that were held back are compared anew by the next cycle.
        remembered = reading.counters._replace(sizes=None) if held else reading.counters
        plan.counters[server.vmid] = remembered
    if reading.measured and not held:
        plan.samples[server.id] = reading.measured
        if reading.resized and reading.counters and reading.counters.sizes:
            plan.resized[server.id] = reading.counters.sizes


def differences(server: Known, guest: Guest, status: str) -> dict[str, object]:
    """The fields of the server that are no longer true. Absent is not empty: what a row of
    status "unknown" leaves out is kept."""
    changes: dict[str, object] = {}
    if guest.node != server.node:
        changes["node"] = guest.node
    if not server.seen_lately:
        changes |= changed_state(server, guest, status)
    if server.missing:
        changes["missing_since"] = None
    if guest.name:
        changes |= described_anew(server, guest)
    return changes


def changed_state(server: Known, guest: Guest, status: str) -> dict[str, object]:
    changes: dict[str, object] = {}
    # Proxmox lists a paused guest as running: a look asks whether it still is.
    is_still_paused = (server.status, status) == (Server.Status.PAUSED, Server.Status.RUNNING)
    if status != server.status and not is_still_paused:
        changes["status"] = status
    if guest.lock[:32] != server.lock:
        changes["lock"] = guest.lock[:32]
    return changes


def described_anew(server: Known, guest: Guest) -> dict[str, object]:
    changes: dict[str, object] = {}
    if guest.name[:128] != server.guest_name:
        changes["guest_name"] = guest.name[:128]
    if guest.tags[:512] != server.tags:
        changes["tags"] = guest.tags[:512]
    cpus = None if guest.maxcpu is None else round(guest.maxcpu)
    if cpus is not None and 0 <= cpus < 2**31 and cpus != server.cpus:
        changes["cpus"] = cpus
    return changes


def is_suspect(server: Known, guest: Guest, reading: Reading) -> bool:
    """Whether the VMID may have been given to another guest since the last cycle.

    Deleting and re-creating passes through a stop, so each of these is a sign: it started anew,
    its name changed, it was away, or Proxmox lists it without any data, as it does a new guest.
    """
    started = (
        reading.status == Server.Status.RUNNING and server.status not in STILL_THE_SAME_PROCESS
    )
    renamed = bool(guest.name) and guest.name[:128] != server.guest_name
    return reading.restarted or started or renamed or server.missing or is_bare(guest)


STILL_THE_SAME_PROCESS = frozenset(
    (Server.Status.RUNNING, Server.Status.PAUSED, Server.Status.UNKNOWN)
)


def is_bare(guest: Guest) -> bool:
    return guest.status == "unknown" and not guest.name and guest.maxmem is None
