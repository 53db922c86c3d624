"""A simulated cluster in the state in which the recorded one was when it answered.

The recording says what it answered, not what state it was in, so the state is read from the
answer: a row that runs means a guest that runs, a task that ended `VM is locked (backup)` means
a lock.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from servers.simulator.access import Access
from servers.simulator.flows import Order
from servers.simulator.guests import MIB, Guest, Snapshot
from servers.simulator.power import Shutdown, shutdown
from servers.simulator.wire import Request
from servers.simulator.world import SimulatedCluster
from tests.contract.recordings import Recording

# PanelRole of the recorded cluster, as its /access/roles gives it.
PANEL_ROLE = """
    Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit Pool.Allocate Pool.Audit
    SDN.Use Sys.Audit VM.Allocate VM.Audit VM.Backup VM.Clone VM.Config.CDROM VM.Config.CPU
    VM.Config.Cloudinit VM.Config.Disk VM.Config.HWType VM.Config.Memory VM.Config.Network
    VM.Config.Options VM.Console VM.GuestAgent.Audit VM.PowerMgmt VM.Snapshot VM.Snapshot.Rollback
"""
CALLERS = {
    "PANEL": "panel@pve!panel",
    "PANEL_PRIVSEP_NOACL": "panel@pve!noacl",
    "AUDIT": "audit@pve!audit",
    "ALICE": "alice@pve!alice",
    "ROOT": "root@pam!root",
    "CUSTOMER": "cust9@pve!cust9",
}
RUNS_BEFORE = ("stop", "shutdown", "reboot", "reset", "suspend", "resume")
# The recordings hide passwords behind a word; this one must be too short.
REWRITTEN = {"guest-agent-and-cloud-init-31": {"password": "abcd"}}
ONE_SNAPSHOT = {"name": "clean", "description": "", "snaptime": 1, "vmstate": 0}
UPID = re.compile(r"(/nodes/[^/]+/tasks/)(UPID[^/]+)")


def cluster_for(recording: Recording) -> SimulatedCluster:
    """One node `pve1` with VMs 100 and 101; `pve2` is there, and nothing listens on it, in the
    recordings that ask for it."""
    asks_dead_node = "/nodes/pve2" in recording.path
    cluster = SimulatedCluster(nodes=2 if asks_dead_node else 1, guests=0)
    cluster.access = Access(cluster.seed)
    _callers(cluster.access, recording)
    cluster.create_guest(100, name="web1", running=False, agent="none", uptime=600)
    cluster.create_guest(101, name="guest1", tags="bed", uptime=600)
    for guest in cluster.guests.values():
        guest.onboot = False
        guest.memory = 192 * MIB
    if asks_dead_node:
        cluster.node_down("pve2", "Connection refused")
    _as_shown(cluster, recording)
    _as_asked(cluster, recording)
    _as_it_ended(cluster, recording)
    cluster.advance(cluster.now + 30)
    _newly_made(cluster, recording)
    if recording.path.endswith("/tasks"):
        _tasks(cluster, recording)
    return cluster


def request_for(cluster: SimulatedCluster, recording: Recording) -> Request:
    return Request(
        method=recording.method,
        path=_with_our_task(cluster, recording),
        params=recording.params | REWRITTEN.get(recording.name, {}),
        authorization=_authorization(cluster.access, recording),
        now=cluster.now,
    )


def _callers(access: Access, recording: Recording) -> None:
    access.roles["PanelRole"] = frozenset(PANEL_ROLE.split())
    access.grant("/", "panel@pve", "PanelRole")
    access.grant("/", "audit@pve", "PVEAuditor")
    if _is_by_customer(recording):
        access.grant("/vms/101", "cust9@pve", "PVEVMUser")
    for name, token_id in CALLERS.items():
        access.add_token(token_id, privsep=name == "PANEL_PRIVSEP_NOACL")


def _is_by_customer(recording: Recording) -> bool:
    return "users, tokens" in recording.about


def _authorization(access: Access, recording: Recording) -> str:
    if recording.reason == "No ticket":
        return ""
    if recording.status == 401:
        return access.authorization(CALLERS["PANEL"])[:-1] + "x"
    if recording.caller in (None, "None"):
        return access.authorization(CALLERS["CUSTOMER" if _is_by_customer(recording) else "PANEL"])
    return access.authorization(CALLERS[str(recording.caller)])


def _as_shown(cluster: SimulatedCluster, recording: Recording) -> None:
    """The guests, pools and snapshots that the recorded answer shows, as it shows them."""
    for row in _rows(recording.data):
        if row.get("type") == "pool":
            cluster.access.pools.setdefault(row["pool"], set())
        if "vmid" in row and "name" in row:
            _set(cluster, _guest(cluster, int(row["vmid"])), row)
    vmid = _vmid(recording)
    if vmid is not None and recording.status == 200 and recording.method == "GET":
        _one_as_shown(_guest(cluster, vmid), recording)


def _one_as_shown(guest: Guest, recording: Recording) -> None:
    if recording.path.endswith(f"/{guest.vmid}/config"):
        _configure(guest, recording.data)
    elif recording.path.endswith("/cloudinit"):
        guest.cloud_init = {row["key"]: "secret12" for row in recording.data}
    elif recording.path.endswith("/snapshot"):
        for row in recording.data:
            if row["name"] != "current":
                _snapshot(guest, row)
    elif recording.path.endswith("/feature") and not recording.data["hasFeature"]:
        guest.storage = "thick"


def _rows(data: Any) -> list[dict[str, Any]]:
    rows = data if isinstance(data, list) else [data]
    return [row for row in rows if isinstance(row, dict)]


def _newly_made(cluster: SimulatedCluster, recording: Recording) -> None:
    """Guests that the recording shows before anything was measured of them."""
    for row in _rows(recording.data):
        if row.get("status") == "unknown" and "vmid" in row:
            cluster.create_guest(row["vmid"], running=False)


def _tasks(cluster: SimulatedCluster, recording: Recording) -> None:
    """Tasks of the sorts that the recorded list has: ended well or badly, or running still."""
    for row in recording.body["data"]:
        task = cluster.tasks.start(
            node="pve1", type=row["type"], subject=row["id"], identity=CALLERS["PANEL"],
            now=cluster.now,
        )  # fmt: skip
        if row["status"] != "RUNNING":
            task.end(row["status"], cluster.now)


def _set(cluster: SimulatedCluster, guest: Guest, row: dict[str, Any]) -> None:
    cluster.set_power(guest.vmid, row["status"])
    guest.name = row["name"]
    guest.tags = row.get("tags", "")
    guest.lock = row.get("lock", "")
    guest.template = bool(row.get("template"))
    if row.get("pool"):
        cluster.put_into_pool(row["pool"], guest.vmid)


def _configure(guest: Guest, config: dict[str, Any]) -> None:
    guest.name = config["name"]
    guest.tags = config.get("tags", "")
    guest.description = config.get("description", "")
    guest.parent = config.get("parent")
    guest.cloud_init = {name: "secret12" for name in ("ciuser", "cipassword") if name in config}
    guest.cloud_init_drive = "cloudinit" in config.get("ide2", "")


def _snapshot(guest: Guest, row: dict[str, Any]) -> None:
    guest.snapshots[row["name"]] = Snapshot(
        row["name"], row["description"], row["snaptime"], bool(row["vmstate"]),
        row.get("parent"), {},
    )  # fmt: skip
    guest.parent = row["name"]


def _as_asked(cluster: SimulatedCluster, recording: Recording) -> None:
    """The guest of the call, in the state in which the call makes sense."""
    vmid = _vmid(recording)
    words = recording.reason + str((recording.task or {}).get("exitstatus", ""))
    signs = (f"/{vmid}.conf' does not exist", "unable to find config", "No such file or directory")
    absent = any(sign in words for sign in signs)
    if vmid is None or vmid < 100 or absent:
        cluster.guests.pop(vmid or 0, None)
        return
    guest = _guest(cluster, vmid)
    verb = recording.path.rpartition("/")[2]
    if recording.path.endswith(f"/status/{verb}") and recording.method == "POST":
        cluster.set_power(vmid, "running" if verb in RUNS_BEFORE else "stopped")
    if recording.method == "DELETE" and recording.path.endswith(str(vmid)):
        cluster.set_power(vmid, "running" if "is running" in words else "stopped")
    for name in re.findall(r"/snapshot/([^/]+)", recording.path):
        if "does not exist" not in words:
            ram = name == "withram"
            _snapshot(guest, ONE_SNAPSHOT | {"name": name, "vmstate": int(ram)})
            guest.snapshots[name] = _remembering(guest, name, recording)


def _remembering(guest: Guest, name: str, recording: Recording) -> Snapshot:
    """A snapshot as the recorded cluster made it: of a VM with these options."""
    snapshot = guest.snapshots[name]
    parent = next((row.get("parent") for row in _rows(recording.data)), None)
    kept = ("agent", "boot", "cores", "memory", "meta", "name", "net0", "ostype", "scsi0")
    more = ("scsihw", "smbios1", "tags", "vmgenid")
    return Snapshot(
        snapshot.name, snapshot.description, snapshot.taken_at, snapshot.vmstate, parent,
        {option: 1 if option == "cores" else "x" for option in (*kept, *more)},
    )  # fmt: skip


def _as_it_ended(cluster: SimulatedCluster, recording: Recording) -> None:
    """What the words of a refusal or of a task's end say about the guest."""
    guest = cluster.guests.get(_vmid(recording) or 0)
    if guest is None:
        return
    words = f"{recording.reason} {(recording.task or {}).get('exitstatus', '')}"
    for pattern, prepare in SAID.items():
        if re.search(pattern, words):
            prepare(cluster, guest)
    if "lock: backup" in recording.about:
        _lock(cluster, guest)
    if recording.params.get("forceStop"):
        guest.ignores_shutdown = True
    if "Agent error: " in words:
        guest.agent_error = words.partition("Agent error: ")[2].strip()


