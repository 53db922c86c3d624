"""What a guest's configuration tells: which guest it is, and what it can do. Pure."""

import re

from servers.proxmox.types import Disk, GuestConfig, Kind


def guest_config(kind: Kind, config: dict[str, str]) -> GuestConfig:
    if kind == "lxc":
        return GuestConfig(
            container_identity(config),
            agent_enabled=False,
            has_serial=True,
            is_protected=config.get("protection") == "1",
            disks=disks_of(config, MOUNT),
        )
    return GuestConfig(
        vm_identity(config),
        agent_enabled=agent_enabled(config.get("agent", "")),
        has_screen=has_screen(config.get("vga", "")),
        has_serial=config.get("serial0", "") == "socket",
        has_cloud_init=any(
            DRIVE.fullmatch(key) and "cloudinit" in value.split(",")[0]
            for key, value in config.items()
        ),
        cloud_init_user=config.get("ciuser", "")[:64],
        is_windows=config.get("ostype", "").startswith("w"),
        is_protected=config.get("protection") == "1",
        disks=disks_of(config, DISK),
        memory_obstacle=next((key for key in config if NO_MEMORY.fullmatch(key)), "")[:32],
    )


DRIVE = re.compile(r"(ide|sata|scsi|virtio)\d{1,2}")
DISK = re.compile(r"(ide|sata|scsi|virtio)\d{1,2}|efidisk0|tpmstate0")
MOUNT = re.compile(r"rootfs|mp\d{1,3}")
# QemuMigrate/Helpers.pm of qemu-server.
NO_MEMORY = re.compile(r"amd-sev|intel-tdx|virtiofs\d+")


def disks_of(config: dict[str, str], names: re.Pattern[str]) -> tuple[Disk, ...]:
    """Its own disks: no CD-ROM, and nothing that is not there."""
    found = []
    for key, value in sorted(config.items()):
        volume = value.split(",")[0]
        if names.fullmatch(key) and "media=cdrom" not in value and volume != "none":
            storage, _, rest = volume.partition(":")
            is_path = volume.startswith("/") or not rest
            found.append(Disk(key, "" if is_path else storage[:100], rest[:200]))
    return tuple(found)


def has_screen(vga: str) -> bool:
    """`std`, `qxl,memory=32` or nothing; `serial0` and `none` give no picture."""
    card = vga.split(",")[0].removeprefix("type=")
    return not card.startswith("serial") and card != "none"


def vm_identity(config: dict[str, str]) -> str:
    """The SMBIOS UUID, which a clone and a new VM get anew; else the time of creation."""
    if found := re.search(r"\buuid=([0-9a-fA-F-]{36})", config.get("smbios1", "")):
        return f"uuid={found.group(1).lower()}"
    if found := re.search(r"\bctime=(\d+)", config.get("meta", "")):
        return f"ctime={found.group(1)}"
    return "none"


def container_identity(config: dict[str, str]) -> str:
    """A container has no UUID: what Proxmox or its creator chose for it has to do."""
    hwaddr = re.search(r"hwaddr=([0-9A-Fa-f:]{17})", config.get("net0", ""))
    parts = {
        "hwaddr": hwaddr.group(1).upper() if hwaddr else "",
        "hostname": config.get("hostname", "")[:64],
        "rootfs": config.get("rootfs", "").split(",")[0][:64],
        "ostype": config.get("ostype", "")[:16],
    }
    return "|".join(f"{key}={value}" for key, value in parts.items())


def agent_enabled(text: str) -> bool:
    """`1`, `enabled=1,fstrim_cloned_disks=1`, `0`, or nothing at all."""
    first = text.split(",")[0].removeprefix("enabled=")
    return first == "1"
