"""Which of a server's disks are where snapshots can be taken. Pure.

Proxmox says whether all can; this says which cannot, and why. Storage.pm and the plugins of
pve-storage: raw files on a folder and thick LVM have none, qcow2 files and the rest do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class HasStorage(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def storage(self) -> str: ...
    @property
    def volume(self) -> str: ...


FILES = frozenset(("dir", "nfs", "cifs", "glusterfs"))
WITHOUT = frozenset(("lvm", "iscsi", "iscsidirect", "esxi"))
# ZFS destroys what is newer than what it goes back to, so Proxmox goes to the newest alone.
NEWEST_ONLY = frozenset(("zfspool", "zfs"))


@dataclass(frozen=True)
class Obstacle:
    """`kind` is the plugin of the storage, or `mount` for what is on none."""

    disk: str
    storage: str
    kind: str


def obstacles(disks: Iterable[HasStorage], kinds: Mapping[str, str]) -> list[Obstacle]:
    """The disks that cannot be in a snapshot, as far as it can be told."""
    found = []
    for disk in disks:
        kind = kinds.get(disk.storage, "") if disk.storage else "mount"
        is_raw_file = kind in FILES and not disk.volume.endswith((".qcow2", ".subvol"))
        if kind == "mount" or kind in WITHOUT or is_raw_file:
            found.append(Obstacle(disk.name, disk.storage, kind))
    return found


def goes_to_newest_only(disks: Iterable[HasStorage], kinds: Mapping[str, str]) -> bool:
    return any(kinds.get(disk.storage) in NEWEST_ONLY for disk in disks)
