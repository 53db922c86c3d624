"""Letters about alerts and about faults of the hosts. Customers never read what a host is called."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from alerts import failings, wording
from alerts.letters.letter import (
    Letter,
    alert_url,
    alerts_url,
    facts,
    letter,
    listed,
    name_of,
    settings_url,
)
from alerts.metrics import FLAGS, Metric
from alerts.models import Alert, Incident, Notification
from servers.models import Server

# How many others are named that fire for the same reason.
MOST_OTHERS = 5
MOST_NAMED = 3

Kind = Notification.Kind


@dataclass(frozen=True)
class Told:
    """What a letter is about."""

    user: User
    alerts: Sequence[Alert]
    incident: Incident | None
    count: int
    since: datetime | None
    now: datetime

    def moment(self, at: datetime) -> str:
        return wording.moment(at, self.user)


def compose(
    kind: str,
    user: User,
    *,
    alerts: Sequence[Alert],
    incident: Incident | None = None,
    now: datetime,
    count: int = 0,
    server: Server | None = None,
    since: datetime | None = None,
) -> Letter:
    """A letter of one of Notification.Kind, in the person's language.

    `count`: of FLAPPING, how often within the hour; of a DIGEST, of how many servers more nothing
    is known. `since`: of a DIGEST, from when on nobody
    looked. `server` is what a letter without alerts is about.
    """
    told = Told(user, alerts, incident, count, since, now)
    with translation.override(user.language):
        return WRITERS[Kind(kind)](told)


# One alert, or several at once


def of_firing(told: Told) -> Letter:
    if len(told.alerts) > 1:
        return of_several(told)
    [alert] = told.alerts
    return letter(verdict(alert), facts_of(alert, told), where(alert))


def of_reminder(told: Told) -> Letter:
    if len(told.alerts) > 1:
        return of_several(told, _("Still: %(what)s"))
    [alert] = told.alerts
    subject = _("Still: %(what)s") % {"what": verdict(alert)}
    return letter(subject, facts_of(alert, told), where(alert))


def of_several(told: Told, form: str = "%(what)s") -> Letter:
    subject = form % {"what": summary(told.alerts)}
    return letter(subject, listed(line_of(alert, told) for alert in told.alerts), where())


def of_recovery(told: Told) -> Letter:
    if len(told.alerts) > 1:
        count = len(told.alerts)
        words = ngettext("%(count)d alert is over", "%(count)d alerts are over", count)
        subject = line_with(words % {"count": count}, names_of(told.alerts))
        return letter(subject, listed(ended_line(alert, told) for alert in told.alerts), where())
    [alert] = told.alerts
    recovered = alert.end_reason == Alert.End.RECOVERED
    form = _("Recovered: %(what)s") if recovered else _("Over: %(what)s")
    return letter(form % {"what": verdict(alert)}, ended_facts(alert, told), where(alert))


def of_flapping(told: Told) -> Letter:
    alert = told.alerts[0]
    count = max(told.count, 1)
    words = ngettext(
        "%(what)s, %(count)d time within an hour",
        "%(what)s, %(count)d times within an hour",
        count,
    )
    return letter(
        words % {"what": verdict(alert), "count": count},
        _("It comes and goes, so this one mail stands for all of it."),
        facts_of(alert, told) if alert.active else ended_facts(alert, told),
        where(alert),
    )


def of_digest(told: Told) -> Letter:
    begins = told.since or min((alert.since for alert in told.alerts), default=told.now)
    # Not now: it may have waited for the end of quiet hours.
    ends = max((alert.ended_at or told.now for alert in told.alerts), default=told.now)
    return letter(
        _("While the panel was away: %(what)s") % {"what": summary(told.alerts)},
        _("From %(begin)s to %(end)s the panel could not watch your servers. This is what their "
          "hosts recorded meanwhile.")
        % {"begin": told.moment(begins), "end": told.moment(ends)},
        listed(digest_line(alert, told) for alert in told.alerts),
        not_known(told.count),
        where(),
    )  # fmt: skip


def not_known(count: int) -> str:
    words = ngettext(
        "Of %(count)d server it could not be found out.",
        "Of %(count)d servers it could not be found out.",
        count,
    )
    return words % {"count": count} if count else ""


def verdict(alert: Alert) -> str:
    return f"{name_of(alert.server)}: {wording.condition_of(alert)}"


def summary(alerts: Sequence[Alert]) -> str:
    """“web-1: 3 alerts”, or “3 alerts: web-1, web-2”; of one what it says."""
    if len(alerts) == 1:
        return verdict(alerts[0])
    count = len(alerts)
    words = ngettext("%(count)d alert", "%(count)d alerts", count) % {"count": count}
    servers = {alert.server_id for alert in alerts}
    return f"{names_of(alerts)}: {words}" if len(servers) == 1 else f"{words}: {names_of(alerts)}"


def names_of(alerts: Iterable[Alert]) -> str:
    return few(dict.fromkeys(name_of(alert.server) for alert in alerts))


def few(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(every[:MOST_NAMED])
    if len(every) <= MOST_NAMED:
        return shown
    return _("%(names)s and %(count)d more") % {
        "names": shown,
        "count": len(every) - MOST_NAMED,
    }


def facts_of(alert: Alert, told: Told) -> str:
    return facts(
        (_("Since"), told.moment(alert.since)),
        (_("Lasts for"), wording.lasted(alert, told.now)),
        (_("Value"), value_of(alert, alert.value)),
        (detail_label(alert), alert.detail),
        (_("Severity"), wording.severity(alert)),
        (_("The same on"), others(alert, told)),
    )


def ended_facts(alert: Alert, told: Told) -> str:
    return facts(
        (_("What happened"), wording.end_reason(alert)),
        (_("Lasted for"), wording.lasted(alert, told.now)),
        (_("Since"), told.moment(alert.since)),
        (_("Until"), told.moment(alert.ended_at) if alert.ended_at else ""),
        (_("Value when it ended"), value_of(alert, alert.end_value)),
        (detail_label(alert), alert.detail),
    )


def value_of(alert: Alert, number: float | None) -> str:
    if number is None or alert.metric in FLAGS or alert.kind == Alert.Kind.NO_DATA:
        return ""
    return wording.value_text(alert.metric, number)


def detail_label(alert: Alert) -> str:
    return _("File system") if alert.metric in DISKS else _("Detail")


DISKS = frozenset((Metric.DISK.value, Metric.DISK_FULL_IN.value))


def others(alert: Alert, told: Told) -> str:
    """Other servers of the person's for which the same fires now."""
    mine = Alert.objects.firing().filter(owner=told.user, server__owner=told.user)
    same = mine.filter(metric=alert.metric)
    same = same.exclude(server=alert.server_id).select_related("server").order_by("server__name")
    return few(dict.fromkeys(name_of(each.server) for each in same[:MOST_OTHERS]))


