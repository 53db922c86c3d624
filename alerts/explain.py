"""Why an alert fired, who was told of it, and what comes next: for pages, the API and people.

Everything is a code, what belongs to it, and a sentence in the language that is active.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from alerts import failings, mutes, reasons, wording
from alerts.decide import Reason
from alerts.judge import thresholds
from alerts.metrics import FLAGS, MEASURED, Metric
from alerts.models import Alert, AlertEvent, AlertRule, DeliveryAttempt, Notification
from alerts.situation import silences

LONGEST = timedelta(days=7)
# Cycles before it crossed and after it fired whose samples are shown.
AROUND_CYCLES = 5
# Of the samples around it; of more, the middle is left out.
MOST_AROUND = 60

Status = Notification.Status


@dataclass(frozen=True)
class Fact:
    """One thing that counts: `code` for programs, `text` for people."""

    code: str
    text: str
    at: datetime | None = None
    until: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Sampled(NamedTuple):
    """Time in Unix seconds; `crossed` is None where there is no value."""

    at: int
    value: float | None
    crossed: bool | None


@dataclass(frozen=True)
class Samples:
    """Those that crossed, from when it began until it was over: how many, the first, the furthest
    beyond the threshold; and those around the time at which it fired."""

    text: str
    count: int
    first: Sampled | None
    furthest: Sampled | None
    around: Sequence[Sampled]


@dataclass(frozen=True)
class Delivery:
    notification: Notification
    attempts: Sequence[DeliveryAttempt]
    text: str


@dataclass(frozen=True)
class Explanation:
    alert: Alert
    condition: str
    text: str
    # None where no sample shows it.
    samples: Samples | None
    timeline: Sequence[Fact]
    deliveries: Sequence[Delivery]
    following: Fact
    incident: Fact | None


class Read(Protocol):
    """As settings.ALERT_SAMPLES names it: alerts knows nothing of samples."""

    def __call__(
        self, server_id: int, metric: str, start: int, end: int, *, mountpoint: str = ""
    ) -> list[tuple[int, float | None]]: ...


def explain_alert(alert: Alert, *, person: User, now: datetime) -> Explanation:
    """`person` is who reads it: their deliveries, unless they are staff, and their time zone."""
    events = list(alert.events.select_related("notification").order_by("at", "pk"))
    return Explanation(
        alert=alert,
        condition=wording.condition_of(alert),
        text=in_short(alert, person),
        samples=samples_around(alert, now),
        timeline=timeline(alert, events, person),
        deliveries=[of_delivery(each, person) for each in deliveries_of(alert, person)],
        following=following(alert, events, person, now),
        incident=of_incident(alert, person),
    )


def in_short(alert: Alert, person: User) -> str:
    """From when it crossed, for how long it had to hold, when it fired."""
    words = {
        "since": wording.moment(alert.since, person),
        "fired": wording.moment(alert.fired_at, person),
        "held": wording.duration(alert.duration),
    }
    if alert.kind == Alert.Kind.NO_DATA:
        return _("Nothing was measured from %(since)s on; that is told after %(held)s.") % words
    if alert.found_later:
        return (
            _(
                "The panel was away. Its host recorded that it crossed at %(since)s and would have "
                "fired at %(fired)s."
            )
            % words
        )
    if alert.metric in FLAGS and alert.duration:
        return (
            _("It began at %(since)s, had to last for %(held)s, and fired at %(fired)s.") % words
        )
    if alert.metric in FLAGS:
        return _("It fired at once: %(since)s.") % words
    if not alert.duration:
        return _("It fired at once, when it crossed: %(since)s.") % words
    return _("It crossed at %(since)s, had to hold for %(held)s, and fired at %(fired)s.") % words


# Samples


def samples_around(alert: Alert, now: datetime) -> Samples | None:
    if alert.metric not in MEASURED or alert.kind == Alert.Kind.NO_DATA:
        return None
    margin = AROUND_CYCLES * int(settings.POLL_INTERVAL)
    begin, fired = seconds(alert.since), seconds(alert.fired_at)
    # The one that ended it is none that crossed; of what lasts, the last one counts.
    until = alert.ended_at or now + timedelta(seconds=1)
    end = seconds(min(until, alert.since + LONGEST))
    read = cast(Read, import_string(settings.ALERT_SAMPLES))
    points = read(
        alert.server_id,
        alert.metric,
        begin - margin,
        max(end, fired) + margin,
        mountpoint=alert.mountpoint,
    )
    if not points:
        return None
    sampled = [Sampled(at, value, crossed(alert, value)) for at, value in points]
    within = [each for each in sampled if each.crossed and begin <= each.at < max(end, fired + 1)]
    furthest = (max if is_above(alert) else min)(
        within, key=lambda each: each.value or 0.0, default=None
    )
    around = [each for each in sampled if each.at <= fired + margin]
    return Samples(
        text=said_of(alert, within, furthest),
        count=len(within),
        first=within[0] if within else None,
        furthest=furthest,
        around=thinned(around),
    )


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def is_above(alert: Alert) -> bool:
    return alert.condition == AlertRule.Condition.GREATER_THAN


def crossed(alert: Alert, value: float | None) -> bool | None:
    if value is None:
        return None
    threshold, _clear = thresholds(Metric(alert.metric), alert.threshold, alert.clear_at)
    return value > threshold if is_above(alert) else value < threshold


def said_of(alert: Alert, within: Sequence[Sampled], furthest: Sampled | None) -> str:
    if alert.metric == Metric.DISK and alert.detail:
        # The fullest file system is not what the history holds.
        return _(
            "It was about the file system %(name)s. The samples tell of the disk as a whole."
        ) % {"name": alert.detail}
    if furthest is None:
        return _("The samples of that time are no longer kept.")
    words = ngettext(
        "%(count)d sample crossed; the furthest was %(value)s.",
        "%(count)d samples crossed; the furthest was %(value)s.",
        len(within),
    )
    value = wording.value_text(alert.metric, furthest.value)
    return words % {"count": len(within), "value": value}


def thinned(around: Sequence[Sampled]) -> Sequence[Sampled]:
    if len(around) <= MOST_AROUND:
        return around
    half = MOST_AROUND // 2
    return [*around[:half], *around[-half:]]


# Telling


def timeline(alert: Alert, events: Sequence[AlertEvent], person: User) -> list[Fact]:
    """From when it began; what happened."""
    began = Fact("began", str(BEGAN[kind_of(alert)]), at=alert.since)
    facts = [began, *(of_event(event, alert, person) for event in events)]
    over = AlertEvent.Kind.NOT_TOLD, Reason.OVER.value
    told = False
    for place, event in enumerate(events, 1):
        told = told or event.kind == AlertEvent.Kind.TOLD
        if told and alert.incident_id and (event.kind, event.reason) == over:
            # The end of the fault took back that it was told, so that what outlasts it is told.
            facts[place] = replace(facts[place], text=str(reasons.WITH_THE_FAULT))
    return facts


def kind_of(alert: Alert) -> str:
    if alert.kind == Alert.Kind.NO_DATA:
        return alert.kind
    return "flag" if alert.metric in FLAGS else "threshold"


BEGAN = {
    "no_data": gettext_lazy("There were no more values."),
    "flag": gettext_lazy("It began."),
    "threshold": gettext_lazy("It began to cross."),
}


def of_event(event: AlertEvent, alert: Alert, person: User) -> Fact:
    data: dict[str, Any] = {"reason": event.reason} if event.reason else {}
    if event.notification_id:
        data["notification"] = event.notification_id
    return Fact(
        event.kind,
        reasons.of_event(event, alert, person),
        at=event.at,
        until=event.until,
        data=data,
    )


def deliveries_of(alert: Alert, person: User) -> Iterable[Notification]:
    """One's own; staff see all."""
    told = alert.notifications.order_by("created_at", "pk").prefetch_related("log")
    return told if person.is_staff else told.filter(recipient=person)


