"""One simulated guest: what it is, whether it runs, and what can be measured of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from servers.simulator.load import Rhythm, load

GIB = 1024**3
MIB = 1024**2


class Kind(StrEnum):
    QEMU = "qemu"
    LXC = "lxc"


class Power(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class Agent(StrEnum):
    """What the guest agent of a VM does when it is asked."""

    NONE = "none"  # not in the configuration
    UP = "up"
    DEAD = "dead"  # configured, but nothing listens in the guest
    SLOW = "slow"  # answers after some seconds
    HANGING = "hanging"  # answers a ping and then nothing


class AgentNull(StrEnum):
    """Where an agent's answer is null although nothing failed."""

    DATA = "data"  # {"data": null}
    RESULT = "result"  # {"data": {"result": null}}


class HaState(StrEnum):
    STARTED = "started"
    STOPPED = "stopped"
    ERROR = "error"


@dataclass(slots=True)
class Ha:
    """What the cluster resource manager (CRM) knows of a guest that it looks after."""

    state: HaState
    group: str = ""
    breaks: bool = False  # the next request ends in the error state
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    name: str
    description: str
    taken_at: int
    vmstate: bool
    parent: str | None
    config: dict[str, object]


class Measured(NamedTuple):
    """What pvestatd reports of a guest: bytes, seconds, CPU as a fraction of its vCPUs."""

    status: str
    name: str
    uptime: int
    cpu: float
    maxcpu: int
    mem: int
    memhost: int
    maxmem: int
    disk: int
    maxdisk: int
    netin: int
    netout: int
    diskread: int
    diskwrite: int
    template: int


class Holder(Protocol):
    """The task that holds the lock file of a guest's configuration."""

    @property
    def done(self) -> bool: ...


@dataclass(slots=True)
class Guest:
    vmid: int
    kind: Kind
    name: str
    node: str
    uuid: str
    rhythm: Rhythm
    created_at: float
    cores: int = 2
    memory: int = 2 * GIB
    maxdisk: int = 20 * GIB
    storage: str = "local-lvm"
    ostype: str = "l26"
    system: str = "debian"
    description: str = ""
    tags: str = ""
    pool: str = ""
    agent: Agent = Agent.UP
    agent_error: str = ""  # the guest's own words, when it refuses what the agent is asked
    agent_null: AgentNull | None = None  # how it answers a change of a password
    agent_null_applies: bool = False
    vga: str = ""
    serial: bool = False
    template: bool = False
    protection: bool = False
    onboot: bool = True
    ignores_shutdown: bool = False
    start_warning: str = ""
    lock: str = ""
    ha: Ha | None = None
    cloud_init: dict[str, str] = field(default_factory=dict)
    cloud_init_drive: bool = False
    # What the drive holds, and what the guest read from it last; None before it was ever made.
    cloud_init_image: dict[str, str] | None = None
    cloud_init_read: dict[str, str] | None = None
    passwords: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    parent: str | None = None
    power: Power = Power.STOPPED
    started_at: float = 0.0
    pid: int = 0
    busy_cpu: float | None = None
    # (from, until, cpu): when it computed how much, for what Proxmox recorded.
    busy_times: list[tuple[float, float, float]] = field(default_factory=list)
    full_disk: float | None = None
    holder: Holder | None = None
    revision: int = 0
    # Activity banked before the last pause, and what the load said when the guest went on.
    _moved: float = 0.0
    _moving_from: float | None = None
    sample: Measured | None = None
    sampled_at: float = -1.0
    # The row that was made of this guest last, and of what: making it is most of the cost of a
    # list of ten thousand.
    row: bytes = b""
    row_made_of: tuple[object, ...] = ()

    @property
    def running(self) -> bool:
        """True also when paused: the process is there, which is what Proxmox asks."""
        return self.power is not Power.STOPPED

    @property
    def users(self) -> tuple[str, ...]:
        """Who can sign in, the user of cloud-init's choice first."""
        return ("Administrator",) if self.system == "windows" else ("debian", "root")

    @property
    def noun(self) -> str:
        return "VM" if self.kind is Kind.QEMU else "CT"

    @property
    def tap(self) -> str:
        return f"tap{self.vmid}i0" if self.kind is Kind.QEMU else f"veth{self.vmid}i0"

    def begin(self, now: float) -> None:
        """A new process: uptime and counters begin at nothing."""
        self.power = Power.RUNNING
        self.started_at = now
        self.pid = 1000 + int(now * 7 + self.vmid) % 4_000_000
        self._moved = 0.0
        self._moving_from = load(self.rhythm, now).activity

    def boot(self, now: float) -> None:
        """Start cold. Proxmox makes the cloud-init drive anew, and the guest reads what is new."""
        self.begin(now)
        if not self.cloud_init_drive:
            return
        self.make_cloud_init_drive()
        password = self.cloud_init.get("cipassword")
        if password is not None and self.cloud_init_read != self.cloud_init:
            self.passwords[self.cloud_init.get("ciuser", self.users[0])] = password
        self.cloud_init_read = self.cloud_init_image

    def make_cloud_init_drive(self) -> None:
        self.cloud_init_image = dict(self.cloud_init)

    def end(self) -> None:
        self.power = Power.STOPPED
        self._moving_from = None

    def pause(self, now: float) -> None:
        if self.power is Power.RUNNING:
            self._moved = self._activity(load(self.rhythm, now).activity)
            self._moving_from = None
            self.power = Power.PAUSED

    def resume(self, now: float) -> None:
        if self.power is Power.PAUSED:
            self._moving_from = load(self.rhythm, now).activity
            self.power = Power.RUNNING

    def disk_used(self, at: float) -> int:
        """Bytes in use inside the guest, as its agent or the container's file system tells."""
        if self.full_disk is not None:
            return int(self.maxdisk * self.full_disk)
        month = at % 2_592_000 / 2_592_000
        return int(self.maxdisk * min(self.rhythm.disk_level * (1 + 0.2 * month), 0.97))

    def measure(self, at: float) -> Measured:
        """What a look at the guest at this moment shows."""
        rhythm = self.rhythm
        is_container = self.kind is Kind.LXC
        if self.power is Power.STOPPED:
            return Measured(
                "stopped", self.name, 0, 0, self.cores, 0, 0, self.memory, 0, self.maxdisk,
                0, 0, 0, 0, int(self.template),
            )  # fmt: skip
        cpu, memory, activity = load(rhythm, at)
        if self.power is Power.PAUSED:
            cpu = 0.0
        elif (busy := self._busy(at)) is not None:
            cpu = busy + 0.01 * (memory / rhythm.memory_level - 1)
        mem = int(self.memory * min(memory, 0.99))
        moved = self._activity(activity)
        return Measured(
            "running",
            self.name,
            int(at - self.started_at),
            cpu,
            self.cores,
            mem,
            0 if is_container else mem + 96 * MIB,
            self.memory,
            self.disk_used(at) if is_container else 0,
            self.maxdisk,
            int(moved * rhythm.netin_rate),
            int(moved * rhythm.netout_rate),
            int(moved * rhythm.read_rate),
            int(moved * rhythm.write_rate),
            int(self.template),
        )

    def _busy(self, at: float) -> float | None:
        for begins, ends, cpu in self.busy_times:
            if begins <= at < ends:
                return cpu
        return self.busy_cpu

    def _activity(self, now: float) -> float:
        """Seconds at mean load since the process began."""
        return self._moved if self._moving_from is None else self._moved + now - self._moving_from
