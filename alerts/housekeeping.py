"""What nobody asks for any more goes; what lost its rule ends."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from alerts import episodes
from alerts.models import Alert, AlertStanding, Incident, MaintenanceWindow, Mute

KEPT_FOR = timedelta(days=90)
# Of one pass, so that no statement holds others up for long.
AT_ONCE = 1000
PASSES = 20


def end_ruleless(now: datetime) -> int:
    """A person who is deleted takes their rules along: what fires by them is over."""
    with transaction.atomic():
        left = list(Alert.objects.firing().filter(rule=None)[:AT_ONCE])
        if left:
            episodes.finish(left, Alert.End.RULE_CHANGED, now=now)
    return len(left)


def end_left_behind(now: datetime) -> int:
    """A rule that is changed while a cycle stores may leave an alert without its standing, which
    nothing would ever end."""
    kept = AlertStanding.objects.filter(rule=OuterRef("rule"), server=OuterRef("server"))
    with transaction.atomic():
        left = list(Alert.objects.firing().filter(~Exists(kept), rule__isnull=False)[:AT_ONCE])
        if left:
            episodes.finish(left, Alert.End.RULE_CHANGED, now=now)
    return len(left)


def forget(now: datetime) -> int:
    """Removes alerts, incidents, mutes and windows that were over long ago; returns how many
    alerts."""
    before = now - KEPT_FOR
    Incident.objects.filter(active=None, ended_at__lt=before).delete()
    MaintenanceWindow.objects.filter(ends_at__lt=before).delete()
    Mute.objects.filter(until__lt=before).delete()
    gone = 0
    for _ in range(PASSES):
        old = Alert.objects.filter(active=None, ended_at__lt=before).order_by("pk")
        ids = list(old.values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            break
        Alert.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone
