"""The guest agent of a VM, which answers, refuses, is not there, or hangs."""

from collections.abc import Callable

from servers.simulator.guests import Agent, AgentNull, Guest, Kind
from servers.simulator.parameters import NODE, VMID, Parameter
from servers.simulator.refusals import failed
from servers.simulator.routes import Call, Needs, Route, Slow

# QMPClient.pm and Agent.pm of qemu-server, in seconds.
PING_TIMEOUT = 3.0
COMMAND_TIMEOUT = 5.0
SLOW_ANSWER = 4.0

_COMMANDS = (
    "guest-exec", "guest-exec-status", "guest-file-close", "guest-file-open", "guest-file-read",
    "guest-file-write", "guest-fsfreeze-freeze", "guest-fsfreeze-status", "guest-fsfreeze-thaw",
    "guest-fstrim", "guest-get-fsinfo", "guest-get-host-name", "guest-get-memory-blocks",
    "guest-get-osinfo", "guest-get-time", "guest-get-timezone", "guest-get-users",
    "guest-get-vcpus", "guest-info", "guest-network-get-interfaces", "guest-ping",
    "guest-set-time", "guest-set-user-password", "guest-shutdown", "guest-suspend-disk",
    "guest-sync", "guest-sync-delimited",
)  # fmt: skip


def get_fsinfo(guest: Guest, now: float) -> object:
    return _windows_disks(guest, now) if guest.system == "windows" else _linux_disks(guest, now)


def get_osinfo(guest: Guest, now: float) -> object:
    if guest.system == "windows":
        return {
            "id": "mswindows", "name": "Microsoft Windows", "machine": "x86_64",
            "pretty-name": "Windows Server 2025 Standard", "version": "Microsoft Windows Server 2025",
            "version-id": "2025", "variant": "server", "variant-id": "server",
            "kernel-release": "26100", "kernel-version": "10.0",
        }  # fmt: skip
    return {
        "id": "debian", "name": "Debian GNU/Linux", "machine": "x86_64",
        "pretty-name": "Debian GNU/Linux 13 (trixie)", "version": "13 (trixie)",
        "version-id": "13", "kernel-release": "6.12.57+deb13-cloud-amd64",
        "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.12.57-1 (2025-11-05)",
    }  # fmt: skip


def network_get_interfaces(guest: Guest, now: float) -> object:
    seen = guest.measure(now)
    loopback = [_address("127.0.0.1", 8), _address("::1", 128)]
    host = f"198.51.100.{guest.vmid % 250 + 1}"
    mac = f"bc:24:11:{guest.uuid[:2]}:{guest.uuid[2:4]}:{guest.uuid[4:6]}"
    addresses = [_address(host, 24), _address(f"2001:db8::{guest.vmid}", 64)]
    return [
        _interface("lo", "00:00:00:00:00:00", loopback, 0, 0),
        _interface("eth0", mac, addresses, seen.netin, seen.netout),
    ]


def interfaces(call: Call) -> object:
    """A container's, as its host sees them: nothing of one that is stopped."""
    guest = call.guest
    if not guest.running:
        return []
    listed = [("lo", "00:00:00:00:00:00", "127.0.0.1", 8, "::1", 128)]
    mac = f"bc:24:11:{guest.uuid[:2]}:{guest.uuid[2:4]}:{guest.uuid[4:6]}"
    listed.append(
        ("eth0", mac, f"198.51.100.{guest.vmid % 250 + 1}", 24, f"2001:db8::{guest.vmid}", 64)
    )
    return [
        {
            "name": name, "hwaddr": mac, "hardware-address": mac,
            "inet": f"{four}/{bits}", "inet6": f"{six}/{bits6}",
            "ip-addresses": [_seen(four, bits), _seen(six, bits6)],
        }
        for name, mac, four, bits, six, bits6 in listed
    ]  # fmt: skip


def ping(guest: Guest, now: float) -> object:
    return {}


def info(guest: Guest, now: float) -> object:
    commands = [{"name": name, "enabled": True, "success-response": True} for name in _COMMANDS]
    return {"version": "10.0.2", "supported_commands": commands}


def set_user_password(call: Call) -> object:
    guest = call.guest
    answer = _ask(call, "guest-set-user-password", lambda found, now: {})
    user = call.text("username")
    if user not in guest.users:
        raise failed("Agent error: child process has failed to set user password")
    if guest.agent_null is None or guest.agent_null_applies:
        guest.passwords[user] = call.text("password")
    match guest.agent_null:
        case AgentNull.DATA:
            return None
        case AgentNull.RESULT:
            return {"result": None}
    return answer


