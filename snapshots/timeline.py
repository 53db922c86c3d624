"""The snapshots of a server, as its charts mark them."""

from datetime import datetime

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from servers.models import Server
from servers.timeline import MOST, Happening
from snapshots.models import Snapshot


def snapshots_of(
    server: Server, viewer: User, *, start: datetime, end: datetime
) -> tuple[list[Happening], bool]:
    """Those that were taken between and are still there; and whether there were too many for all."""
    found = list(
        Snapshot.objects.visible_to(viewer)
        .filter(server=server, taken_at__gte=start, taken_at__lt=end)
        .order_by("-taken_at", "-id")[: MOST + 1]
    )
    address = reverse("server-snapshots", args=[server.pk])
    return [
        Happening(
            kind="snapshot",
            at=snapshot.taken_at,
            until=snapshot.taken_at,
            outcome="info",
            title=_("Snapshot “%(title)s”") % {"title": snapshot.title},
            detail=str(capfirst(snapshot.get_origin_display())),
            address=address,
            action=snapshot.action_id,
        )
        for snapshot in found[:MOST]
        if snapshot.taken_at
    ], len(found) > MOST
