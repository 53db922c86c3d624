"""When snapshots of a server are taken by themselves: a card for each kind of schedule."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import roles, zones
from servers import access
from servers.access import MayNot
from servers.models import Server
from servers.operations import Invalid
from servers.views.actions import actor_of, see_other
from servers.views.door import of_server, person
from snapshots import flow, schedules
from snapshots.models import ServerSnapshots, SnapshotSchedule, state_of

Kind = SnapshotSchedule.Kind

HEADINGS = {Kind.HOURLY: _("Hourly"), Kind.DAILY: _("Daily"), Kind.WEEKLY: _("Weekly")}
WEEKDAYS = [
    (0, _("Monday")), (1, _("Tuesday")), (2, _("Wednesday")), (3, _("Thursday")),
    (4, _("Friday")), (5, _("Saturday")), (6, _("Sunday")),
]  # fmt: skip
DEFAULT_ZONE = "UTC"
LONGEST_ZONE = 64


class ScheduleForm(forms.Form):
    """Of each kind, the fields that it has."""

    enabled = forms.BooleanField(label=_("On"), required=False)
    minute = forms.IntegerField(
        label=_("Minutes past the hour"),
        min_value=0,
        max_value=59,
        widget=forms.NumberInput(attrs={"class": "input"}),
    )
    weekday = forms.TypedChoiceField(
        label=_("Day"),
        choices=WEEKDAYS,
        coerce=int,
        widget=forms.Select(attrs={"class": "input"}),
    )
    at = forms.TimeField(
        label=_("Time"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs={"class": "input", "type": "time"}, format="%H:%M"),
    )
    time_zone = forms.CharField(label=_("Time zone"), max_length=LONGEST_ZONE)
    keep = forms.IntegerField(
        label=_("Keep the last"),
        min_value=1,
        max_value=schedules.MOST_KEPT,
        widget=forms.NumberInput(attrs={"class": "input"}),
    )

    def __init__(self, kind: Kind, *args: Any, **kwargs: Any) -> None:
        kwargs["auto_id"] = f"{kind}_%s"
        super().__init__(*args, **kwargs)
        unused = {
            Kind.HOURLY: ("weekday", "at"),
            Kind.DAILY: ("weekday", "minute"),
            Kind.WEEKLY: ("minute",),
        }
        for name in unused[kind]:
            del self.fields[name]

    @property
    def wish(self) -> dict[str, Any]:
        """As schedules.save takes it."""
        cleaned = dict(self.cleaned_data)
        at: time | None = cleaned.pop("at", None)
        return cleaned if at is None else {**cleaned, "hour": at.hour, "minute": at.minute}


@dataclass(frozen=True)
class Card:
    kind: Kind
    heading: str
    schedule: SnapshotSchedule | None
    form: ScheduleForm
    # The next run by the wall clock of its zone, and how far off it is, seconds.
    next_run: datetime | None
    seconds_left: int | None


@require_safe
@of_server
def server_snapshot_schedules(request: HttpRequest, server: Server) -> HttpResponse:
    return page(request, server)


@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_snapshot_schedule(request: HttpRequest, server: Server, kind: str) -> HttpResponse:
    """Sets the schedule of that kind, or takes it away."""
    if kind not in Kind.values:
        raise Http404
    if request.method != "POST":
        # Who had to sign in first is led back by GET, which sets nothing.
        return redirect("server-snapshot-schedules", server.pk)
    if "remove" in request.POST:
        return remove(request, server, kind)
    form = ScheduleForm(Kind(kind), request.POST)
    if not form.is_valid():
        return page(request, server, form=form, kind=kind, status=400)
    try:
        schedules.save(server, kind, form.wish, actor=actor_of(request), now=datetime.now(UTC))
    except MayNot as error:
        form.add_error(None, str(error))
        return page(request, server, form=form, kind=kind, status=403)
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return page(request, server, form=form, kind=kind, status=400)
    messages.success(request, now_("Saved."))
    return see_other("server-snapshot-schedules", server.pk)


def remove(request: HttpRequest, server: Server, kind: str) -> HttpResponse:
    schedule = SnapshotSchedule.objects.filter(server=server, kind=kind).first()
    if schedule is not None:
        try:
            schedules.remove(schedule, actor=actor_of(request), now=datetime.now(UTC))
        except MayNot as error:
            messages.error(request, str(error))
            return page(request, server, status=403)
        messages.success(request, now_("Removed. What it has taken stays."))
    return see_other("server-snapshot-schedules", server.pk)


def page(
    request: HttpRequest,
    server: Server,
    *,
    form: ScheduleForm | None = None,
    kind: str = "",
    status: int = 200,
) -> HttpResponse:
    """With the form that was sent in its card, where one was."""
    state = state_of(server)
    now = datetime.now(UTC)
    found = {row.kind: row for row in SnapshotSchedule.objects.filter(server=server)}
    zone = next((row.time_zone for row in found.values()), "")
    context = {
        "server": server,
        "tab": "snapshots",
        "cards": [
            card(each, found.get(each), form if form and kind == each else None, zone, now=now)
            for each in Kind
        ],
        "most": max(state.limit - 1, 0),
        "limit": state.limit,
        "refused": refused(server, state),
        "why_not_changed": access.why_not(person(request), server, roles.OPERATE),
        "knows_zone": bool(zone) or form is not None,
        "zones": zones.options(),
    }
    return render(request, "snapshots/schedules.html", context, status=status)


def refused(server: Server, state: ServerSnapshots) -> str:
    """What will not pass by itself: a lock does."""
    if state.can_take is False:
        return flow.obstacle_words(state)
    return ""


def card(
    kind: Kind,
    schedule: SnapshotSchedule | None,
    form: ScheduleForm | None,
    zone: str,
    *,
    now: datetime,
) -> Card:
    known = schedule or SnapshotSchedule(kind=kind, time_zone=zone or DEFAULT_ZONE, enabled=False)
    next_run_at = known.next_run_at if known.enabled else None
    return Card(
        kind=kind,
        heading=str(HEADINGS[kind]),
        schedule=schedule,
        form=form or ScheduleForm(kind, initial=as_it_is(known)),
        next_run=next_run_at.astimezone(ZoneInfo(known.time_zone)) if next_run_at else None,
        seconds_left=max(0, (next_run_at - now) // timedelta(seconds=1)) if next_run_at else None,
    )


def as_it_is(schedule: SnapshotSchedule) -> dict[str, object]:
    return {
        "enabled": schedule.enabled,
        "minute": schedule.minute,
        "weekday": schedule.weekday,
        "at": time(schedule.hour, schedule.minute),
        "time_zone": schedule.time_zone,
        "keep": schedule.keep,
    }
