"""One simulated hypervisor."""

from dataclasses import dataclass

from servers.simulator.guests import GIB
from servers.simulator.load import Rhythm, load


@dataclass(slots=True)
class Node:
    name: str
    address: str
    rhythm: Rhythm
    booted_at: float
    cores: int = 48
    memory: int = 512 * GIB
    maxdisk: int = 94 * GIB
    died_at: float | None = None
    silence: str = "No route to host"  # what other members say when they try to reach it
    # pvestatd stopped then: nothing of this node is measured any more.
    statistics_stopped_at: float | None = None
    # Statistics up to this refresh are gone, as after a restart of pvestatd.
    void_until: float = -1.0

    @property
    def alive(self) -> bool:
        return self.died_at is None

    def cpu(self, at: float) -> float:
        return min(load(self.rhythm, at).cpu, 1.0)

    def memory_used(self, at: float) -> int:
        return int(self.memory * min(load(self.rhythm, at).memory, 0.95))

    def disk_used(self) -> int:
        return int(self.maxdisk * self.rhythm.disk_level)
