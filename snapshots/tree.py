"""Snapshots as the tree that their parents make, with the present in its place. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class HasParent(Protocol):
    """Times in any unit, as long as they compare."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> str: ...
    @property
    def taken_at(self) -> float | None: ...


Snapshot = TypeVar("Snapshot", bound=HasParent)


@dataclass(frozen=True)
class Row(Generic[Snapshot]):
    """One line of the tree: a snapshot, or the present, where `snapshot` is None.

    `depth` counts its ancestors. `on_line` where the present comes from it.
    """

    snapshot: Snapshot | None
    depth: int
    on_line: bool

    @property
    def is_present(self) -> bool:
        return self.snapshot is None


def rows(snapshots: Iterable[Snapshot], current_parent: str | None = None) -> list[Row[Snapshot]]:
    """Each snapshot once, below its parent, older ones first; the present after its siblings.

    A parent that is not there makes a root, and a circle of parents is opened at its oldest. The
    present is left out where its parent is not known (None).
    """
    ordered = sorted(snapshots, key=age)
    parents = parents_of(ordered)
    present = position(ordered, current_parent)
    line = set(ancestors(parents, present))
    children: dict[int | None, list[int]] = {}
    for child, parent in enumerate(parents):
        children.setdefault(parent, []).append(child)

    result: list[Row[Snapshot]] = []
    waiting: list[tuple[int | None, int]] = []

    def put_below(parent: int | None, depth: int) -> None:
        # The last one in is the first one out.
        if current_parent is not None and parent == present:
            waiting.append((None, depth))
        waiting.extend((below, depth) for below in reversed(children.get(parent, [])))

    put_below(None, 0)
    while waiting:
        index, depth = waiting.pop()
        if index is None:
            result.append(Row(None, depth, on_line=True))
            continue
        result.append(Row(ordered[index], depth, on_line=index in line))
        put_below(index, depth + 1)
    return result


def age(snapshot: HasParent) -> tuple[bool, float, str]:
    """For sorting: one that has not been taken yet is the youngest."""
    taken_at = snapshot.taken_at
    return (taken_at is None, taken_at or 0.0, snapshot.name)


def position(ordered: Sequence[HasParent], name: str | None) -> int | None:
    """Where the one of that name stands; of several the oldest."""
    return next((at for at, other in enumerate(ordered) if name and other.name == name), None)


def parents_of(ordered: Sequence[HasParent]) -> list[int | None]:
    """The position of each one's parent, None for roots, without circles."""
    positions = {other.name: at for at, other in reversed(list(enumerate(ordered)))}
    parents: list[int | None] = [positions.get(other.parent) for other in ordered]
    sound: set[int] = set()
    for start in range(len(ordered)):
        path: list[int] = []
        at: int | None = start
        while at is not None and at not in sound and at not in path:
            path.append(at)
            at = parents[at]
        if at is not None and at in path:
            parents[min(path[path.index(at) :])] = None
        sound.update(path)
    return parents


def ancestors(parents: Sequence[int | None], start: int | None) -> Iterable[int]:
    """`start` and all that are above it."""
    while start is not None:
        yield start
        start = parents[start]
