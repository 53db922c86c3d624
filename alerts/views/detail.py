"""One alert: why it fired, what was told of it, what was held back, and what comes next."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from accounts.models import User
from alerts import explain, mutes
from alerts.explain import Explanation, Read
from alerts.judge import thresholds
from alerts.metrics import KINDS, MEASURED, Metric
from alerts.models import Alert, AlertEvent
from alerts.situation import silences
from alerts.views.acting import alert_for
from alerts.views.door import signed_in
from servers.views.actions import is_fetched

# Before it crossed and after it was over, so much is shown, or as long as it had to hold.
LEAST_AROUND = timedelta(minutes=20)
LONGEST = timedelta(days=7)
POINTS = 300
TOLD = (AlertEvent.Kind.TOLD, AlertEvent.Kind.REMINDED, AlertEvent.Kind.TOLD_RECOVERY)
Bucket = tuple[int, float | None, float | None, float | None]


@require_safe
@signed_in
def alert_detail(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    now = datetime.now(UTC)
    alert = alert_for(user, pk)
    why = explain.explain_alert(alert, person=user, now=now)
    context = {
        "tab": "alerts",
        "alert": alert,
        "why": why,
        "mutes": mutes_of(alert, user, now=now),
        "here": reverse("alert", args=[alert.pk]),
    }
    if is_fetched(request):
        return render(request, "alerts/why.html", context)
    return render(request, "alerts/detail.html", {**context, "chart": chart_of(why, now=now)})


def mutes_of(alert: Alert, user: User, *, now: datetime) -> list[object]:
    own = mutes.in_force(now).filter(owner=user).select_related("rule", "server")
    return [mute for mute in own if silences(mute, alert)]


def chart_of(why: Explanation, *, now: datetime) -> dict[str, object] | None:
    """The metric around it, for static/js/alert-chart.js; None where nothing was measured."""
    alert = why.alert
    if alert.metric not in MEASURED:
        return None
    around = max(LEAST_AROUND, timedelta(seconds=2 * alert.duration))
    ended_at = alert.ended_at or now
    start = int((alert.since - around).timestamp())
    end = int(min(ended_at + around, now, alert.since + LONGEST).timestamp())
    read = cast(Read, import_string(settings.ALERT_SAMPLES))
    points = read(alert.server_id, alert.metric, start, end, mountpoint=alert.mountpoint)
    if not any(value is not None for _at, value in points):
        return None
    threshold, clear_at = thresholds(Metric(alert.metric), alert.threshold, alert.clear_at)
    step = max(int(settings.POLL_INTERVAL), -(-(end - start) // POINTS))
    return {
        "metric": alert.metric,
        "unit": KINDS[Metric(alert.metric)].unit.value,
        "start": start,
        "end": end,
        "step": step,
        "threshold": threshold if alert.kind == Alert.Kind.THRESHOLD else None,
        "clear_at": clear_at,
        "points": bucketed(points, step),
        "spans": [[*map(seconds, (alert.since, alert.fired_at)), seconds(alert.ended_at)]],
        "told": [seconds(fact.at) for fact in why.timeline if fact.code in TOLD],
    }


def seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def bucketed(points: Sequence[tuple[int, float | None]], step: int) -> list[Bucket]:
    """Average, least and most of each; a gap is one without."""
    found: dict[int, list[float]] = {}
    for at, value in points:
        numbers = found.setdefault(at - at % step, [])
        if value is not None:
            numbers.append(value)
    return [
        (at, sum(numbers) / len(numbers), min(numbers), max(numbers))
        if numbers
        else (at, None, None, None)
        for at, numbers in sorted(found.items())
    ]
