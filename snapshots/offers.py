"""What can be done with a server's snapshots now, and why not, for pages to show.

Decided from what is known, by a fixed number of queries; whoever acts asks `flow`, which looks again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import roles
from accounts.models import User
from servers import access, action_words
from servers.models import Action, Server
from servers.operations import Invalid, Prelude
from servers.power import Refusal
from snapshots import flow, tree
from snapshots.flow import Impossible
from snapshots.models import ServerSnapshots, Snapshot, state_of

# From then on a snapshot is pointed out: it grows with every change and slows the server.
OLD = timedelta(days=14)


@dataclass(frozen=True)
class Offer:
    """The words are empty where nothing stands in the way.

    `delete_first` is the snapshot that would make room where the limit is reached.
    """

    refused: str
    memory_refused: str
    delete_first: Snapshot | None


@dataclass(frozen=True)
class Node:
    """A snapshot as the tree wants it; times are Unix seconds."""

    snapshot: Snapshot
    name: str
    parent: str
    taken_at: float | None


@dataclass(frozen=True)
class Line:
    """One line of the tree as it is drawn: `snapshot` is None for the present.

    `rails` are the lines that pass to its left: True where this one branches off. `comes_from` is
    the title of its parent where that does not stand right above.
    """

    snapshot: Snapshot | None
    rails: tuple[bool, ...]
    goes_up: bool
    goes_down: bool
    comes_from: str = ""
    rolling_back_refused: str = ""
    deleting_refused: str = ""
    is_old: bool = False


# More would leave no room for words on a phone.
MOST_RAILS = 4


def taking(server: Server, state: ServerSnapshots, *, now: datetime) -> Offer:
    """For a person, who may also wait: an action under way is not asked for here."""
    refused, first = flow.taking_refused(server, state), None
    if refused is None:
        verdict = flow.room(server, state, now=now)
        if verdict.over is not None:
            refused = flow.limit_reached(state, verdict)
            first = refused.snapshot
    return Offer(str(refused or ""), flow.memory_refused(server, state), first)


def safety_refused(server: Server) -> str:
    """Why no snapshot can be taken before a change, empty where one can."""
    return taking(server, state_of(server), now=timezone.now()).refused


def before(server: Server, change: str, now: datetime) -> Prelude:
    """As flow.prelude, for a form whose box was ticked: raises Invalid."""
    try:
        return flow.prelude(server, change, now)
    except Impossible as error:
        raise Invalid("snapshot_first", str(error)) from error


def lines(
    snapshots: Sequence[Snapshot],
    state: ServerSnapshots,
    *,
    active: Action | None,
    server: Server,
    viewer: User,
    now: datetime,
) -> list[Line]:
    """The tree, a line for each, with the present where it is known."""
    nodes = [node_of(snapshot, state) for snapshot in snapshots]
    present = state.present if state.looked_at else None
    everybody = blocked(server, active, viewer)
    newest = newest_of(snapshots)
    return [
        drawn(row, above, refusals_of(row, state, everybody, newest), now=now)
        for row, above in placed(tree.rows(nodes, present))
    ]


def node_of(snapshot: Snapshot, state: ServerSnapshots) -> Node:
    """One in the making will follow on what the server has gone on from."""
    at = snapshot.taken_at
    parent = snapshot.parent if at else snapshot.parent or state.present
    return Node(snapshot, snapshot.name, parent, at.timestamp() if at else None)


def blocked(server: Server, active: Action | None, viewer: User) -> str:
    """What keeps this person from acting on any of a server's snapshots."""
    if words := access.why_not(viewer, server, roles.OPERATE):
        return words
    if server.status == Server.Status.GONE:
        return action_words.reason(Refusal("gone"))
    if active is not None:
        return action_words.reason(Refusal("busy", active.type))
    return action_words.lock_words(server.lock) if server.lock else ""


def newest_of(snapshots: Iterable[Snapshot]) -> Snapshot | None:
    made = [(each.taken_at, each.pk, each) for each in snapshots if each.taken_at is not None]
    return max(made, key=lambda one: one[:2])[2] if made else None


def refusals_of(
    row: tree.Row[Node], state: ServerSnapshots, everybody: str, newest: Snapshot | None
) -> tuple[str, str]:
    """Why it cannot be rolled back to, and why it cannot be deleted."""
    if row.snapshot is None:
        return "", ""
    snapshot = row.snapshot.snapshot
    if everybody or snapshot.taken_at is None:
        why = everybody or action_words.lock_words("snapshot")
        return why, why
    if snapshot.state:
        return str(flow.rolling_back_refused(snapshot, state) or ""), ""
    if state.newest_only and snapshot != newest:
        return flow.newest_only_words(), ""
    return "", ""


# Drawing


@dataclass(frozen=True)
class Place:
    """Where a row is drawn. The last child of a snapshot goes on below it, others branch off."""

    lane: int
    is_branch: bool
    has_children: bool
    parent: Node | None
    is_below_parent: bool


def placed(rows: Sequence[tree.Row[Node]]) -> list[tuple[tree.Row[Node], Place]]:
    parents: list[int | None] = []
    path: list[int] = []
    for index, row in enumerate(rows):
        del path[row.depth :]
        parents.append(path[-1] if path else None)
        path.append(index)
    last_child = {parent: index for index, parent in enumerate(parents) if parent is not None}
    result: list[tuple[tree.Row[Node], Place]] = []
    for index, (row, parent) in enumerate(zip(rows, parents, strict=True)):
        is_branch = parent is not None and last_child[parent] != index
        lane = 0 if parent is None else result[parent][1].lane + is_branch
        above = None if parent is None else rows[parent].snapshot
        result.append(
            (row, Place(lane, is_branch, index in last_child, above, parent == index - 1))
        )
    return result


def drawn(row: tree.Row[Node], place: Place, refusals: tuple[str, str], *, now: datetime) -> Line:
    lane = min(place.lane, MOST_RAILS)
    snapshot = row.snapshot.snapshot if row.snapshot else None
    far = place.parent if not place.is_below_parent else None
    return Line(
        snapshot=snapshot,
        rails=tuple(place.is_branch and index == lane - 1 for index in range(lane)),
        goes_up=place.parent is not None and not place.is_branch,
        goes_down=place.has_children,
        comes_from=far.snapshot.title if far else "",
        rolling_back_refused=refusals[0],
        deleting_refused=refusals[1],
        is_old=snapshot is not None and is_old(snapshot, now=now),
    )


def is_old(snapshot: Snapshot, *, now: datetime) -> bool:
    return snapshot.taken_at is not None and now - snapshot.taken_at > OLD
