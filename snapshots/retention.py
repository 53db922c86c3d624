"""Which snapshots may go: by the number that a schedule keeps, by their time, by limits. Pure.

Only what is surely ours goes by itself, and never what a person took.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True)
class Held:
    """A snapshot that a guest has, as far as keeping it goes.

    `kind` is that of the schedule that made it, None for a person's, for one that was taken before
    a change, and for what the panel did not make. `expires_at` has only the one before a change.
    `taken_at` should be by our clock where it is ours: a node's may be off, and the newest stays.
    `is_ready` is False while it is made or removed, and where that failed.
    """

    id: int
    kind: str | None = None
    taken_at: datetime | None = None
    expires_at: datetime | None = None
    is_ours: bool = False
    is_ready: bool = True


class Limit(StrEnum):
    NUMBER = "number"
    AGE = "age"


@dataclass(frozen=True)
class Verdict:
    """Whether another one may be taken: where it may not, `over` tells the limit that is reached.

    `delete_first` is the one to make room with, None where there is none that could go.
    """

    over: Limit | None = None
    delete_first: int | None = None

    @property
    def may_take(self) -> bool:
        return self.over is None


def expired(snapshots: Iterable[Held], *, keep: Mapping[str, int], now: datetime) -> list[int]:
    """Ids of those that have to go, oldest first. Without them, nothing more expires.

    `keep` says how many of the newest of a kind stay. Of a kind that has no number there, or one
    below 1, all stay.
    """
    mine = [snapshot for snapshot in snapshots if is_deletable(snapshot) and snapshot.is_ours]
    protected = kept(mine, keep)
    gone = [
        snapshot
        for snapshot in mine
        if (is_numbered(snapshot, keep) and snapshot.id not in protected) or is_over(snapshot, now)
    ]
    return [snapshot.id for snapshot in sorted(gone, key=age)]


def over_limit(
    snapshots: Iterable[Held],
    *,
    most: int | None,
    longest: timedelta | None,
    keep: Mapping[str, int],
    now: datetime,
    taking: str | None = None,
) -> Verdict:
    """Whether a guest may get another one, asked for by a person or by the schedule `taking`.

    `most` is how many it may have, those in the making and those of others included: they take
    room too. `longest` is how old they may get, which is not asked of those that a schedule keeps.

    To a person, the oldest that no schedule keeps is offered to be deleted. A schedule, which asks
    nobody, has the oldest of its own alone, whose place the new one takes.
    """
    everything = list(snapshots)
    deletable = sorted(filter(is_deletable, everything), key=age)
    protected = kept(deletable, keep)
    loose = [snapshot for snapshot in deletable if snapshot.id not in protected]
    own = [snapshot for snapshot in deletable if snapshot.is_ours and snapshot.kind == taking]
    offered = [snapshot.id for snapshot in (loose if taking is None else own)]
    if most is not None and len(everything) >= most:
        return Verdict(Limit.NUMBER, next(iter(offered), None))
    if longest is not None and loose and is_older(loose[0], now - longest):
        return Verdict(Limit.AGE, loose[0].id if loose[0].id in offered else None)
    return Verdict()


def kept(snapshots: Iterable[Held], keep: Mapping[str, int]) -> set[int]:
    """Ids of the newest of each kind, as many as its schedule keeps."""
    newest_first = sorted(snapshots, key=age, reverse=True)
    ids: set[int] = set()
    for kind, number in keep.items():
        of_kind = [one.id for one in newest_first if one.kind == kind and one.is_ours]
        ids.update(of_kind[: max(number, 0)])
    return ids


def is_deletable(snapshot: Held) -> bool:
    """One that is not there yet, or on its way out, is neither counted as kept nor deleted."""
    return snapshot.is_ready and snapshot.taken_at is not None


def is_numbered(snapshot: Held, keep: Mapping[str, int]) -> bool:
    return snapshot.kind is not None and keep.get(snapshot.kind, 0) > 0


def is_over(snapshot: Held, now: datetime) -> bool:
    """One that was taken before a change, and whose time is over."""
    return snapshot.kind is None and snapshot.expires_at is not None and snapshot.expires_at <= now


def is_older(snapshot: Held, then: datetime) -> bool:
    return snapshot.taken_at is not None and snapshot.taken_at < then


def age(snapshot: Held) -> tuple[float, int]:
    """For sorting, oldest first; of those of one second the one that we noted first."""
    taken_at = snapshot.taken_at
    return (taken_at.timestamp() if taken_at else 0.0, snapshot.id)
