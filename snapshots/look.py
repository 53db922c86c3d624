"""Reading a server's snapshots from Proxmox, and making our rows follow."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F

from servers import dispatch, facts, live
from servers.clusters import access_to, gateway_to
from servers.identity import same_guest
from servers.models import Action, Cluster, ClusterToken, Server
from servers.proxmox.errors import ProxmoxError
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import GuestConfig, SnapshotList
from servers.queue import enqueue
from servers.steps import Unfit
from snapshots.abilities import goes_to_newest_only, obstacles
from snapshots.models import ServerSnapshots, Snapshot, state_of
from snapshots.reconcile import PRESENT, Known, Plan, Reported, plan

logger = logging.getLogger(__name__)

# How long a list is believed by a page that somebody opens, and by nobody.
FRESH = timedelta(seconds=15)
WORTH_ASKING = timedelta(seconds=60)
AGAIN_WITH = timedelta(minutes=30)
AGAIN_WITHOUT = timedelta(hours=6)
AGAIN_AFTER_FAILURE = timedelta(minutes=10)
CHECKED_FOR = timedelta(hours=1)
# Between our note that it is being sent and the node's own clock.
CLOCKS_DIFFER = timedelta(hours=1)

Clock = Callable[[], datetime]


def ask(server: Server, *, now: datetime) -> bool:
    """Has a worker read the list, where what is known is old. False where it is new enough."""
    state = state_of(server)
    if state.looked_at is not None and abs(now - state.looked_at) < FRESH:
        return False
    enqueue("snapshots.look", expires=WORTH_ASKING, server_id=server.pk)
    return True


def look(server_id: int, *, clock: Clock) -> bool:
    """One server's list. False where it could not be read; what was known then stays."""
    server = Server.objects.select_related("node").filter(pk=server_id, present=True).first()
    if server is None:
        return False
    started = clock()
    state = state_of(server)
    try:
        found = read(server, state, now=started)
    except (ProxmoxError, Unfit) as error:
        logger.info("The snapshots of server %s cannot be read: %s", server_id, error)
        found = None
    if found is None:
        not_read(state, now=clock())
        return False
    take_in(server, state, found, started=started, now=clock())
    return True


def not_read(state: ServerSnapshots, *, now: datetime) -> None:
    """What is known stays, and the page says since when it has not been read."""
    row = ServerSnapshots.objects.filter(pk=state.pk)
    row.update(next_look_at=now + AGAIN_AFTER_FAILURE)
    with transaction.atomic():
        if row.filter(unread_since=None).update(unread_since=now):
            publish(state.pk)


class Found:
    """What a look has read: the list always, abilities where they were due."""

    def __init__(self, listing: SnapshotList, abilities: dict[str, object] | None) -> None:
        self.listing = listing
        self.abilities = abilities


def read(server: Server, state: ServerSnapshots, *, now: datetime) -> Found | None:
    """None where another guest answers for it."""
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=server.cluster_id)
    reader = gateway_to(access_to(cluster, ClusterToken.Purpose.READ))
    node, config = dispatch.find(server, reader)
    if not server.identity or not same_guest(server.identity, config.identity):
        return None
    facts.refresh(server, config, now=now)
    kind = server.guest_kind
    listing = reader.snapshots(node=node, kind=kind, vmid=server.vmid)
    is_due = state.checked_at is None or abs(now - state.checked_at) >= CHECKED_FOR
    return Found(listing, check(server, reader, node, config, now=now) if is_due else None)


def check(
    server: Server, reader: Gateway, node: str, config: GuestConfig, *, now: datetime
) -> dict[str, object]:
    """Whether snapshots can be taken, and what is in the way: fields of ServerSnapshots."""
    kind = server.guest_kind
    can_take = reader.can_snapshot(node=node, kind=kind, vmid=server.vmid)
    kinds = reader.storage_kinds()
    in_the_way = [] if can_take else obstacles(config.disks, kinds)
    return {
        "can_take": can_take,
        "obstacles": [asdict(obstacle) for obstacle in in_the_way],
        "newest_only": goes_to_newest_only(config.disks, kinds),
        "memory_obstacle": config.memory_obstacle,
        "checked_at": now,
    }


