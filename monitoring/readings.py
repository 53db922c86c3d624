"""From what Proxmox reports of a guest to what we hold to be true of a server. Pure.

Proxmox does not say when it measured. Its own collector refreshes every ten seconds, and a guest
on a dead node keeps its last numbers for five minutes; so numbers count as fresh only while the
guest's uptime advances, and rates are taken over the uptime that passed, not over our clock.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from servers.models import LastSample, Server
from servers.proxmox.types import Guest

# Uptime that has not moved for so long means that nobody measures any more.
FROZEN_SECONDS = 60
# A rate over a longer gap would be shown as if it were of one moment.
LONGEST_RATE_SECONDS = 300
# Disk use as the guest agent told it stays believable for so long.
GUEST_DISK_SECONDS = 900

STATUSES = {
    "running": Server.Status.RUNNING,
    "stopped": Server.Status.STOPPED,
    "paused": Server.Status.PAUSED,
}


# Where a figure comes from, as plain words: in samples.py they stand in SQL as they are.
HOST = LastSample.Source.HOST.value
GUEST = LastSample.Source.GUEST.value
AGENT = LastSample.Source.AGENT.value

# Memory and disk in bytes, None where not known.
Sizes = tuple[int | None, int | None]


class Counters(NamedTuple):
    """What is remembered of a guest until the next cycle. Times in Unix seconds."""

    node: str
    uptime: int
    moved_at: int
    netin: int | None
    netout: int | None
    diskread: int | None
    diskwrite: int | None
    sizes: Sizes | None = None


class DiskUse(NamedTuple):
    """`fullest`: the fraction used of the fullest file system, `fullest_at` its mount point."""

    used: int
    total: int
    measured_at: int
    fullest: float | None = None
    fullest_at: str = ""


class Measured(NamedTuple):
    """One sample's values; units as in LastSample, None where not known."""

    cpu: float | None
    memory_used: int | None
    memory_total: int | None
    disk_used: int | None
    disk_total: int | None
    network_in: float | None
    network_out: float | None
    disk_read: float | None
    disk_write: float | None
    uptime: int | None
    memory_source: str
    disk_source: str
    disk_measured_at: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A guest as this cycle sees it. `measured` is None where there is nothing fresh to store."""

    status: str
    measured: Measured | None
    counters: Counters | None
    restarted: bool = False
    # Whether memory or disk may have another size than the last cycle saw.
    resized: bool = False


def read(
    guest: Guest,
    previous: Counters | None,
    *,
    node_online: bool,
    disk: DiskUse | None,
    now: int,
) -> Reading:
    """Judge one reported guest. `now` in Unix seconds."""
    status = STATUSES.get(guest.status, Server.Status.UNKNOWN)
    if not node_online:
        return Reading(Server.Status.UNKNOWN, None, previous)
    if status == Server.Status.STOPPED and guest.lock == "suspended":
        return Reading(Server.Status.SUSPENDED, None, None)
    if status != Server.Status.RUNNING or guest.uptime is None or guest.uptime < 0:
        return Reading(status, None, previous if status == Server.Status.UNKNOWN else None)
    if previous is None or previous.node != guest.node:
        # After a start or a migration the counters begin anew: no rates from this one.
        return reading(status, guest, previous, measured(guest, None, disk, now), now)
    if guest.uptime == previous.uptime:
        frozen = now - previous.moved_at > FROZEN_SECONDS
        return Reading(Server.Status.UNKNOWN if frozen else status, None, previous)
    if guest.uptime < previous.uptime:
        fresh = measured(guest, None, disk, now)
        return reading(status, guest, previous, fresh, now, restarted=True)
    return reading(status, guest, previous, measured(guest, previous, disk, now), now)


def reading(
    status: str,
    guest: Guest,
    previous: Counters | None,
    fresh: Measured,
    now: int,
    *,
    restarted: bool = False,
) -> Reading:
    disk_total = fresh.disk_total
    if not fresh.disk_source and previous is not None and previous.sizes:
        # An agent that comes and goes is no new disk: what it told last is kept.
        disk_total = previous.sizes[1]
    sizes = (fresh.memory_total, disk_total)
    resized = previous is None or previous.sizes != sizes
    return Reading(status, fresh, counters(guest, sizes, now), restarted, resized)


def counters(guest: Guest, sizes: Sizes, now: int) -> Counters:
    return Counters(
        guest.node,
        guest.uptime or 0,
        now,
        guest.netin,
        guest.netout,
        guest.diskread,
        guest.diskwrite,
        sizes,
    )


def measured(guest: Guest, previous: Counters | None, disk: DiskUse | None, now: int) -> Measured:
    seconds = (guest.uptime or 0) - previous.uptime if previous else 0
    if previous is None or now - previous.moved_at > LONGEST_RATE_SECONDS:
        rates: tuple[float | None, ...] = (None, None, None, None)
    else:
        rates = (
            rate(previous.netin, guest.netin, seconds),
            rate(previous.netout, guest.netout, seconds),
            rate(previous.diskread, guest.diskread, seconds),
            rate(previous.diskwrite, guest.diskwrite, seconds),
        )
    used, total, source, measured_at = disk_use(guest, disk, now)
    return Measured(
        fraction(guest.cpu),
        positive(guest.mem),
        positive(guest.maxmem),
        used,
        total,
        rates[0],
        rates[1],
        rates[2],
        rates[3],
        guest.uptime,
        memory_source(guest),
        source,
        measured_at,
    )


def rate(before: int | None, after: int | None, seconds: int) -> float | None:
    """Bytes per second, None where the counter began anew or one end is missing."""
    if before is None or after is None or after < before or seconds <= 0:
        return None
    return (after - before) / seconds


def disk_use(
    guest: Guest, disk: DiskUse | None, now: int
) -> tuple[int | None, int | None, str, int | None]:
    """(used, total, source, measured at). The list says 0 for every VM: not known, not empty."""
    if guest.type == "lxc":
        used, total = positive(guest.disk) or None, positive(guest.maxdisk)
        return (used, total, HOST, now) if used else (None, total, "", None)
    if disk is not None and 0 <= now - disk.measured_at <= GUEST_DISK_SECONDS:
        return disk.used, disk.total, AGENT, disk.measured_at
    return None, positive(guest.maxdisk), "", None


def memory_source(guest: Guest) -> str:
    """Where the host's figure differs from `mem`, the balloon driver in the guest told it."""
    if guest.type == "qemu" and guest.memhost is not None and guest.memhost != guest.mem:
        return GUEST
    return HOST


def fraction(value: float | None) -> float | None:
    """May exceed 1 for a moment, and is then left so."""
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def positive(value: int | None) -> int | None:
    return value if value is not None and value >= 0 else None


def nodes_online(states: Mapping[str, str], node: str) -> bool:
    """A node that is not listed is not known to be down: a token may not see nodes."""
    return states.get(node, "online") == "online"
