"""Who owns a server, how it is called to them, and whether it may be deleted."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit, roles
from accounts.audit import Actor
from accounts.models import User
from servers import access, console_requests, labels, live
from servers.models import Server


def assign(servers: Iterable[Server], owner: User | None, *, actor: Actor, now: datetime) -> int:
    """Give servers to a person, or to nobody; returns how many changed hands.

    Whoever follows them live and may not any more is cut off on commit.
    """
    changed: list[int] = []
    with transaction.atomic():
        for server in servers:
            if server.owner_id == (owner.pk if owner else None):
                continue
            # What belongs to somebody is not deleted by mistake.
            kept = {"protected": True} if owner else {}
            moved = Server.objects.filter(pk=server.pk, owner_id=server.owner_id).update(
                owner=owner, **kept
            )
            if not moved:
                continue
            changed.append(server.pk)
            audit.record(
                "server.assigned",
                actor=actor,
                now=now,
                object_type="server",
                object_id=server.pk,
                details={"from": server.owner_id, "to": owner.pk if owner else None},
            )
        console_requests.owner_changed(changed, actor=actor, now=now)
        live.publish([{"type": "access", "server": server_id} for server_id in changed])
    return len(changed)


def describe(server: Server, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    """Those of name, notes, labels and protected that are named change, the others stay.

    Raises MayNot.
    """
    access.check(actor, server, roles.DESCRIBE)
    with transaction.atomic():
        if "name" in changes:
            rename(server, changes["name"], actor=actor, now=now)
        if "notes" in changes:
            annotate(server, changes["notes"], actor=actor, now=now)
        if "labels" in changes:
            labels.replace(server, changes["labels"], actor=actor, now=now)
        if "protected" in changes:
            protect(server, changes["protected"], actor=actor, now=now)


def rename(server: Server, name: str, *, actor: Actor, now: datetime) -> None:
    """The name that its owner sees; Proxmox's own is left as it is."""
    if name == server.name:
        return
    with transaction.atomic():
        renamed = Server.objects.filter(pk=server.pk, name=server.name).update(name=name)
        if renamed:
            change: dict[str, object] = {"from": server.name, "to": name}
            note_change(server, "server.renamed", change, actor=actor, now=now)


def annotate(server: Server, notes: str, *, actor: Actor, now: datetime) -> None:
    """Notes are for people; what stood there before is not kept."""
    # Compared here: to MariaDB two texts that differ by case alone are the same.
    if notes == server.notes:
        return
    with transaction.atomic():
        if Server.objects.filter(pk=server.pk).update(notes=notes):
            note_change(server, "server.annotated", {}, actor=actor, now=now)


def protect(server: Server, protected: bool, *, actor: Actor, now: datetime) -> None:
    """Whether it can be deleted."""
    with transaction.atomic():
        changed = Server.objects.filter(pk=server.pk).exclude(protected=protected)
        if changed.update(protected=protected):
            event = "server.protected" if protected else "server.unprotected"
            note_change(server, event, {}, actor=actor, now=now)


def note_change(
    server: Server, event: str, details: dict[str, object], *, actor: Actor, now: datetime
) -> None:
    audit.record(
        event, actor=actor, now=now, object_type="server", object_id=server.pk, details=details
    )
