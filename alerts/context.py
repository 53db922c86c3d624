"""What every page says of alerts: how many wait for this person, and whether mail gets there."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from alerts import failings
from alerts.models import Alert, Incident, NotificationChannel
from servers.models import Server


@dataclass(frozen=True)
class Badge:
    """`alerts` that fire and that nobody took on; `incidents` that are open, of staff alone.

    `failure` is why mail to the person's own address was refused, empty where it was not.
    """

    alerts: int = 0
    incidents: int = 0
    failure: str = ""

    @property
    def count(self) -> int:
        return self.alerts + self.incidents


NOTHING = Badge()


def badge(request: HttpRequest) -> dict[str, object]:
    """Read where a page shows it, and not for pieces that modules fetch."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"alert_badge": NOTHING}
    return {"alert_badge": SimpleLazyObject(lambda: badge_of(user))}


def badge_of(user: User) -> Badge:
    """In one query."""
    unseen = (
        Alert.objects.firing()
        .filter(owner=OuterRef("pk"), server__owner=OuterRef("pk"), acknowledged_at=None)
        .exclude(server__status=Server.Status.GONE)
    )
    refused = NotificationChannel.objects.filter(
        owner=OuterRef("pk"), own_address=True, failed_at__isnull=False
    )
    row = (
        User.objects.filter(pk=user.pk)
        .annotate(unseen=counted(unseen, "owner"), incidents=incidents(user))
        .annotate(failure=Coalesce(Subquery(refused.values("failure")[:1]), Value("")))
        .annotate(is_refused=Subquery(refused.values("own_address")[:1]))
        .values_list("unseen", "incidents", "failure", "is_refused")
        .first()
    )
    if row is None:
        return NOTHING
    alerts, open_incidents, failure, is_refused = row
    return Badge(alerts, open_incidents, failings.shown(failure) or ("–" if is_refused else ""))


def incidents(user: User) -> Any:
    """Those are told to staff alone."""
    if not user.is_staff:
        return Value(0, IntegerField())
    return counted(Incident.objects.filter(active=True), "active")


def counted(rows: QuerySet[Any], by: str) -> Any:
    """How many they are, as a part of another query. All of them have the same `by`."""
    grouped = rows.order_by().values(by).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(grouped, IntegerField()), Value(0))
