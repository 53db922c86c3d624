"""The alerts of a server, as its charts mark them."""

from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from alerts import rule_words, wording
from alerts.models import Alert
from servers.models import Server
from servers.timeline import MOST, Happening


def alerts_of(
    server: Server, viewer: User, *, start: datetime, end: datetime
) -> tuple[list[Happening], bool]:
    """Those that fired at some time between; and whether there were too many for all."""
    found = list(
        Alert.objects.visible_to(viewer)
        .filter(Q(ended_at=None) | Q(ended_at__gte=start), server=server)
        .filter(fired_at__lt=end)
        .order_by("-fired_at", "-id")[: MOST + 1]
    )
    return [
        Happening(
            kind="alert",
            at=alert.fired_at,
            until=alert.ended_at,
            outcome=str(alert.severity),
            title=_("Alert: %(condition)s") % {"condition": rule_words.condition_of(alert)},
            detail=ending(alert),
            address=reverse("alert", args=[alert.pk]),
        )
        for alert in found[:MOST]
    ], len(found) > MOST


def ending(alert: Alert) -> str:
    if alert.active:
        return str(_("fires"))
    return str(capfirst(wording.end_reason(alert)))
