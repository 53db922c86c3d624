"""Snapshots in the words of a page: how old, how long still, what is wrong with one."""

from datetime import UTC, datetime

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from servers.templatetags.units import about, ago
from snapshots.models import Snapshot, SnapshotSchedule

register = template.Library()

# What an interrupted task of Proxmox leaves behind.
BROKEN: dict[str, str | Promise] = {
    "prepare": _("It was not finished: the host was interrupted taking it. Delete it."),
    "delete": _("The host was interrupted deleting it. Delete it again."),
    "rollback": _("The host was interrupted rolling back to it."),
}


@register.filter
def since(at: datetime) -> str:
    """3 d ago."""
    return ago((datetime.now(UTC) - at).total_seconds())


@register.filter
def left(at: datetime) -> str:
    """5 h, until then."""
    return about((at - datetime.now(UTC)).total_seconds())


@register.filter
def is_over(snapshot: Snapshot) -> bool:
    return snapshot.expires_at is not None and snapshot.expires_at <= datetime.now(UTC)


@register.filter
def broken(snapshot: Snapshot) -> str:
    return str(BROKEN.get(snapshot.state) or _("It is not whole: the host was interrupted."))


@register.filter
def kind(snapshot: Snapshot) -> str:
    """every day"""
    kinds = dict(SnapshotSchedule.Kind.choices)
    return str(kinds.get(snapshot.schedule_kind, snapshot.schedule_kind))


@register.filter
def wall_clock(at: datetime) -> str:
    """Sat 21 Nov 2026, 03:00, as the clock shows it where `at` is."""
    return formats.date_format(at, "D j M Y, H:i", use_l10n=False)
