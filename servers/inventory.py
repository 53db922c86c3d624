"""State changes of servers that a cycle or a look into a guest brings about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from servers import live
from servers.models import Action, Cluster, ConsoleSession, Node, Server
from servers.proxmox.types import Guest, NodeState

# pvestatd measures every ten seconds, so what a list of guests says may be that old, and older
# than what an action saw for itself.
OLDER_NEWS = timedelta(seconds=15)


def save_nodes(cluster: Cluster, states: Iterable[NodeState], now: datetime) -> dict[str, int]:
    """Stores the reported nodes; returns the ids of all the cluster's nodes by name."""
    known = {node.name: node for node in Node.objects.filter(cluster=cluster)}
    reported: dict[str, Node] = {}
    for state in states:
        node = known.get(state.node) or Node(cluster=cluster, name=state.node[:63])
        node.status = state.status if state.status in Node.Status.values else Node.Status.UNKNOWN
        node.cpu = state.cpu
        node.cpus = None if state.maxcpu is None else round(state.maxcpu)
        node.memory_used, node.memory_total = state.mem, state.maxmem
        node.uptime = state.uptime
        node.seen_at = now
        reported[node.name] = node
    fields = ["status", "cpu", "cpus", "memory_used", "memory_total", "uptime", "seen_at"]
    Node.objects.bulk_update([node for node in reported.values() if node.pk], fields)
    Node.objects.bulk_create([node for node in reported.values() if not node.pk])
    away = [node.pk for name, node in known.items() if name not in reported]
    Node.objects.filter(pk__in=away).exclude(status=Node.Status.UNKNOWN).update(
        status=Node.Status.UNKNOWN
    )
    return dict(Node.objects.filter(cluster=cluster).values_list("name", "pk"))


def add(
    cluster: Cluster, guests: Iterable[tuple[Guest, str]], nodes: Mapping[str, int], now: datetime
) -> list[Server]:
    """New servers without owner, from guests with their status."""
    return Server.objects.bulk_create(
        [
            Server(
                cluster=cluster,
                node_id=nodes.get(guest.node),
                kind=guest.type,
                vmid=guest.vmid,
                name=guest.name[:128] or f"{guest.type}-{guest.vmid}",
                guest_name=guest.name[:128],
                status=status,
                status_since=now,
                lock=guest.lock[:32],
                tags=guest.tags[:512],
                cpus=None if guest.maxcpu is None else min(round(guest.maxcpu), 2**31 - 1),
            )
            for guest, status in guests
        ],
        batch_size=1000,
    )


def change(
    changes: Mapping[int, Mapping[str, object]], nodes: Mapping[str, int], now: datetime
) -> list[live.Event]:
    """Applies changed fields by server id; like changes go together in one UPDATE.

    Returns the events to publish for those whose state or lock changed.
    """
    alike: dict[tuple[tuple[str, object], ...], list[int]] = defaultdict(list)
    for server_id, fields in changes.items():
        values = dict(fields)
        if "node" in values:
            values["node_id"] = nodes.get(str(values.pop("node")))
        if "status" in values:
            values["status_since"] = now
            if values["status"] == Server.Status.RUNNING:
                # It may have got another address with its start.
                values["addresses_next_at"] = None
        alike[tuple(sorted(values.items()))].append(server_id)
    for items, ids in alike.items():
        fields = dict(items)
        for start in range(0, len(ids), 1000):
            servers = Server.objects.filter(pk__in=ids[start : start + 1000], present=True)
            if "status" in fields or "lock" in fields:
                # An action may have seen it since the list was compared.
                servers = servers.exclude(
                    status_seen_at__gt=now - OLDER_NEWS, status_seen_at__lt=now + OLDER_NEWS
                )
            servers.update(**fields)
    return state_events(
        server_id
        for server_id, fields in changes.items()
        if "status" in fields or "lock" in fields
    )


def state_events(server_ids: Iterable[int]) -> list[live.Event]:
    ids = list(server_ids)
    return [
        live.state_event(*row)
        for start in range(0, len(ids), 1000)
        for row in Server.objects.filter(pk__in=ids[start : start + 1000]).values_list(
            "pk", "status", "status_since", "lock"
        )
    ]


def mark_missing(server_ids: Iterable[int], now: datetime) -> list[live.Event]:
    """Not in the list any more: unknown until a direct look tells whether they are gone."""
    ids = list(server_ids)
    for start in range(0, len(ids), 1000):
        Server.objects.filter(
            pk__in=ids[start : start + 1000], present=True, missing_since=None
        ).update(
            missing_since=now, status=Server.Status.UNKNOWN, status_since=now, identity_due=True
        )
    return state_events(ids)


def lose_sight(cluster: Cluster, now: datetime) -> None:
    """Nobody has told for cycles how its servers are: whatever was true may not be any more."""
    with transaction.atomic():
        ids = list(
            Server.objects.filter(cluster=cluster, present=True)
            .exclude(status=Server.Status.UNKNOWN)
            .values_list("pk", flat=True)
        )
        for start in range(0, len(ids), 1000):
            Server.objects.filter(pk__in=ids[start : start + 1000], present=True).update(
                status=Server.Status.UNKNOWN, status_since=now
            )
        live.publish(state_events(ids))


