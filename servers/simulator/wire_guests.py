"""The guests of a node: lists, current status, snapshots and features, for VMs and containers."""

from servers.simulator import snapshots
from servers.simulator.guests import Agent, Guest, Kind, Measured
from servers.simulator.parameters import NODE, SNAPNAME, VMID, Parameter
from servers.simulator.refusals import failed
from servers.simulator.routes import Call, Needs, Route
from servers.simulator.wire_config import digest_of

QEMU_VERSION = "10.1.2"
MACHINE = "pc-i440fx-10.1+pve0"

Row = dict[str, object]

_PRESSURES = (
    "pressurecpusome", "pressurecpufull", "pressureiosome", "pressureiofull",
    "pressurememorysome", "pressurememoryfull",
)  # fmt: skip
_BLOCK_COUNTERS = (
    "failed_flush_operations", "failed_rd_operations", "failed_unmap_operations",
    "failed_wr_operations", "flush_operations", "flush_total_time_ns", "idle_time_ns",
    "invalid_flush_operations", "invalid_rd_operations", "invalid_unmap_operations",
    "invalid_wr_operations", "rd_merged", "rd_operations", "rd_total_time_ns", "unmap_bytes",
    "unmap_merged", "unmap_operations", "unmap_total_time_ns", "wr_highest_offset", "wr_merged",
    "wr_operations", "wr_total_time_ns",
)  # fmt: skip


def guests(call: Call) -> object:
    full = call.kind is Kind.QEMU and call.flag("full")
    listed = []
    for guest in call.cluster.on_node(call.node.name):
        if guest.kind is call.kind and call.may(f"/vms/{guest.vmid}", "VM.Audit"):
            listed.append(_status_row(guest, call.now, full=full))
    return listed


def current(call: Call) -> object:
    guest = call.guest
    row = _status_row(guest, call.now, full=True) | {"ha": _ha_part(guest)}
    if guest.agent is not Agent.NONE:
        row["agent"] = 1
    return row


def snapshot_list(call: Call) -> object:
    return snapshots.rows(call.guest, digest_of(call.guest))


def snapshot_config(call: Call) -> object:
    guest, name = call.guest, call.text("snapname")
    snapshot = guest.snapshots.get(name)
    if snapshot is None:
        raise failed(f"snapshot '{name}' does not exist")
    config: Row = dict(snapshot.config) | {
        "description": snapshot.description,
        "snaptime": snapshot.taken_at,
    }
    if snapshot.parent:
        config["parent"] = snapshot.parent
    if snapshot.vmstate:
        config["vmstate"] = f"{guest.storage}:vm-{guest.vmid}-state-{name}"
        config["runningmachine"] = MACHINE
        config["runningcpu"] = "kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt"
        config["running-nets-host-mtu"] = "net0=1500"
    return config


def feature(call: Call) -> object:
    guest = call.guest
    answer: Row = {"hasFeature": int(snapshots.can_snapshot(guest))}
    if guest.kind is Kind.QEMU:
        answer["nodes"] = [node.name for node in call.cluster.online()]
    return answer


def _ha_part(guest: Guest) -> Row:
    if guest.ha is None:
        return {"managed": 0}
    return {"managed": 1, "state": guest.ha.state.value, "group": guest.ha.group or None}


def _status_row(guest: Guest, now: float, *, full: bool) -> Row:
    """A guest as its node shows it: measured at the moment of the call, not by pvestatd."""
    seen = guest.measure(now)
    row: Row = {
        "vmid": guest.vmid, "name": seen.name, "status": seen.status, "uptime": seen.uptime,
        "cpu": seen.cpu, "cpus": seen.maxcpu, "mem": seen.mem, "maxmem": seen.maxmem,
        "disk": seen.disk, "maxdisk": seen.maxdisk, "netin": seen.netin, "netout": seen.netout,
    }  # fmt: skip
    if guest.tags:
        row["tags"] = guest.tags
    if guest.lock:
        row["lock"] = guest.lock
    if guest.template:
        row["template"] = 1
    if guest.kind is Kind.LXC:
        return row | _container_part(guest, seen)
    row["memhost"] = seen.memhost
    if guest.running:
        row |= {"pid": guest.pid} | dict.fromkeys(_PRESSURES, 0)
    if full:
        row["qmpstatus"] = guest.power.value
        if guest.running:
            row |= _process_part(guest, seen)
    return row


def _container_part(guest: Guest, seen: Measured) -> Row:
    part: Row = {
        "type": "lxc", "maxswap": 512 * 1024**2, "swap": 0, "diskread": seen.diskread,
        "diskwrite": seen.diskwrite,
    }  # fmt: skip
    if guest.running:
        part |= {"pid": guest.pid}
        part |= dict.fromkeys(_PRESSURES, 0)
        del part["pressurecpufull"]  # a container's process group has no such figure
    return part


def _process_part(guest: Guest, seen: Measured) -> Row:
    return {
        "diskread": seen.diskread,
        "diskwrite": seen.diskwrite,
        "nics": {guest.tap: {"netin": seen.netin, "netout": seen.netout}},
        "blockstat": {"scsi0": _block_counters(seen)},
        "running-qemu": QEMU_VERSION,
        "running-machine": MACHINE,
        "proxmox-support": {
            "backup-access-api": True,
            "backup-fleecing": True,
            "backup-max-workers": True,
            "pbs-masterkey": True,
            "query-bitmap-info": True,
        },
    }


def _block_counters(seen: Measured) -> Row:
    counters: Row = dict.fromkeys(_BLOCK_COUNTERS, 0)
    return counters | {
        "rd_bytes": seen.diskread,
        "wr_bytes": seen.diskwrite,
        "rd_operations": seen.diskread // 16_384,
        "wr_operations": seen.diskwrite // 16_384,
        "account_failed": True,
        "account_invalid": True,
        "timed_stats": [],
    }


def _routes(kind: Kind) -> tuple[Route, ...]:
    base = f"/nodes/{{node}}/{kind}"
    one = f"{base}/{{vmid}}"
    audit = Needs("/vms/{vmid}", ("VM.Audit",))
    any_snapshot = Needs(
        "/vms/{vmid}", ("VM.Snapshot", "VM.Snapshot.Rollback", "VM.Audit"), any=True
    )
    features = (
        Parameter("feature", optional=False, enum=("snapshot", "clone", "copy")),
        Parameter("snapname", format="pve-configid", max_length=40),
    )
    full = (Parameter("full", "boolean"),) if kind is Kind.QEMU else ()
    return (
        Route("GET", base, guests, (NODE, *full), kind=kind),
        Route("GET", f"{one}/status/current", current, (NODE, VMID), audit, kind),
        Route("GET", f"{one}/snapshot", snapshot_list, (NODE, VMID), audit, kind),
        Route(
            "GET", f"{one}/snapshot/{{snapname}}/config", snapshot_config,
            (NODE, VMID, SNAPNAME), any_snapshot, kind,
        ),
        Route("GET", f"{one}/feature", feature, (NODE, VMID, *features), audit, kind),
    )  # fmt: skip


ROUTES = (*_routes(Kind.QEMU), *_routes(Kind.LXC))
