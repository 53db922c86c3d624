"""Who owns a server, and how it is called to them."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from servers import live
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
            moved = Server.objects.filter(pk=server.pk, owner_id=server.owner_id).update(
                owner=owner
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
        live.publish([{"type": "access", "server": server_id} for server_id in changed])
    return len(changed)


def rename(server: Server, name: str, *, actor: Actor, now: datetime) -> None:
    """The name that its owner sees; Proxmox's own is left as it is."""
    with transaction.atomic():
        renamed = Server.objects.filter(pk=server.pk, name=server.name).update(name=name)
        if renamed:
            audit.record(
                "server.renamed",
                actor=actor,
                now=now,
                object_type="server",
                object_id=server.pk,
                details={"from": server.name, "to": name},
            )
