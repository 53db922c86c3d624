"""Reading, changing and deleting a guest's configuration."""

import re

from servers.simulator.chance import digest, identifier
from servers.simulator.flows import Stop, begin, check_lock, finish
from servers.simulator.guests import MIB, Agent, Guest, Kind
from servers.simulator.parameters import NODE, VMID, Parameter
from servers.simulator.refusals import failed, invalid
from servers.simulator.routes import Call, Needs, Route
from servers.simulator.tasks import Task
from servers.simulator.wire_cloudinit import shown

Config = dict[str, object]

DESTROY_TAKES = 1.0
_BUSY_FILE = 10.0  # seconds until Proxmox gives up on the lock file of a configuration
# What each option needs besides the right to change anything at all.
_PRIVILEGES = {
    "cipassword": ("VM.Config.Cloudinit", "VM.Config.Network"),
    "ciuser": ("VM.Config.Cloudinit", "VM.Config.Network"),
}
_OPTIONS = ("VM.Config.Options",)
_CONTROL = ("node", "vmid", "delete", "digest", "skiplock")


def config_of(guest: Guest) -> Config:
    """A guest's configuration as it reads back: passwords as stars, mixed types as they are."""
    config: Config = {"tags": guest.tags} if guest.tags else {}
    if guest.description:
        config["description"] = guest.description
    if guest.lock:
        config["lock"] = guest.lock
    for flag in ("template", "protection", "onboot"):
        if getattr(guest, flag):
            config[flag] = 1
    if guest.parent:
        config["parent"] = guest.parent
    config |= _vm_config(guest) if guest.kind is Kind.QEMU else _container_config(guest)
    return config | {"digest": digest_of(guest)}


def digest_of(guest: Guest) -> str:
    return digest("config", guest.uuid, guest.revision, guest.lock, guest.parent)


def read(call: Call) -> object:
    name = call.text("snapshot")
    if name:
        snapshot = call.guest.snapshots.get(name)
        if snapshot is None:
            raise failed(f"snapshot '{name}' does not exist")
        return snapshot.config
    return config_of(call.guest)


def change(call: Call) -> object:
    _change(call)
    return None


def change_in_task(call: Call) -> object:
    """POST: the change is made at once as well, and a task tells of it."""
    _change(call)

    def work(task: Task, guest: Guest) -> None:
        names = [name for name in call.values if name not in _CONTROL]
        task.log(f"update VM {guest.vmid}: " + " ".join(f"-{name} ..." for name in names))
        task.end("OK", call.now)

    return begin(call.order, "qmconfig", work)


def destroy(call: Call) -> object:
    order, cluster = call.order, call.cluster
    force, purge = call.flag("force"), call.flag("purge")
    refusal = _why_not_to_destroy(call.guest, force=force, purge=purge)
    if refusal:
        raise failed(refusal)

    def work(task: Task, guest: Guest) -> None:
        changed = _why_not_to_destroy(guest, force=force, purge=purge)
        if changed:
            raise Stop(changed)
        check_lock(guest)
        finish(cluster, task, guest, DESTROY_TAKES, lambda: cluster.delete_guest(guest.vmid))

    return begin(order, f"{order.prefix}destroy", work)


def _why_not_to_destroy(guest: Guest, *, force: bool, purge: bool) -> str:
    """Looked at before the task, and again in it; empty where nothing speaks against it."""
    is_vm = guest.kind is Kind.QEMU
    who = f"{guest.noun} {guest.vmid}"
    if guest.protection:
        return f"can't remove {who} - protection mode enabled"
    if guest.lock and not is_vm:
        return f"{guest.noun} is locked ({guest.lock})"
    if guest.ha is not None and not purge:
        return f"unable to remove {who} - used in HA resources and purge parameter not set."
    if guest.running and is_vm:
        return f"{who} is running - destroy failed"
    if guest.running and not force:
        return f"unable to destroy {who} - container is running"
    return ""


def _change(call: Call) -> None:
    guest = call.guest
    options = {name: value for name, value in call.values.items() if name not in _CONTROL}
    deleted = [name for name in re.split(r"[,; ]+", call.text("delete")) if name]
    if not options and not deleted:
        raise failed("no options specified")
    for name in (*options, *deleted):
        privileges = _PRIVILEGES.get(name, _OPTIONS)
        call.require(f"/vms/{guest.vmid}", *privileges, any=len(privileges) > 1)
    if guest.holder is not None and not guest.holder.done:
        raise failed(f"can't lock file '{call.order.lock_file}' - got timeout", delay=_BUSY_FILE)
    if call.text("digest") not in ("", digest_of(guest)):
        raise failed("checksum mismatch (file change by other user?)")
    if guest.lock:
        raise failed(f"{guest.noun} is locked ({guest.lock})")
    call.cluster.touch(guest)
    for name in deleted:
        _set(guest, name, None)
    for name, value in options.items():
        _set(guest, name, value)