def line_of(alert: Alert, told: Told) -> str:
    value = value_of(alert, alert.value)
    words = f"{verdict(alert)} ({value})" if value else verdict(alert)
    return _("%(what)s, since %(time)s") % {"what": words, "time": told.moment(alert.since)}


def ended_line(alert: Alert, told: Told) -> str:
    words = {"what": verdict(alert), "duration": wording.lasted(alert, told.now)}
    return _("%(what)s, lasted for %(duration)s") % words + f". {wording.end_reason(alert)}"


def digest_line(alert: Alert, told: Told) -> str:
    return line_of(alert, told) if alert.active else ended_line(alert, told)


def where(alert: Alert | None = None) -> str:
    if alert is None:
        first = line_with(_("Your alerts"), alerts_url())
    else:
        first = line_with(_("What happened, and who was told"), alert_url(alert))
    return first + "\n" + line_with(_("What you are told"), settings_url())


def line_with(words: str, address: str) -> str:
    return f"{words}: {address}"


# Faults of the hosts


def of_fault(told: Told) -> Letter:
    servers = affected(told)
    return letter(
        _("A fault on our side affects %(servers)s") % {"servers": named(servers)},
        _("We know of it and are at work on it. You need not do anything."),
        facts((_("Since"), told.moment(fault_began(told)))),
        listed(map(name_of, servers)) if len(servers) > 1 else "",
        where(),
    )