def mark_gone(server_id: int, *, why: str, now: datetime) -> bool:
    """The guest does not exist any more; its row and history stay. False if it was gone before."""
    with transaction.atomic():
        gone = Server.objects.filter(pk=server_id, present=True).update(
            present=None,
            status=Server.Status.GONE,
            status_since=now,
            gone_at=now,
            missing_since=None,
            lock="",
        )
        if gone:
            audit.record(
                "server.gone",
                actor=audit.SYSTEM,
                now=now,
                object_type="server",
                object_id=server_id,
                details={"why": why},
            )
            live.publish([live.state_event(server_id, Server.Status.GONE, now, "")])
    return bool(gone)


def recognise(server: Server, identity: str) -> None:
    """The guest under this VMID is known to be this server's own."""
    Server.objects.filter(pk=server.pk, present=True).update(identity=identity, identity_due=False)


def lock(cluster_id: int) -> None:
    """Whoever adds or removes servers waits for the cluster's cycle, and it for them: taken in
    another order, MariaDB would end one of the two as a deadlock."""
    Cluster.objects.select_for_update().only("pk").get(pk=cluster_id)


def lock_server(server_id: int) -> None:
    """Before one of its actions, for who changes both: the cluster, the server, the action."""
    Server.objects.select_for_update().only("pk").filter(pk=server_id).first()


def replace(server: Server, identity: str, *, now: datetime) -> Server:
    """Another guest has this server's VMID: the server is gone, a new one without owner begins."""
    with transaction.atomic():
        lock(server.cluster_id)
        mark_gone(server.pk, why="Another guest has its VMID now.", now=now)
        return Server.objects.create(
            cluster_id=server.cluster_id,
            node_id=server.node_id,
            kind=server.kind,
            vmid=server.vmid,
            identity=identity,
            identity_due=False,
            name=server.guest_name or f"{server.kind}-{server.vmid}",
            guest_name=server.guest_name,
            status=Server.Status.UNKNOWN,
            status_since=now,
        )


def gone_twin(server: Server, identity: str) -> Server | None:
    """The gone server that this guest was before it vanished, if it did."""
    if identity in ("", "none"):
        return None
    return (
        Server.objects.filter(
            cluster_id=server.cluster_id,
            vmid=server.vmid,
            kind=server.kind,
            present=None,
            identity=identity,
        )
        .order_by("-gone_at")
        .first()
    )


def bring_back(twin: Server, server: Server, *, now: datetime) -> None:
    """A guest that was gone is there again: its old server, owner and history go on.

    `server` is the row that was begun for it meanwhile; once somebody owns that, nothing is done.
    What was done to it goes along; while something is under way, it is left for the next look.
    """
    with transaction.atomic():
        lock(server.cluster_id)
        if Action.objects.unfinished().filter(server=server).exists():
            return
        fields = {
            name: getattr(server, name)
            for name in ("node_id", "guest_name", "status", "lock", "tags", "cpus")
        }
        row = Server.objects.filter(pk=server.pk)
        if row.select_for_update().only("owner_id").get().owner_id is not None:
            row.update(identity=twin.identity, identity_due=False)
            return
        Action.objects.filter(server=server).update(server=twin)
        ConsoleSession.objects.filter(server=server).update(server=twin)
        row.delete()
        Server.objects.filter(pk=twin.pk, present=None).update(
            present=True,
            gone_at=None,
            identity_due=False,
            identity_next_at=None,
            status_since=now,
            **fields,
        )
        audit.record(
            "server.back",
            actor=audit.SYSTEM,
            now=now,
            object_type="server",
            object_id=twin.pk,
        )
        live.publish(state_events([twin.pk]))


def observe(server_id: int, status: str, *, lock: str | None = None, now: datetime) -> None:
    """What an action saw of the guest itself, which is newer than anything that was measured."""
    if status not in Server.Status.values:
        return
    with transaction.atomic():
        server = Server.objects.filter(pk=server_id, present=True)
        before = server.values_list("status", "lock").first()
        if before is None:
            return
        seen: dict[str, object] = {"status_seen_at": now}
        if status != before[0]:
            seen |= {"status": status, "status_since": now}
            if status == Server.Status.RUNNING:
                seen["addresses_next_at"] = None
        if lock is not None and lock != before[1]:
            seen["lock"] = lock
        server.update(**seen)
        if len(seen) > 1:
            live.publish(state_events([server_id]))


def unlocked(server_id: int, lock: str, *, now: datetime) -> None:
    """What held this lock has ended, which the next cycle alone would tell; one that has asked
    before does not put it back."""
    with transaction.atomic():
        server = Server.objects.filter(pk=server_id, present=True)
        server.update(status_seen_at=now)
        if server.filter(lock=lock).update(lock=""):
            live.publish(state_events([server_id]))


def delete(server: Server, *, by: str, now: datetime) -> None:
    """Its guest was destroyed as somebody wished. Who followed it live is told, then cut off."""
    with transaction.atomic():
        lock(server.cluster_id)
        if mark_gone(server.pk, why=f"Deleted by {by}" if by else "Deleted", now=now):
            live.publish([{"type": "access", "server": server.pk}])