def _set(guest: Guest, name: str, value: str | int | None) -> None:
    match name:
        case "name" | "hostname":
            guest.name = str(value or f"{guest.noun}{guest.vmid}")
        case "description":
            guest.description = str(value or "")
        case "tags":
            guest.tags = ";".join(sorted(set(re.split(r"[;, ]+", str(value or ""))) - {""}))
        case "protection":
            guest.protection = bool(value)
        case "onboot":
            guest.onboot = bool(value)
        case "cipassword" | "ciuser" if value is None:
            guest.cloud_init.pop(name, None)
        case "cipassword" | "ciuser":
            guest.cloud_init[name] = str(value)
        case _:
            raise invalid({"delete": f"unknown option '{name}'"})


def _vm_config(guest: Guest) -> Config:
    config: Config = {
        "name": guest.name,
        "boot": "order=scsi0",
        "cores": guest.cores,
        "memory": str(guest.memory // MIB),
        "net0": f"virtio={_mac(guest)},bridge=vmbr0",
        "ostype": guest.ostype,
        "scsihw": "virtio-scsi-single",
        "scsi0": f"{_volume(guest)},size={_size(guest)}",
        "smbios1": f"uuid={guest.uuid}",
        "vmgenid": identifier("generation", guest.uuid),
        "meta": f"creation-qemu=10.1.2,ctime={int(guest.created_at)}",
    }
    if guest.agent is not Agent.NONE:
        config["agent"] = "1"
    if guest.vga:
        config["vga"] = guest.vga
    if guest.serial:
        config["serial0"] = "socket"
    if guest.cloud_init_drive:
        config["ide2"] = f"{guest.storage}:vm-{guest.vmid}-cloudinit,media=cdrom"
        config["ipconfig0"] = "ip=dhcp"
    # Proxmox takes these also where there is no drive that could carry them.
    return config | {name: shown(name, value) for name, value in guest.cloud_init.items()}


def _container_config(guest: Guest) -> Config:
    return {
        "hostname": guest.name,
        "arch": "amd64",
        "cores": guest.cores,
        "memory": guest.memory // MIB,
        "swap": 512,
        "ostype": guest.system,
        "net0": f"name=eth0,bridge=vmbr0,hwaddr={_mac(guest)},ip=dhcp,type=veth",
        "rootfs": f"{_volume(guest)},size={_size(guest)}",
        "features": "nesting=1",
        "unprivileged": 1,
    }


def _volume(guest: Guest) -> str:
    return f"{guest.storage}:vm-{guest.vmid}-disk-0"


def _size(guest: Guest) -> str:
    return f"{guest.maxdisk // 1024**3}G"


def _mac(guest: Guest) -> str:
    tail = guest.uuid.replace("-", "")[:6].upper()
    return f"BC:24:11:{tail[:2]}:{tail[2:4]}:{tail[4:]}"


def _routes(kind: Kind) -> tuple[Route, ...]:
    one = f"/nodes/{{node}}/{kind}/{{vmid}}"
    named = (
        Parameter("name", format="dns-name")
        if kind is Kind.QEMU
        else Parameter("hostname", format="dns-name", max_length=255)
    )
    options: tuple[Parameter, ...] = (
        NODE,
        VMID,
        named,
        Parameter("description", max_length=8192),
        Parameter("tags", format="pve-tag-list"),
        Parameter("protection", "boolean"),
        Parameter("onboot", "boolean"),
        Parameter("delete"),
        Parameter("digest", max_length=40),
    )
    reading = (
        NODE,
        VMID,
        Parameter("current", "boolean"),
        Parameter("snapshot", format="pve-configid", max_length=40),
    )
    areas = ["Disk", "CDROM", "CPU", "Memory", "Network", "HWType", "Options", "Cloudinit"]
    destroying = [
        Parameter("purge", "boolean"),
        Parameter("destroy-unreferenced-disks", "boolean"),
    ]
    if kind is Kind.QEMU:
        options += (Parameter("cipassword"), Parameter("ciuser"), Parameter("skiplock", "boolean"))
        destroying.append(Parameter("skiplock", "boolean"))
    else:
        areas = ["Disk", "CPU", "Memory", "Network", "Options"]
        destroying.append(Parameter("force", "boolean"))
    any_area = Needs("/vms/{vmid}", tuple(f"VM.Config.{area}" for area in areas), any=True)
    audit = Needs("/vms/{vmid}", ("VM.Audit",))
    allocate = Needs("/vms/{vmid}", ("VM.Allocate",))
    routes: tuple[Route, ...] = (
        Route("GET", f"{one}/config", read, reading, audit, kind),
        Route("PUT", f"{one}/config", change, options, any_area, kind),
        Route("DELETE", one, destroy, (NODE, VMID, *destroying), allocate, kind),
    )
    if kind is Kind.QEMU:
        routes += (Route("POST", f"{one}/config", change_in_task, options, any_area, kind),)
    return routes


ROUTES = (*_routes(Kind.QEMU), *_routes(Kind.LXC))
