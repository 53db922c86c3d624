"""The alerts that a person may see: what fires now, and what did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from alerts import mutes
from alerts.models import Alert, AlertQuerySet, Incident, Mute, Severity
from alerts.situation import silences
from alerts.views.door import signed_in
from servers.views.actions import is_fetched

CURRENT_PER_PAGE = 50
PAST_PER_PAGE = 30
LONGEST_SEARCH = 128
STATES = ("ended", "firing", "any")
# The worst first.
ORDER = Case(
    When(severity=Severity.CRITICAL, then=Value(0)),
    When(severity=Severity.WARNING, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


@dataclass(frozen=True)
class Wanted:
    """What the history's filter asks for; what makes no sense is left out."""

    search: str
    severity: str
    state: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Wanted":
        severity = request.GET.get("severity", "")
        state = request.GET.get("state", "")
        return cls(
            search=request.GET.get("server", "").strip()[:LONGEST_SEARCH],
            severity=severity if severity in Severity.values else "",
            state=state if state in STATES else STATES[0],
        )

    @property
    def is_filtered(self) -> bool:
        return self != Wanted("", "", STATES[0])

    def chosen(self, alerts: AlertQuerySet) -> AlertQuerySet:
        if self.search:
            alerts = alerts.filter(server__name__icontains=self.search)
        if self.severity:
            alerts = alerts.filter(severity=self.severity)
        if self.state == "any":
            return alerts
        return alerts.filter(active=True if self.state == "firing" else None)

    def query(self, **other: object) -> str:
        asked = {"server": self.search, "severity": self.severity, "state": self.state, **other}
        return urlencode({name: value for name, value in asked.items() if value})


@require_safe
@signed_in
def alert_list(request: HttpRequest, user: User) -> HttpResponse:
    """The page; for modules the part of it that is live."""
    now = datetime.now(UTC)
    context = {**current(request, user, now=now), "tab": "alerts"}
    if is_fetched(request):
        return render(request, "alerts/current.html", context)
    return render(request, "alerts/list.html", {**context, **past(request, user)})


@require_safe
@signed_in
def alert_badge(request: HttpRequest, user: User) -> HttpResponse:
    return render(request, "alerts/badge_piece.html")


def seen_by(user: User) -> AlertQuerySet:
    found = Alert.objects.visible_to(user)
    return found.select_related("server", "rule", "owner", "acknowledged_by", "incident")


def current(request: HttpRequest, user: User, *, now: datetime) -> dict[str, object]:
    firing = seen_by(user).firing().order_by(ORDER, "-fired_at", "-pk")
    page: Page[Alert] = Paginator(firing, CURRENT_PER_PAGE).get_page(request.GET.get("now"))
    in_force = mutes_of(user, now=now)
    return {
        "firing": page,
        "muted": muted(page.object_list, in_force),
        "mutes": in_force,
        "incidents": open_incidents(user),
        "here": reverse("alerts"),
    }


def mutes_of(user: User, *, now: datetime) -> list[Mute]:
    """The silence that is in force for this person."""
    return list(mutes.in_force(now).filter(owner=user).select_related("rule", "server"))


def muted(alerts: Iterable[Alert], in_force: Iterable[Mute]) -> set[int]:
    """Those of their own that a person asked to hear nothing of."""
    return {
        alert.pk
        for mute in in_force
        for alert in alerts
        if alert.owner_id == mute.owner_id and silences(mute, alert)
    }


def open_incidents(user: User) -> list[Incident]:
    """For staff: customers hear of them by what they mean for their servers."""
    if not user.is_staff:
        return []
    return list(Incident.objects.filter(active=True).select_related("cluster", "node"))


def past(request: HttpRequest, user: User) -> dict[str, object]:
    wanted = Wanted.of(request)
    page = Paginator(wanted.chosen(seen_by(user)), PAST_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "past": page,
        "wanted": wanted,
        "page_query": wanted.query(page="0").removesuffix("0"),
        "severities": [(value, capfirst(label)) for value, label in Severity.choices],
        "states": list(zip(STATES, (_("Ended"), _("Firing"), _("All")), strict=True)),
    }
