"""From Proxmox's replies to our types. Types in them are mixed and fields come and go."""

import re
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from servers.proxmox import configs
from servers.proxmox.errors import ProxmoxMalformed
from servers.proxmox.types import (
    ConsoleGrant,
    Endpoint,
    FileSystem,
    Guest,
    GuestConfig,
    GuestState,
    Kind,
    NodeState,
    Recorded,
    Resources,
    SnapshotList,
    SnapshotState,
    StorageState,
    TaskState,
    Version,
)
from servers.proxmox.upid import Upid, parse

GUEST_KINDS = frozenset(("qemu", "lxc"))
NODE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

# No machine has more CPUs, no file system is larger, no guest has more of them.
MOST_CPUS = 1_000_000
LARGEST_DISK = 2**56
MOST_FILE_SYSTEMS = 64

# File systems that hold no data of the guest's own, or hold it elsewhere.
NOT_ITS_DISK = frozenset(
    (
        "squashfs", "erofs", "overlay", "iso9660", "udf", "cdfs", "tmpfs", "ramfs", "devtmpfs",
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "autofs", "fuse.sshfs",
    )
)  # fmt: skip

T = TypeVar("T")

# What the database can hold; the bounds of a VMID are those of Proxmox's own schema.
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
VmId = Annotated[int, msgspec.Meta(ge=100, le=999_999_999)]


class Row(msgspec.Struct, gc=False):
    """Any row of /cluster/resources: the union of what guests and nodes have."""

    type: str
    vmid: VmId | None = None
    node: str = ""
    status: str = "unknown"
    name: str = ""
    cpu: float | None = None
    maxcpu: float | None = None
    mem: Whole | None = None
    maxmem: Whole | None = None
    memhost: Whole | None = None
    disk: Whole | None = None
    maxdisk: Whole | None = None
    netin: Whole | None = None
    netout: Whole | None = None
    diskread: Whole | None = None
    diskwrite: Whole | None = None
    uptime: Whole | None = None
    template: bool = False
    lock: str = ""
    tags: str = ""
    storage: str = ""
    shared: bool = False


def lax(data: msgspec.Raw, form: type[T]) -> T:
    """Decodes, taking "5" for 5 and 1 for true."""
    return msgspec.json.decode(data, type=form, strict=False)


def version(data: msgspec.Raw) -> Version:
    text = str(lax(data, dict[str, Any]).get("version", ""))
    major = re.match(r"\d+", text)
    if not major:
        raise ProxmoxMalformed("The reply holds no version: is this a Proxmox VE?")
    return Version(release=text[:32], major=int(major.group()))


def permissions(data: msgspec.Raw) -> dict[str, frozenset[str]]:
    return {
        path: frozenset(privileges)
        for path, privileges in lax(data, dict[str, dict[str, Any]]).items()
    }


def resources(data: msgspec.Raw) -> Resources:
    """One unreadable row voids itself, not the rest."""
    rows, malformed = readable_rows(data)
    guests: list[Guest] = []
    nodes: list[NodeState] = []
    storages: list[StorageState] = []
    for row in rows:
        on_a_node = is_node(row.node)
        if row.type in GUEST_KINDS:
            if row.vmid is not None and on_a_node:
                guests.append(guest_of(row, row.vmid))
            else:
                malformed += 1
        elif on_a_node and row.type == "node":
            nodes.append(node_of(row))
        elif on_a_node and row.type == "storage":
            storages.append(storage_of(row))
    return Resources(guests, nodes, malformed, storages)


def readable_rows(data: msgspec.Raw) -> tuple[list[Row], int]:
    """And how many are not."""
    try:
        return lax(data, list[Row]), 0
    except msgspec.ValidationError:
        rows: list[Row] = []
        malformed = 0
        for raw in lax(data, list[msgspec.Raw]):
            try:
                rows.append(lax(raw, Row))
            except msgspec.ValidationError:
                malformed += 1
        return rows, malformed


@lru_cache(maxsize=4096)
def is_node(name: str) -> bool:
    return NODE_NAME.fullmatch(name) is not None


