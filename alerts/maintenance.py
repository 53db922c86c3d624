"""Maintenance windows as staff plan them: what they hold back is decided anew where they change."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.audit import Actor
from alerts.models import Alert, Incident, MaintenanceWindow
from servers.queue import enqueue


def plan(window: MaintenanceWindow, *, actor: Actor, now: datetime) -> None:
    """A new one, or one that is another by now."""
    is_new = window.pk is None
    with transaction.atomic():
        if is_new:
            window.created_by = actor.user
        else:
            decide_again(MaintenanceWindow.objects.get(pk=window.pk), now=now)
        window.save()
        note(window, "maintenance.planned" if is_new else "maintenance.changed", actor, now)


def cancel(window: MaintenanceWindow, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        decide_again(window, now=now)
        note(window, "maintenance.cancelled", actor, now)
        window.delete()


def decide_again(window: MaintenanceWindow, *, now: datetime) -> None:
    """What waited for its end need not wait any more."""
    held = Alert.objects.filter(tell_at__gt=now).filter(concerned(window))
    count = held.update(tell_at=now)
    faults = Incident.objects.filter(active=True, told_at=None, tell_at=window.ends_at)
    count += faults.update(tell_at=now)
    if count:
        enqueue("alerts.tell")


def concerned(window: MaintenanceWindow) -> Q:
    """The alerts of its servers."""
    if window.server_id is not None:
        return Q(server=window.server_id)
    if window.node_id is not None:
        return Q(server__node=window.node_id)
    return Q(server__cluster=window.cluster_id)


def note(window: MaintenanceWindow, event: str, actor: Actor, now: datetime) -> None:
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="maintenance",
        object_id=window.pk,
        details={
            "cluster": window.cluster_id,
            "node": window.node_id,
            "server": window.server_id,
            "starts_at": window.starts_at.isoformat(),
            "ends_at": window.ends_at.isoformat(),
            "note": window.note,
        },
    )