def of_fault_over(told: Told) -> Letter:
    servers = affected(told)
    end = told.incident.ended_at if told.incident else None
    began = fault_began(told)
    return letter(
        _("The fault on our side is over: %(servers)s") % {"servers": named(servers)},
        facts(
            (_("Since"), told.moment(began)),
            (_("Until"), told.moment(end or told.now)),
            (_("Lasted for"), wording.duration(((end or told.now) - began).total_seconds())),
        ),
        listed(map(name_of, servers)) if len(servers) > 1 else "",
        where(),
    )


def affected(told: Told) -> list[Server]:
    """The person's own servers alone, whoever else's stand on that host."""
    found = {
        alert.server_id: alert.server
        for alert in told.alerts
        if alert.server.owner_id == told.user.pk
    }
    if told.incident is not None:
        found |= {server.pk: server for server in told.incident.servers.filter(owner=told.user)}
    return sorted(found.values(), key=lambda server: (server.name, server.pk))


def named(servers: Sequence[Server]) -> str:
    if len(servers) == 1:
        return name_of(servers[0])
    count = len(servers)
    return ngettext("%(count)d server", "%(count)d of your servers", count) % {"count": count}


def fault_began(told: Told) -> datetime:
    if told.incident is not None:
        return told.incident.began_at
    return min((alert.since for alert in told.alerts), default=told.now)


def of_incident(told: Told) -> Letter:
    incident = incident_of(told)
    servers = list(incident.servers.order_by("name", "pk"))
    words = ngettext("%(what)s, %(count)d server", "%(what)s, %(count)d servers", len(servers))
    subject = words % {"what": host_of(incident), "count": len(servers)}
    return letter(
        _("Incident: %(what)s") % {"what": subject},
        facts(
            (_("What is wrong"), failings.shown(incident.why)),
            (_("Since"), told.moment(incident.began_at)),
        ),
        listed(map(name_of, servers)),
        incident_url(incident),
    )


def of_incident_over(told: Told) -> Letter:
    incident = incident_of(told)
    end = incident.ended_at or told.now
    return letter(
        _("Incident over: %(what)s") % {"what": host_of(incident)},
        facts(
            (_("Since"), told.moment(incident.began_at)),
            (_("Until"), told.moment(end)),
            (_("Lasted for"), wording.duration((end - incident.began_at).total_seconds())),
        ),
        incident_url(incident),
    )


def incident_of(told: Told) -> Incident:
    if told.incident is None:
        raise ValueError("A letter about an incident needs one.")
    return told.incident


def host_of(incident: Incident) -> str:
    words = {"name": incident.name, "cluster": incident.cluster.name}
    match incident.kind:
        case Incident.Kind.NODE:
            return _("node %(name)s of %(cluster)s") % words
        case Incident.Kind.STORAGE:
            return _("storage %(name)s of %(cluster)s") % words
    return _("cluster %(cluster)s") % words


def incident_url(incident: Incident) -> str:
    address = f"{settings.PANEL_URL}/admin/alerts/incident/{incident.pk}/change/"
    return line_with(_("The incident"), address)


WRITERS: dict[Kind, Callable[[Told], Letter]] = {
    Kind.FIRED: of_firing,
    Kind.REMINDER: of_reminder,
    Kind.RECOVERED: of_recovery,
    Kind.FLAPPING: of_flapping,
    Kind.FAULT: of_fault,
    Kind.FAULT_OVER: of_fault_over,
    Kind.INCIDENT: of_incident,
    Kind.INCIDENT_OVER: of_incident_over,
    Kind.DIGEST: of_digest,
}