def take_in(
    server: Server, state: ServerSnapshots, found: Found, *, started: datetime, now: datetime
) -> None:
    """Our rows follow the list, in one transaction; whoever looks at the page is told."""
    listing = found.listing
    with transaction.atomic():
        # Two looks at once: the second waits, and compares with what the first has made of it.
        Server.objects.select_for_update().only("pk").get(pk=server.pk)
        rows = list(Snapshot.objects.filter(server=server).select_related("action"))
        decided = plan(reported(listing), known(rows), is_whole=not listing.malformed)
        changed = apply(server, rows, decided)
        changed |= drop_what_was_never_made(rows, decided, started=started)
        changed |= give_back(server)
        has_any = Snapshot.objects.filter(server=server).exists()
        fields = {
            "present": decided.current_parent
            if decided.current_parent is not None
            else state.present,
            "looked_at": now,
            "unread_since": None,
            "next_look_at": now + (AGAIN_WITH if has_any else AGAIN_WITHOUT),
            **(found.abilities or {}),
        }
        shown = ("present", "can_take", "obstacles", "newest_only", "memory_obstacle")
        changed |= state.unread_since is not None
        changed |= any(getattr(state, name) != fields[name] for name in shown if name in fields)
        ServerSnapshots.objects.filter(pk=server.pk).update(**fields)
        if changed:
            publish(server.pk)


def publish(server_id: int) -> None:
    live.publish([{"type": "snapshots", "server": server_id}])


def reported(listing: SnapshotList) -> list[Reported]:
    rows = list(listing.snapshots)
    if listing.present is not None:
        rows.append(Reported(PRESENT, parent=listing.present))
    return rows


def known(rows: list[Snapshot]) -> list[Known]:
    return [
        Known(
            id=row.pk,
            name=row.name,
            taken_at=int(row.taken_at.timestamp()) if row.taken_at else None,
            description=row.description,
            with_memory=row.with_memory,
            parent=row.parent,
            state=row.state,
        )
        for row in rows
    ]


def apply(server: Server, rows: list[Snapshot], decided: Plan) -> bool:
    for row_id, seen in decided.changed.items():
        Snapshot.objects.filter(pk=row_id).update(**fields_of(seen))
    for seen in decided.new:
        Snapshot.objects.create(server=server, name=seen.name, **origin_of(server, seen))
    Snapshot.objects.filter(pk__in=decided.vanished).delete()
    return bool(decided.changed or decided.new or decided.vanished)


def fields_of(seen: Reported) -> dict[str, object]:
    taken_at = None if seen.taken_at is None else datetime.fromtimestamp(seen.taken_at, UTC)
    return {
        "taken_at": taken_at,
        "description": seen.description,
        "with_memory": seen.with_memory,
        "parent": seen.parent,
        "state": seen.state,
    }


def origin_of(server: Server, seen: Reported) -> dict[str, object]:
    """Made in Proxmox, unless an action of ours asked for it and its row was lost meanwhile."""
    fields = fields_of(seen)
    taken_at = fields["taken_at"]
    asked = (
        Action.objects.filter(server=server, parameters__take__name=seen.name, active=None)
        .exclude(status=Action.Status.FAILED)
        .first()
    )
    if asked is None or asked.started_at is None or not isinstance(taken_at, datetime):
        return {"title": seen.name, "origin": Snapshot.Origin.OUTSIDE, **fields}
    if abs(taken_at - asked.started_at) > CLOCKS_DIFFER:
        return {"title": seen.name, "origin": Snapshot.Origin.OUTSIDE, **fields}
    take = asked.parameters["take"]
    expires = take.get("expires_at")
    return {
        "title": take["title"],
        "origin": take["origin"],
        "schedule_kind": take["kind"],
        "expires_at": datetime.fromisoformat(expires) if expires else None,
        "asked_at": asked.requested_at,
        "action": asked,
        **fields,
    }


def drop_what_was_never_made(rows: list[Snapshot], decided: Plan, *, started: datetime) -> bool:
    """Those whose action had ended before the list was read, and which are not in it."""
    never = [
        row.pk
        for row in rows
        if row.taken_at is None and row.pk not in decided.changed and is_over(row.action, started)
    ]
    Snapshot.objects.filter(pk__in=never, taken_at=None).delete()
    return bool(never)


def give_back(server: Server) -> bool:
    """Where taking one failed and the list has one of that name, it is somebody else's."""
    theirs = Snapshot.objects.filter(
        server=server,
        taken_at__isnull=False,
        action__status=Action.Status.FAILED,
        action__step="snapshot",
        origin__in=(Snapshot.Origin.PERSON, Snapshot.Origin.SCHEDULE, Snapshot.Origin.SAFETY),
    )
    return bool(
        theirs.update(
            origin=Snapshot.Origin.OUTSIDE,
            title=F("name"),
            schedule_kind="",
            expires_at=None,
            action=None,
        )
    )


def is_over(action: Action | None, before: datetime) -> bool:
    """Whether the action, or the step of it that takes the snapshot, ended before this."""
    if action is None:
        return True
    if action.active is None:
        return action.finished_at is not None and action.finished_at <= before
    done = [step for step in action.steps if step["step"] == "snapshot"]
    return bool(done) and datetime.fromisoformat(str(done[0]["finished_at"])) <= before
