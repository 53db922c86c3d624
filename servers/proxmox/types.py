"""Values that come out of the gateway. Units: fractions, bytes, seconds."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from servers.proxmox.upid import Upid

Kind = Literal["qemu", "lxc"]
# How far back Proxmox is asked; the finer, the shorter.
Timeframe = Literal["hour", "day", "week"]
PowerVerb = Literal["start", "shutdown", "stop", "reboot", "reset", "suspend", "resume"]


@dataclass(frozen=True)
class Endpoint:
    host: str
    port: int = 8006
    fingerprint: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Access:
    """How to reach one cluster with one token."""

    endpoints: tuple[Endpoint, ...]
    token_id: str
    secret: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)


class Guest(msgspec.Struct, frozen=True, gc=False):
    """A row of /cluster/resources for a VM or container, as Proxmox sent it.

    `cpu` is a fraction of the guest's own vCPUs; `netin`, `netout`, `diskread`, `diskwrite` count
    bytes since the guest's start; `disk` is always 0 for a VM. What was not sent is None.
    """

    type: Kind
    vmid: int
    node: str
    status: str = "unknown"
    name: str = ""
    cpu: float | None = None
    maxcpu: float | None = None
    mem: int | None = None
    maxmem: int | None = None
    memhost: int | None = None
    disk: int | None = None
    maxdisk: int | None = None
    netin: int | None = None
    netout: int | None = None
    diskread: int | None = None
    diskwrite: int | None = None
    uptime: int | None = None
    template: bool = False
    lock: str = ""
    tags: str = ""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """What Proxmox itself recorded of a guest, on average over the time that ends at `time`
    (Unix seconds) or began there, as its version has it. Bytes, and bytes per second.

    What was not measured is None, and so is all of a guest that was stopped; `disk` is 0 for a VM.
    """

    time: int
    cpu: float | None = None
    mem: float | None = None
    maxmem: float | None = None
    disk: float | None = None
    maxdisk: float | None = None
    netin: float | None = None
    netout: float | None = None
    diskread: float | None = None
    diskwrite: float | None = None


class NodeState(msgspec.Struct, frozen=True, gc=False):
    """A row of /cluster/resources for a node. Figures need Sys.Audit and are None without it."""

    node: str
    status: str = "unknown"
    cpu: float | None = None
    maxcpu: float | None = None
    mem: int | None = None
    maxmem: int | None = None
    uptime: int | None = None


class StorageState(msgspec.Struct, frozen=True, gc=False):
    """A row of /cluster/resources for a storage on one node, seen with Datastore.Audit alone.

    `status` is available, or unknown where the node's collector cannot look at it.
    """

    node: str
    storage: str
    status: str = "unknown"
    shared: bool = False
    used: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Resources:
    """One reply of /cluster/resources; `malformed` rows could not be read and were left out."""

    guests: list[Guest]
    nodes: list[NodeState]
    malformed: int
    storages: list[StorageState] = field(default_factory=list)


@dataclass(frozen=True)
class GuestConfig:
    """What of a guest's configuration tells which guest it is, and what it can do.

    `has_screen`: a VNC picture; `has_serial`: a text console. A container has a text console
    alone.
    """

    identity: str
    agent_enabled: bool
    has_screen: bool = False
    has_serial: bool = False
    has_cloud_init: bool = False
    cloud_init_user: str = ""
    is_windows: bool = False
    is_protected: bool = False
    disks: tuple["Disk", ...] = ()
    # What keeps it from having its memory saved: `amd-sev`, `virtiofs0`…
    memory_obstacle: str = ""


@dataclass(frozen=True)
class Disk:
    """`storage` is empty for what is on none, like a mount of a folder of the node."""

    name: str
    storage: str
    volume: str


@dataclass(frozen=True)
class FileSystem:
    mountpoint: str
    kind: str
    used: int
    total: int


@dataclass(frozen=True)
class GuestAddress:
    """An IP address in its shortest form, and the interface inside the guest that has it."""

    address: str
    interface: str


@dataclass(frozen=True)
class Version:
    release: str
    major: int


@dataclass(frozen=True)
class GuestState:
    """What a guest does at this moment, asked of itself and not of what was measured.

    `status` is running, stopped, paused, suspended (hibernated) or unknown; `uptime` seconds.
    """

    status: str
    lock: str = ""
    uptime: int | None = None
    ha_managed: bool = False
    ha_state: str = ""


@dataclass(frozen=True)
class ConsoleGrant:
    """Leave to open one console once, within ten seconds, at the endpoint that gave it.

    `password` is what VNC authentication asks for; a text console has none.
    """

    endpoint: Endpoint
    node: str
    kind: Kind
    vmid: int
    port: int
    user: str
    ticket: str = field(repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class TaskState:
    """A task of Proxmox; `exit_text` is what it ended with, empty while it runs."""

    upid: Upid
    is_running: bool
    exit_text: str = ""


@dataclass(frozen=True)
class SnapshotState:
    """A snapshot as Proxmox has it; `taken_at` in Unix seconds, `parent` empty for the first.

    `state` is `prepare`, `delete` or `rollback` where a task did not bring it to its end.
    """

    name: str
    description: str = ""
    taken_at: int | None = None
    with_memory: bool = False
    parent: str = ""
    state: str = ""


@dataclass(frozen=True)
class SnapshotList:
    """`present` is the snapshot that the guest has gone on from: empty for none, None where the
    list does not tell. `malformed` rows could not be read."""

    snapshots: list[SnapshotState]
    present: str | None = None
    malformed: int = 0