def figure(value: float | None) -> float | None:
    """A load or a number of CPUs; "nan", "inf" and what no machine has are not known."""
    return value if value is not None and 0 <= value <= MOST_CPUS else None


def node_of(row: Row) -> NodeState:
    cpu, maxcpu = figure(row.cpu), figure(row.maxcpu)
    return NodeState(row.node, row.status, cpu, maxcpu, row.mem, row.maxmem, row.uptime)


def storage_of(row: Row) -> StorageState:
    return StorageState(row.node, row.storage, row.status, row.shared, row.disk, row.maxdisk)


def guest_of(row: Row, vmid: int) -> Guest:
    return Guest(
        row.type,  # type: ignore[arg-type]  # is one of GUEST_KINDS
        vmid, row.node, row.status, row.name, figure(row.cpu), figure(row.maxcpu), row.mem,
        row.maxmem, row.memhost, row.disk, row.maxdisk, row.netin, row.netout, row.diskread, row.diskwrite,
        row.uptime, row.template, row.lock, row.tags,
    )  # fmt: skip


def history(data: msgspec.Raw) -> list[Recorded]:
    """In order of time; a point that cannot be read is left out."""
    try:
        points = lax(data, list[Recorded])
    except msgspec.ValidationError:
        points = []
        for raw in lax(data, list[msgspec.Raw]):
            try:
                points.append(lax(raw, Recorded))
            except msgspec.ValidationError:
                continue
    return sorted(points, key=lambda point: point.time)


def guest_config(kind: Kind, data: msgspec.Raw) -> GuestConfig:
    config = {key: str(value) for key, value in lax(data, dict[str, Any]).items()}
    return configs.guest_config(kind, config)


def file_systems(data: msgspec.Raw) -> list[FileSystem]:
    """Data file systems, each block device once; broken entries are left out.

    `result` is a list, sometimes an object or null. Bind mounts repeat a file system, and Windows
    lists volumes that have no size.
    """
    result = lax(data, dict[str, Any]).get("result")
    entries = list(result.values()) if isinstance(result, dict) else result
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise ProxmoxMalformed("The guest agent's reply is no list of file systems.")
    found: dict[str, FileSystem] = {}
    for entry in entries:
        if isinstance(entry, dict) and (system := file_system(entry)):
            found.setdefault(str(entry.get("name") or system.mountpoint), system)
    return list(found.values())[:MOST_FILE_SYSTEMS]


def file_system(entry: dict[str, Any]) -> FileSystem | None:
    kind = str(entry.get("type", "")).lower()
    try:
        used, total = int(entry["used-bytes"]), int(entry["total-bytes"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if kind in NOT_ITS_DISK or not 0 <= used <= total or not 0 < total <= LARGEST_DISK:
        return None
    return FileSystem(str(entry.get("mountpoint", ""))[:255], kind[:32], used, total)


def guest_state(data: msgspec.Raw) -> GuestState:
    """Paused is told by `qmpstatus` alone, hibernated by the lock of a stopped guest."""
    row = lax(data, dict[str, Any])
    status, lock = str(row.get("status", "")), str(row.get("lock") or "")[:32]
    if status == "running" and row.get("qmpstatus") == "paused":
        status = "paused"
    elif status == "stopped" and lock == "suspended":
        status = "suspended"
    elif status not in ("running", "stopped"):
        status = "unknown"
    ha = row.get("ha")
    ha = ha if isinstance(ha, dict) else {}
    uptime = row.get("uptime")
    return GuestState(
        status=status,
        lock=lock,
        uptime=uptime if isinstance(uptime, int) else None,
        ha_managed=str(ha.get("managed", 0)) == "1",
        ha_state=str(ha.get("state", ""))[:32],
    )


def upid(data: msgspec.Raw) -> Upid:
    """What a call that starts a task answers."""
    try:
        return parse(lax(data, str))
    except ValueError as error:
        raise ProxmoxMalformed("The reply does not name a task.") from error


def task_state(upid: Upid, data: msgspec.Raw) -> TaskState:
    """Of a task's own status: `stopped` and `exitstatus`, or `running` without one."""
    row = lax(data, dict[str, Any])
    if row.get("status") != "stopped":
        return TaskState(upid, is_running=True)
    return TaskState(upid, is_running=False, exit_text=exit_text(row.get("exitstatus")))


def tasks(data: msgspec.Raw) -> list[TaskState]:
    """Of a list of tasks: there the exit text stands in `status`, and what runs has no end."""
    found = []
    for row in lax(data, list[dict[str, Any]]):
        try:
            name = parse(str(row.get("upid", "")))
        except ValueError:
            continue
        if row.get("endtime") is None:
            found.append(TaskState(name, is_running=True))
        else:
            found.append(TaskState(name, is_running=False, exit_text=exit_text(row.get("status"))))
    return found


def exit_text(text: object) -> str:
    """Never empty, so that an ended task is never taken for a running one."""
    return str(text or "unknown")[:2000]


def log_lines(data: msgspec.Raw) -> list[str]:
    rows = lax(data, list[dict[str, Any]])
    return [str(row.get("t", ""))[:500] for row in rows]


def is_confirmed(data: msgspec.Raw) -> bool:
    """The agent answers `{"result": {}}` to what it has done; null says nothing at all."""
    reply = lax(data, Any)
    return isinstance(reply, dict) and reply.get("result") is not None


PVEVNC = "PVEVNC:"
# VNC authentication looks at no more than that.
VNC_PASSWORD_LENGTH = 8
LONGEST_TICKET = 512


class Granted(msgspec.Struct):
    """Of vncproxy and termproxy; the port is text in some versions and a number in others."""

    port: Annotated[int, msgspec.Meta(ge=5900, le=5999)]
    ticket: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TICKET)]
    user: str
    password: str = ""


