"""Rules and alerts in words, in the language that is active."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from alerts.metrics import FLAGS, KINDS, Metric, Unit
from alerts.models import Alert, AlertRule, Severity
from alerts.models import Metric as MetricChoices

MINUTE, HOUR, DAY = 60, 3600, 86400


Kind = Alert.Kind


def condition_of(item: AlertRule | Alert) -> str:
    """What it watches for, as one phrase: “CPU above 90 % for 10 min”."""
    metric = Metric(item.metric)
    if isinstance(item, Alert) and item.kind == Kind.NO_DATA:
        return _("%(metric)s: no data") % {"metric": metric_label(item)}
    is_flag = metric in FLAGS
    phrase = flag_words(metric) if is_flag else compared(item, metric)
    if not item.duration:
        return phrase
    held = _("%(condition)s, for %(duration)s") if is_flag else _("%(condition)s for %(duration)s")
    return held % {"condition": phrase, "duration": duration(item.duration)}


def compared(item: AlertRule | Alert, metric: Metric) -> str:
    bound = "?" if item.threshold is None else value_text(metric, item.threshold)
    above = item.condition == AlertRule.Condition.GREATER_THAN
    words = {"metric": metric_label(item), "value": bound}
    if metric == Metric.SNAPSHOT_AGE and above:
        return _("newest snapshot older than %(value)s") % words
    if metric == Metric.DISK_FULL_IN and not above:
        return _("%(disk)s full in less than %(value)s") % {**words, "disk": disk_label(item)}
    return (_("%(metric)s above %(value)s") if above else _("%(metric)s below %(value)s")) % words


def flag_words(metric: Metric) -> str:
    match metric:
        case Metric.STATE:
            return _("down though nobody asked for it")
        case Metric.REACHABILITY:
            return _("not reachable for the panel")
        case Metric.SNAPSHOT_FAILED:
            return _("a scheduled snapshot failed")
    return str(MetricChoices(metric).label)


def metric_label(item: AlertRule | Alert) -> str:
    """Of a disk with the file system it is about, which for an alert is the one that crossed."""
    metric = Metric(item.metric)
    if metric == Metric.DISK:
        return disk_label(item)
    label = str(MetricChoices(metric).label)
    return f"{label} ({item.mountpoint})" if item.mountpoint else label


def disk_label(item: AlertRule | Alert) -> str:
    return (
        _("Disk %(mountpoint)s") % {"mountpoint": item.mountpoint}
        if item.mountpoint
        else _("Disk")
    )


def value_text(metric: Metric | str, number: float | None) -> str:
    """A value with its unit; of what is so or is not, whether it is."""
    if number is None:
        return _("unknown")
    match KINDS[Metric(metric)].unit:
        case Unit.FRACTION:
            return _("%(number)s %%") % {"number": short(number * 100)}
        case Unit.RATE:
            return rate(number)
        case Unit.SECONDS:
            return duration(round(number))
    return _("yes") if number > 0.5 else _("no")


def short(number: float) -> str:
    """With one digit after the point where that tells anything."""
    rounded = round(number, 1)
    places = 0 if rounded == int(rounded) else 1
    return formats.number_format(rounded, places)


def rate(number: float) -> str:
    """In decimal units, as on a server's page. What would round to 1000 is 1 of the next."""
    units = [_("B/s"), _("kB/s"), _("MB/s"), _("GB/s"), _("TB/s")]
    while round(abs(number), 1) >= 1000 and len(units) > 1:
        number /= 1000
        units.pop(0)
    return f"{short(number)} {units[0]}"


def duration(seconds: float) -> str:
    """The two largest units: 2 days 3 h, 10 min, 45 s."""
    left = max(0, round(seconds))
    days, left = divmod(left, DAY)
    hours, left = divmod(left, HOUR)
    minutes, rest = divmod(left, MINUTE)
    parts = [
        ngettext("%(count)d day", "%(count)d days", days) % {"count": days} if days else "",
        _("%(count)d h") % {"count": hours} if hours else "",
        _("%(count)d min") % {"count": minutes} if minutes else "",
        _("%(count)d s") % {"count": rest} if rest else "",
    ]
    first = next((at for at, part in enumerate(parts) if part), None)
    if first is None:
        return _("%(count)d s") % {"count": 0}
    return " ".join(filter(None, parts[first : first + 2]))


def lasted(alert: Alert, now: datetime) -> str:
    """From when it crossed until it was over, or until now."""
    return duration(((alert.ended_at or now) - alert.since) / timedelta(seconds=1))


def end_reason(alert: Alert) -> str:
    """Why it ended, as a sentence."""
    match alert.end_reason:
        case Alert.End.RECOVERED if alert.kind == Kind.NO_DATA:
            return _("There are values again.")
        case Alert.End.RECOVERED:
            return _("It recovered.")
        case Alert.End.VOID:
            return nothing_to_measure(alert)
        case Alert.End.RULE_CHANGED:
            return _("The rule was changed.")
        case Alert.End.OWNER_CHANGED:
            return _("The server has another owner.")
        case Alert.End.GONE:
            return _("The server is gone.")
    return ""


def nothing_to_measure(alert: Alert) -> str:
    if alert.metric == Metric.SNAPSHOT_FAILED:
        return _("No snapshots are scheduled any more.")
    if alert.mountpoint:
        return _("This file system is not there any more.")
    return _("The server was stopped.")


def severity(item: AlertRule | Alert) -> str:
    return str(Severity(item.severity).label)


def moment(at: datetime, user: User) -> str:
    """A time in the person's zone, with the zone's name: 20 Nov 2026, 10:21 (Europe/Moscow)."""
    local = at.astimezone(ZoneInfo(user.time_zone))
    # Translators: a date and time, in the letters of Django's date format.
    written = formats.date_format(local, _("j M Y, H:i"))
    return f"{written} ({user.time_zone})"
