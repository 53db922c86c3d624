"""Take, delete and roll back snapshots."""

from dataclasses import replace

from servers.simulator.flows import Order, Stop, begin, check_lock, finish, with_lock
from servers.simulator.guests import GIB, Guest, Kind, Power, Snapshot
from servers.simulator.refusals import failed
from servers.simulator.storages import STORAGES
from servers.simulator.tasks import Task

TAKES = 1.0
ROLLBACK_TAKES = 2.0
DELETE_TAKES = 1.5
_RESERVED = ("current", "pending")


def can_snapshot(guest: Guest) -> bool:
    return STORAGES[guest.storage].takes_snapshots


def take(
    order: Order, name: str, *, description: str, memory: bool, config: dict[str, object]
) -> str:
    """`memory`: with RAM. `config` is what the snapshot remembers of the configuration."""
    if name in _RESERVED:
        raise failed(f"unable to use snapshot name '{name}' (reserved name)")
    cluster = order.cluster

    def work(task: Task, guest: Guest) -> None:
        check_lock(guest)
        if name in guest.snapshots:
            raise Stop(f"snapshot name '{name}' already used")
        if not can_snapshot(guest):
            raise Stop("snapshot feature is not available")
        with_ram = memory and guest.running
        with_lock(guest, task, "snapshot")

        def remember() -> None:
            guest.snapshots[name] = Snapshot(
                name=name,
                description=description,
                taken_at=int(cluster.now),
                vmstate=with_ram,
                parent=guest.parent,
                config=config,
            )
            guest.parent = name

        seconds = TAKES + (guest.memory / GIB / 2 if with_ram else 0)
        finish(cluster, task, guest, seconds, remember)

    return begin(order, f"{order.prefix}snapshot", work)


def delete(order: Order, name: str, *, force: bool) -> str:
    def work(task: Task, guest: Guest) -> None:
        check_lock(guest, *(("backup",) if force else ()))
        _find(guest, name)
        with_lock(guest, task, "snapshot-delete")
        finish(order.cluster, task, guest, DELETE_TAKES, lambda: _forget(guest, name))

    return begin(order, f"{order.prefix}delsnapshot", work)


def roll_back(order: Order, name: str, *, start: bool) -> str:
    cluster = order.cluster

    def work(task: Task, guest: Guest) -> None:
        snapshot = _find(guest, name)
        _check_newest(guest, name)
        check_lock(guest)
        with_lock(guest, task, "rollback")

        def restore() -> None:
            guest.end()
            guest.parent = name
            if snapshot.vmstate:
                guest.begin(cluster.now)
            elif start:
                guest.boot(cluster.now)

        finish(cluster, task, guest, ROLLBACK_TAKES, restore)

    return begin(order, f"{order.prefix}rollback", work)


def rows(guest: Guest, digest: str) -> list[dict[str, object]]:
    """The list as Proxmox gives it: in no order, and with a row for the present."""
    listed: list[dict[str, object]] = []
    for snapshot in sorted(guest.snapshots.values(), key=lambda shot: shot.name[::-1]):
        row: dict[str, object] = {
            "name": snapshot.name,
            "description": snapshot.description,
            "snaptime": snapshot.taken_at,
        }
        if guest.kind is Kind.QEMU:
            row["vmstate"] = int(snapshot.vmstate)
        if snapshot.parent:
            row["parent"] = snapshot.parent
        listed.append(row)
    present: dict[str, object] = {
        "name": "current",
        "description": "You are here!",
        "digest": digest,
        "running": int(guest.power is not Power.STOPPED),
    }
    if guest.parent:
        present["parent"] = guest.parent
    return [*listed, present]


def _find(guest: Guest, name: str) -> Snapshot:
    snapshot = guest.snapshots.get(name)
    if snapshot is None:
        raise Stop(f"snapshot '{name}' does not exist")
    return snapshot


def _check_newest(guest: Guest, name: str) -> None:
    """ZFS cannot go back past a newer snapshot."""
    newest = list(guest.snapshots)[-1]
    if STORAGES[guest.storage].newest_only and newest != name:
        volume = f"{guest.storage}/vm-{guest.vmid}-disk-0"
        raise Stop(f"can't rollback, '{name}' is not most recent snapshot on '{volume}'")


def _forget(guest: Guest, name: str) -> None:
    gone = guest.snapshots.pop(name)
    for child in list(guest.snapshots.values()):
        if child.parent == name:
            guest.snapshots[child.name] = replace(child, parent=gone.parent)
    if guest.parent == name:
        guest.parent = gone.parent
