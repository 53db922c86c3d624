"""Known snapshots against those that Proxmox reports: new, changed, vanished. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from servers.proxmox.types import SnapshotState

# The row that Proxmox adds for the present: no snapshot, but its parent is what the guest stands on.
PRESENT = "current"


# A row of Proxmox's list, the present's among them.
Reported = SnapshotState


@dataclass(frozen=True)
class Known:
    """Our row of it. Without `taken_at` it was asked for and has not been seen yet."""

    id: int
    name: str
    taken_at: int | None = None
    description: str = ""
    with_memory: bool = False
    parent: str = ""
    state: str = ""


@dataclass
class Plan:
    """What the list means. `changed` tells by id what is true of a known one now.

    `current_parent` is the name of the snapshot that the guest stands on, empty where it stands on
    none, None where the list did not tell: such a list is not whole, and nothing vanishes by it.
    """

    new: list[Reported] = field(default_factory=list)
    changed: dict[int, Reported] = field(default_factory=dict)
    vanished: list[int] = field(default_factory=list)
    current_parent: str | None = None


def plan(reported: Iterable[Reported], known: Iterable[Known], *, is_whole: bool = True) -> Plan:
    """A snapshot is told by its name and the time it was taken: a name may be used again.

    One that was asked for is recognised by its name alone, as our names are unique and the node's
    clock may be off. It does not vanish before it was seen: how its action ends tells of it.
    `is_whole` is False where rows of the list could not be read; then nothing vanishes.
    """
    rows, current_parent = sorted_out(reported)
    plan = Plan(current_parent=current_parent)
    ours = by_name(known)
    for name in sorted(rows.keys() | ours.keys()):
        meet(plan, rows.get(name), ours.get(name, []))
    if current_parent is None or not is_whole:
        plan.vanished.clear()
    return plan


def sorted_out(reported: Iterable[Reported]) -> tuple[dict[str, Reported], str | None]:
    """Rows by name, and the parent of the present. Of rows with the same name the newest counts."""
    rows: dict[str, Reported] = {}
    parents = []
    for row in reported:
        if row.name == PRESENT:
            parents.append(row.parent)
        elif row.name and (row.name not in rows or rank(row) > rank(rows[row.name])):
            rows[row.name] = row
    return rows, max(parents, default=None)


def rank(row: Reported) -> tuple[int, str, str, str, bool]:
    return (
        -1 if row.taken_at is None else row.taken_at,
        row.parent,
        row.description,
        row.state,
        row.with_memory,
    )


def by_name(known: Iterable[Known]) -> dict[str, list[Known]]:
    rows: dict[str, list[Known]] = {}
    for snapshot in sorted(known, key=lambda snapshot: snapshot.id):
        rows.setdefault(snapshot.name, []).append(snapshot)
    return rows


def meet(plan: Plan, row: Reported | None, known: list[Known]) -> None:
    """Adds to the plan what a row, or its absence, means for the known ones of that name."""
    seen = [snapshot for snapshot in known if snapshot.taken_at is not None]
    if row is not None and row.taken_at is None:
        # It says not when, so it may be any of them: all are left as they are.
        return
    same = None if row is None else same_as(row, known)
    plan.vanished += [snapshot.id for snapshot in seen if snapshot is not same]
    if row is None:
        return
    if same is None:
        plan.new.append(row)
    elif replace(row, name=same.name) != as_reported(same):
        plan.changed[same.id] = row


def same_as(row: Reported, known: list[Known]) -> Known | None:
    """The one that was seen before, else the last one that was asked for."""
    seen = [snapshot for snapshot in known if snapshot.taken_at == row.taken_at]
    asked = [snapshot for snapshot in reversed(known) if snapshot.taken_at is None]
    return next(iter([*seen, *asked]), None)


def as_reported(known: Known) -> Reported:
    return Reported(
        name=known.name,
        description=known.description,
        taken_at=known.taken_at,
        with_memory=known.with_memory,
        parent=known.parent,
        state=known.state,
    )