def console(
    data: msgspec.Raw, *, endpoint: Endpoint, node: str, kind: Kind, vmid: int
) -> ConsoleGrant:
    granted = lax(data, Granted)
    if "\n" in granted.user + granted.ticket:
        raise ProxmoxMalformed("The reply holds no ticket that can be sent on.")
    password = granted.password or vnc_password(granted.ticket)
    return ConsoleGrant(
        endpoint, node, kind, vmid, granted.port, granted.user, granted.ticket, password
    )


def vnc_password(ticket: str) -> str:
    """Where the reply does not name it: what stands before `:PVEVNC:`, else the ticket, cut."""
    prefix, colon, _ = ticket.partition(f":{PVEVNC}")
    return (prefix if colon else ticket)[:VNC_PASSWORD_LENGTH]


SNAPSHOT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,39}")


def snapshots(data: msgspec.Raw) -> SnapshotList:
    """In no order. The row `current` is no snapshot: it tells where the guest has gone on from."""
    found: list[SnapshotState] = []
    present: str | None = None
    malformed = 0
    for row in lax(data, list[dict[str, Any]]):
        name, parent = str(row.get("name", "")), str(row.get("parent") or "")
        if name == "current":
            present = parent
        elif SNAPSHOT_NAME.fullmatch(name):
            found.append(snapshot(name, parent, row))
        else:
            malformed += 1
    return SnapshotList(found, present, malformed)


def snapshot(name: str, parent: str, row: dict[str, Any]) -> SnapshotState:
    try:
        taken_at = int(row["snaptime"])
    except (KeyError, TypeError, ValueError, OverflowError):
        taken_at = -1
    return SnapshotState(
        name=name,
        description=str(row.get("description") or "")[:4096],
        taken_at=taken_at if 0 < taken_at < 2**40 else None,
        with_memory=str(row.get("vmstate", 0)) in ("1", "True"),
        parent=parent[:40],
        state=str(row.get("snapstate") or "")[:16],
    )


def has_feature(data: msgspec.Raw) -> bool:
    return str(lax(data, dict[str, Any]).get("hasFeature", 0)) in ("1", "True")


def storage_kinds(data: msgspec.Raw) -> dict[str, str]:
    """Storage -> its plugin (`lvmthin`, `zfspool`, `dir`…), of rows of /cluster/resources."""
    return {
        str(row["storage"]): str(row.get("plugintype", ""))
        for row in lax(data, list[dict[str, Any]])
        if row.get("type") == "storage" and row.get("storage")
    }