def _lock(cluster: SimulatedCluster, guest: Guest) -> None:
    """The recorded VM ran when its lock was written."""
    guest.lock = "backup"
    cluster.set_power(guest.vmid, "running")


def _is_deaf(cluster: SimulatedCluster, guest: Guest) -> None:
    guest.ignores_shutdown = True


def _hold(cluster: SimulatedCluster, guest: Guest) -> None:
    """Somebody waits for a guest that does not listen, and holds its lock file."""
    cluster.set_power(guest.vmid, "running")
    cluster.advance(cluster.now + 30)
    guest.ignores_shutdown = True
    _shut_down(cluster, guest)


def _shut_down(cluster: SimulatedCluster, guest: Guest) -> str:
    order = Order(cluster, guest.kind, guest.node, guest.vmid, CALLERS["PANEL"])
    return shutdown(order, Shutdown(timeout=120))


def _with_our_task(cluster: SimulatedCluster, recording: Recording) -> str:
    """The path, with a task of this cluster where the recording names one of its own."""
    found = UPID.search(recording.path)
    if found is None or "no such task" in str(recording.body):
        return recording.path
    guest = cluster.guests[100]
    if not guest.running:
        cluster.set_power(100, "running")
    guest.ignores_shutdown = True
    upid = _shut_down(cluster, guest)
    return recording.path.replace(unquote(found[2]), upid).replace(found[2], quote(upid, safe=""))


def _guest(cluster: SimulatedCluster, vmid: int) -> Guest:
    found = cluster.guests.get(vmid)
    if found is None:
        found = cluster.create_guest(vmid, running=False, agent="none", uptime=600)
        found.onboot = False
    return found


def _vmid(recording: Recording) -> int | None:
    found = re.search(r"/(?:qemu|lxc)/(\d+)", recording.path)
    return int(found[1]) if found else None


# Words of an answer, and the state of the guest of which they tell.
SAID: dict[str, Callable[[SimulatedCluster, Guest], object]] = {
    r"is locked \(backup\)": _lock,
    r"already running": lambda cluster, guest: cluster.set_power(guest.vmid, "running"),
    r"\d not running": lambda cluster, guest: cluster.set_power(guest.vmid, "stopped"),
    r"already used": lambda cluster, guest: _snapshot(guest, ONE_SNAPSHOT),
    r"if it's a template": lambda cluster, guest: setattr(guest, "template", True),
    r"protection mode": lambda cluster, guest: setattr(guest, "protection", True),
    r"WARNINGS": lambda cluster, guest: setattr(guest, "start_warning", "no bridge"),
    r"powerdown failed": _is_deaf,
    r"can't lock file": _hold,
}