def of_delivery(notification: Notification, person: User) -> Delivery:
    return Delivery(
        notification, list(notification.log.all()), delivery_text(notification, person)
    )


def delivery_text(notification: Notification, person: User) -> str:
    words = {
        "to": notification.address,
        "answer": notification.answer or notification.error,
        "when": notification.sent_at and wording.moment(notification.sent_at, person),
        "next": notification.next_attempt_at
        and wording.moment(notification.next_attempt_at, person),
    }
    match notification.status:
        case Status.SENT if notification.answer:
            return _("Sent to %(to)s, %(when)s. The answer was: %(answer)s") % words
        case Status.SENT:
            return _("Sent to %(to)s, %(when)s.") % words
        case Status.FAILED:
            return (
                _(
                    "It did not get through to %(to)s, and is tried again %(next)s. The answer was: "
                    "%(answer)s"
                )
                % words
            )
        case Status.GIVEN_UP:
            return _("Given up, to %(to)s: %(answer)s") % words
    return _("It is on its way to %(to)s.") % words


def following(alert: Alert, events: Sequence[AlertEvent], person: User, now: datetime) -> Fact:
    """When the next message could come, and why not sooner."""
    if alert.owner_id is None:
        return Fact("no_owner", reasons.not_told("no_owner"))
    if alert.tell_at is not None and alert.tell_at <= now:
        return Fact("deciding", _("It is being decided now."), at=alert.tell_at)
    if muted := of_mute(alert, person, now):
        return muted
    held = last_held(events)
    if alert.tell_at is not None:
        return of_waiting(alert, alert.tell_at, held, person)
    if not alert.active:
        return Fact("over", _("It is over, and nothing more is told of it."))
    if held is not None and held.until is None and alert.told_at is None:
        return Fact(held.reason, reasons.held(held.reason, None, person))
    return of_lasting(alert, events)