def _ask(call: Call, command: str, answer: Callable[[Guest, float], object]) -> object:
    """What the agent's state makes of a command, in the order in which Proxmox looks."""
    guest = call.guest
    if guest.agent is Agent.NONE:
        raise failed("No QEMU guest agent configured")
    if not guest.running:
        raise failed(f"VM {guest.vmid} is not running")
    if guest.agent is Agent.DEAD or guest.power != "running":
        raise failed("QEMU guest agent is not running", delay=PING_TIMEOUT)
    if guest.agent is Agent.HANGING and command != "guest-ping":
        raise failed(
            f"VM {guest.vmid} qga command '{command}' failed - got timeout", delay=COMMAND_TIMEOUT
        )
    if guest.agent_error:
        raise failed(f"Agent error: {guest.agent_error}")
    data = {"result": answer(guest, call.now)}
    return Slow(data, SLOW_ANSWER) if guest.agent is Agent.SLOW else data


def _linux_disks(guest: Guest, now: float) -> list[object]:
    """A root disk, and what else a real machine lists: a boot partition, a snap, a bind mount."""
    root = _file_system("sda1", "/", "ext4", guest.maxdisk * 98 // 100, guest.disk_used(now))
    listed: list[object] = [root]
    if guest.vmid % 2:
        listed.append(_file_system("sda15", "/boot/efi", "vfat", 130_000_000, 9_000_000))
    if guest.vmid % 3 == 0:
        listed.append(
            _file_system("loop0", "/snap/core22/1963", "squashfs", 78_000_000, 78_000_000)
        )
    if guest.vmid % 5 == 0:
        listed.append(root | {"mountpoint": "/var/www/shared"})
    if guest.vmid % 7 == 0:
        listed.append({"name": "sdb", "mountpoint": "/mnt/broken", "type": "xfs", "disk": []})
    return listed


def _windows_disks(guest: Guest, now: float) -> list[object]:
    system = _file_system(
        "\\\\?\\Volume{5f1b}\\", "C:\\", "NTFS", guest.maxdisk * 97 // 100, guest.disk_used(now)
    )
    reserved = _file_system(
        "\\\\?\\Volume{5f1a}\\", "System Reserved", "NTFS", 104_853_504, 31_000_000
    )
    return [reserved, system]


def _file_system(
    name: str, mountpoint: str, type: str, total: int, used: int
) -> dict[str, object]:
    return {
        "name": name, "mountpoint": mountpoint, "type": type, "total-bytes": total,
        "used-bytes": min(used, total), "total-bytes-privileged": total * 105 // 100,
        "disk": [{
            "bus-type": "scsi", "bus": 0, "target": 0, "unit": 0, "dev": f"/dev/{name}",
            "serial": "0QEMU_QEMU_HARDDISK_drive-scsi0",
            "pci-controller": {"domain": 0, "bus": 9, "slot": 1, "function": 0},
        }],
    }  # fmt: skip


def _address(address: str, prefix: int) -> dict[str, object]:
    kind = "ipv6" if ":" in address else "ipv4"
    return {"ip-address": address, "ip-address-type": kind, "prefix": prefix}


def _seen(address: str, prefix: int) -> dict[str, object]:
    """As `ip` has it, which calls the kinds otherwise than the agent."""
    kind = "inet6" if ":" in address else "inet"
    return {"ip-address": address, "ip-address-type": kind, "prefix": str(prefix)}


def _interface(
    name: str, mac: str, addresses: list[dict[str, object]], received: int, sent: int
) -> dict[str, object]:
    return {
        "name": name, "hardware-address": mac, "ip-addresses": addresses,
        "statistics": {
            "rx-bytes": received, "rx-packets": received // 900, "rx-errs": 0, "rx-dropped": 0,
            "tx-bytes": sent, "tx-packets": sent // 900, "tx-errs": 0, "tx-dropped": 0,
        },
    }  # fmt: skip


def _asking(command: str, answer: Callable[[Guest, float], object]) -> Callable[[Call], object]:
    return lambda call: _ask(call, command, answer)


_BASE = "/nodes/{node}/qemu/{vmid}/agent"
_AUDIT = Needs("/vms/{vmid}", ("VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"), any=True)
_PASSWORD = (
    Parameter("username", optional=False),
    Parameter("password", optional=False, min_length=5, max_length=1024),
    Parameter("crypted", "boolean"),
)

ROUTES = (
    *(
        Route(method, f"{_BASE}/{name}", _asking(f"guest-{name}", answer), (NODE, VMID), _AUDIT)
        for method, name, answer in (
            ("GET", "get-fsinfo", get_fsinfo),
            ("GET", "get-osinfo", get_osinfo),
            ("GET", "network-get-interfaces", network_get_interfaces),
            ("GET", "info", info),
            ("POST", "ping", ping),
        )
    ),
    Route(
        "GET",
        "/nodes/{node}/lxc/{vmid}/interfaces",
        interfaces,
        (NODE, VMID),
        Needs("/vms/{vmid}", ("VM.Audit",)),
        Kind.LXC,
    ),
    Route(
        "POST",
        f"{_BASE}/set-user-password",
        set_user_password,
        (NODE, VMID, *_PASSWORD),
        Needs("/vms/{vmid}", ("VM.GuestAgent.Unrestricted",)),
    ),
)
