"""What a rule can watch. Pure.

Units, everywhere but on pages: fractions from 0 to 1, bytes per second, seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK_IN = "network_in"
    NETWORK_OUT = "network_out"
    DISK_READ = "disk_read"
    DISK_WRITE = "disk_write"
    STATE = "state"
    REACHABILITY = "reachability"
    SNAPSHOT_FAILED = "snapshot_failed"
    SNAPSHOT_AGE = "snapshot_age"
    DISK_FULL_IN = "disk_full_in"


class Unit(StrEnum):
    FRACTION = "fraction"
    RATE = "bytes per second"
    SECONDS = "seconds"
    # Nothing to compare with: it is so or it is not.
    FLAG = "flag"


class Trust(StrEnum):
    """Which values a rule believes."""

    ANY = "any"
    # Not carried on from minutes ago, as the disk use that a guest agent told may be.
    FRESH = "fresh"
    # Told from inside the guest: by its balloon driver, or by its agent.
    GUEST = "guest"


@dataclass(frozen=True)
class Kind:
    """`measured`: each sample has it, or may. `highest`: what a threshold can be at most."""

    unit: Unit
    measured: bool
    highest: float = 1.0


YEAR = 366 * 86400.0
# 100 Gbit/s and beyond, so that a slip of the finger is told.
FASTEST = 1e12

KINDS: dict[Metric, Kind] = {
    Metric.CPU: Kind(Unit.FRACTION, measured=True),
    Metric.MEMORY: Kind(Unit.FRACTION, measured=True),
    Metric.DISK: Kind(Unit.FRACTION, measured=True),
    Metric.NETWORK_IN: Kind(Unit.RATE, measured=True, highest=FASTEST),
    Metric.NETWORK_OUT: Kind(Unit.RATE, measured=True, highest=FASTEST),
    Metric.DISK_READ: Kind(Unit.RATE, measured=True, highest=FASTEST),
    Metric.DISK_WRITE: Kind(Unit.RATE, measured=True, highest=FASTEST),
    Metric.STATE: Kind(Unit.FLAG, measured=False),
    Metric.REACHABILITY: Kind(Unit.FLAG, measured=False),
    Metric.SNAPSHOT_FAILED: Kind(Unit.FLAG, measured=False),
    Metric.SNAPSHOT_AGE: Kind(Unit.SECONDS, measured=False, highest=YEAR),
    Metric.DISK_FULL_IN: Kind(Unit.SECONDS, measured=False, highest=YEAR),
}

MEASURED = frozenset(metric for metric, kind in KINDS.items() if kind.measured)
FLAGS = frozenset(metric for metric, kind in KINDS.items() if kind.unit == Unit.FLAG)
# What the guest itself can tell.
TOLD_BY_GUEST = frozenset((Metric.MEMORY, Metric.DISK))