def of_mute(alert: Alert, person: User, now: datetime) -> Fact | None:
    """Of what was told before, reminders and the end would be."""
    if not alert.active or alert.told_at is None:
        return None
    silent = [
        mute for mute in mutes.in_force(now).filter(owner=alert.owner_id) if silences(mute, alert)
    ]
    if not silent:
        return None
    ends = [mute.until for mute in silent if mute.until]
    until = max(ends) if len(ends) == len(silent) else None
    return Fact("muted", reasons.held(Reason.MUTED, until, person), until=until)


def of_waiting(alert: Alert, until: datetime, held: AlertEvent | None, person: User) -> Fact:
    if held is not None and held.until == until:
        return Fact(held.reason, reasons.held(held.reason, until, person), until=until)
    if alert.active and alert.told_at is not None:
        return Fact("reminder", reasons.held("reminder", until, person), until=until)
    when = wording.moment(until, person)
    return Fact("waiting", _("It is decided %(when)s.") % {"when": when}, until=until)


def last_held(events: Sequence[AlertEvent]) -> AlertEvent | None:
    """What holds it back, unless something else came after it."""
    telling = (AlertEvent.Kind.HELD, AlertEvent.Kind.TOLD, AlertEvent.Kind.NOT_TOLD)
    last = next((event for event in reversed(events) if event.kind in telling), None)
    return last if last is not None and last.kind == AlertEvent.Kind.HELD else None


def of_lasting(alert: Alert, events: Sequence[AlertEvent]) -> Fact:
    if alert.told_at is None:
        last = next((each for each in reversed(events) if each.reason), None)
        reason = last.reason if last else "not_wanted"
        return Fact(reason, reasons.not_told(reason))
    told = told_by(events)
    if told and all(each.status == Status.GIVEN_UP for each in told):
        return Fact("lost", _("It was told, but did not get through: nothing more is told of it."))
    if alert.rule is not None and not alert.rule.tell_recovery:
        return Fact("not_wanted", _("It was told. The rule asks for nothing more."))
    return Fact("recovery", _("It was told. The next message comes when it is over."))


def told_by(events: Sequence[AlertEvent]) -> list[Notification]:
    telling = (AlertEvent.Kind.TOLD, AlertEvent.Kind.REMINDED)
    return [event.notification for event in events if event.kind in telling and event.notification]


def of_incident(alert: Alert, person: User) -> Fact | None:
    """Customers read that the host is at fault; what it is called is for staff."""
    incident = alert.incident
    if incident is None:
        return None
    text = _("The host is at fault: one message stands for all that comes of it.")
    data: dict[str, Any] = {}
    if person.is_staff:
        why = failings.shown(incident.why)
        text = f"{text} {incident.get_kind_display()} {incident.name}: {why}"
        data = {"incident": incident.pk, "kind": incident.kind, "name": incident.name}
    return Fact("fault", text, at=incident.began_at, until=incident.ended_at, data=data)
