"""The storages of the simulated cluster and what each allows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Storage:
    """`size` is bytes. `newest_only`: like ZFS, it rolls back to the newest snapshot alone."""

    name: str
    plugin: str
    content: str
    size: int
    used: int
    shared: bool = False
    takes_snapshots: bool = True
    newest_only: bool = False


STORAGES = {
    storage.name: storage
    for storage in (
        Storage("local", "dir", "vztmpl,iso,backup,import", 94 * 1024**3, 21 * 1024**3),
        Storage("local-lvm", "lvmthin", "images,rootdir", 1700 * 1024**3, 640 * 1024**3),
        Storage(
            "tank", "zfspool", "images,rootdir", 3500 * 1024**3, 900 * 1024**3, newest_only=True
        ),
        Storage(
            "thick", "lvm", "images,rootdir", 900 * 1024**3, 300 * 1024**3, takes_snapshots=False
        ),
        Storage("ceph", "rbd", "images,rootdir", 20_000 * 1024**3, 7_000 * 1024**3, shared=True),
    )
}
