"""What staff have to see to today: read for the start page of the staff site.

A fixed number of queries, whatever there is; each count is that of the list that it links to.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts import backlog, failings, wording
from alerts.models import Alert, Incident, Notification, Severity
from panel import strain
from servers import action_words, console_requests, sweep, troubles
from servers.models import Action, Cluster, ConsoleRequest, Server
from snapshots.models import SnapshotSchedule

# So many of a kind are named; the rest is in the list.
NAMED = 5
STUCK_AFTER = timedelta(minutes=2)


class Weight(IntEnum):
    """How bad it is; what is worse stands first."""

    CRITICAL = 3
    WARNING = 2
    NOTICE = 1
    WELL = 0

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Line:
    """One of them: `about` is its name, `words` what is the matter with it, `at` since when."""

    about: str
    url: str
    words: str = ""
    at: datetime | None = None
    weight: Weight = Weight.NOTICE


@dataclass(frozen=True)
class Matter:
    """One kind of thing: how many, where all of them are, and some by name."""

    key: str
    title: str
    count: int
    weight: Weight
    url: str = ""
    quiet: str = ""
    lines: list[Line] = field(default_factory=list)


def matters(now: datetime) -> list[Matter]:
    """The worst first; of the same weight in the order of their reading."""
    found = [read(now) for read in READERS]
    return sorted(found, key=lambda matter: -matter.weight)


def changelist(model: str, query: str = "") -> str:
    return f"{reverse(f'admin:{model}_changelist')}{query}"


# Workers and clusters


def workers(now: datetime) -> Matter:
    """By what they leave lying: to ask each of them takes a second."""
    waits = {
        _("An action waits since then: no worker takes it."): sweep.waiting_since(),
        _("A message waits since then: no worker sends it."): backlog.waiting_since(now),
        _("A cluster is due since then, and no worker polls it."): polling_since(now),
    }
    lines = [
        Line(_("Workers"), "", words, at, Weight.CRITICAL)
        for words, at in waits.items()
        if at is not None and now - at > STUCK_AFTER
    ]
    weight = Weight.CRITICAL if lines else Weight.WELL
    return Matter(
        "workers", _("Workers and beat"), len(lines), weight, quiet=_("At work"), lines=lines
    )


def polling_since(now: datetime) -> datetime | None:
    """When the last cycle of all ended, if that is too long ago; what fails was polled, too."""
    polled = Cluster.objects.filter(enabled=True, failure="", last_cycle_at__isnull=False)
    latest = polled.order_by("-last_cycle_at").first()
    return latest.last_cycle_at if latest is not None and latest.is_stale(now) else None


def clusters(now: datetime) -> Matter:
    present = Q(servers__present=True)
    found = Cluster.objects.annotate(
        present=Count("servers", filter=present),
        unknown=Count("servers", filter=present & Q(servers__status=Server.Status.UNKNOWN)),
    )
    lines = sorted((of_cluster(each, now) for each in found), key=lambda line: -line.weight)
    bad = sum(line.weight > Weight.NOTICE for line in lines)
    weight = max((line.weight for line in lines), default=Weight.WARNING)
    return Matter(
        "clusters",
        _("Clusters"),
        bad,
        Weight.WELL if weight == Weight.NOTICE else weight,
        changelist("servers_cluster"),
        _("All are polled") if lines else _("None is registered"),
        lines,
    )


def of_cluster(cluster: Cluster, now: datetime) -> Line:
    """Its state in words, why, and when its last good cycle was."""
    words, weight = cluster_words(cluster, now)
    unknown = int(getattr(cluster, "unknown", 0))
    if unknown and cluster.enabled:
        text = ngettext("%(n)d server unknown", "%(n)d servers unknown", unknown) % {"n": unknown}
        words = f"{words}; {text}"
    since = cluster.overload_since if cluster.overload_level else cluster.last_cycle_at
    at = cluster.failing_since if cluster.failure else since
    url = reverse("admin:servers_cluster_change", args=[cluster.pk])
    return Line(cluster.name, url, words, at, weight)


def cluster_words(cluster: Cluster, now: datetime) -> tuple[str, Weight]:
    if not cluster.enabled:
        return _("not polled"), Weight.NOTICE
    if cluster.failure:
        why = f": {troubles.shown(cluster.failure_message)}" if cluster.failure_message else ""
        return f"{cluster.get_failure_display()}{why}", Weight.CRITICAL
    if cluster.is_stale(now):
        return _("no fresh numbers"), Weight.CRITICAL
    strained = ". ".join(filter(None, (strain.words(cluster), strain.remedy(cluster))))
    if cluster.warning or strained:
        return "; ".join(filter(None, (cluster.warning, strained))), Weight.WARNING
    return _("good"), Weight.WELL


# What goes on with servers


def incidents(now: datetime) -> Matter:
    found = Incident.objects.filter(active=True).select_related("cluster").order_by("began_at")
    lines = [
        Line(
            str(each),
            reverse("admin:alerts_incident_change", args=[each.pk]),
            failings.shown(each.why),
            each.began_at,
            Weight.CRITICAL,
        )
        for each in found
    ]
    weight = Weight.CRITICAL if lines else Weight.WELL
    url = changelist("alerts_incident", "?active__exact=1")
    quiet = _("No host is at fault")
    return Matter("incidents", _("Incidents"), len(lines), weight, url, quiet, lines[:NAMED])


def alerts(now: datetime) -> Matter:
    firing = Alert.objects.firing()
    by_severity = dict(firing.order_by().values_list("severity").annotate(n=Count("pk")))
    critical = by_severity.get(Severity.CRITICAL, 0)
    number = sum(by_severity.values())
    # "critical" comes before "warning" by its letters too.
    some = firing.select_related("server").order_by("severity", "-fired_at")[:NAMED]
    lines = [
        Line(
            each.server.name,
            reverse("alert", args=[each.pk]),
            capfirst(wording.condition_of(each)),
            each.fired_at,
            Weight.CRITICAL if each.severity == Severity.CRITICAL else Weight.WARNING,
        )
        for each in some
    ]
    weight = Weight.CRITICAL if critical else Weight.WARNING if number else Weight.WELL
    url = changelist("alerts_alert", "?active__exact=1")
    return Matter("alerts", _("Alerts that fire"), number, weight, url, _("None fires"), lines)


def actions(now: datetime) -> Matter:
    bad = Action.objects.ended_badly(now)
    number = bad.count()
    lines = [
        Line(
            each.server.name,
            reverse("admin:servers_action_change", args=[each.pk]),
            f"{action_words.label(each.type)}: {action_words.sentence(each)}",
            each.finished_at,
            Weight.WARNING,
        )
        for each in bad.select_related("server").order_by("-finished_at")[:NAMED]
    ]
    return Matter(
        "actions",
        _("Failed and lost actions, 24 hours"),
        number,
        Weight.WARNING if number else Weight.WELL,
        changelist("servers_action", "?ended=badly"),
        _("None failed"),
        lines,
    )


def unknown_servers(now: datetime) -> Matter:
    number = Server.objects.filter(status=Server.Status.UNKNOWN, present=True).count()
    return Matter(
        "unknown",
        _("Servers in an unknown state"),
        number,
        Weight.WARNING if number else Weight.WELL,
        changelist("servers_server", "?status__exact=unknown"),
        _("None"),
    )


def stale_servers(now: datetime) -> Matter:
    number = Server.objects.stale(now).count()
    return Matter(
        "stale",
        _("Servers with stale numbers"),
        number,
        Weight.WARNING if number else Weight.WELL,
        changelist("servers_server", "?numbers=stale"),
        _("None"),
    )


def snapshots(now: datetime) -> Matter:
    failed = SnapshotSchedule.objects.exclude(last_error="")
    number = failed.count()
    lines = [
        Line(
            each.server.name,
            reverse("server-snapshots", args=[each.server_id]),
            each.last_error,
            each.last_run_at,
            Weight.WARNING,
        )
        for each in failed.select_related("server").order_by("-last_run_at")[:NAMED]
    ]
    return Matter(
        "snapshots",
        _("Snapshot schedules that failed"),
        number,
        Weight.WARNING if number else Weight.WELL,
        changelist("snapshots_snapshotschedule", "?last_error__isempty=0"),
        _("None"),
        lines,
    )


# What people wait for


def messages(now: datetime) -> Matter:
    stuck = backlog.undelivered(Notification.objects.all(), now)
    number = stuck.count()
    lines = [
        Line(
            each.address,
            reverse("admin:alerts_notification_change", args=[each.pk]),
            failings.shown(each.error) or each.subject,
            each.created_at,
            Weight.WARNING,
        )
        for each in stuck.order_by("-created_at", "-pk")[:NAMED]
    ]
    return Matter(
        "messages",
        _("Mails and messages not delivered"),
        number,
        Weight.WARNING if number else Weight.WELL,
        changelist("alerts_notification", "?undelivered=yes"),
        _("All got through"),
        lines,
    )


def asked_consoles(now: datetime) -> Matter:
    waiting = console_requests.open_ones(now).select_related("server")
    found = list(waiting.order_by("-asked_at"))
    lines = [
        Line(
            each.server.name,
            reverse("server-console-requests", args=[each.server_id]),
            f"{each.asked_by_email}: {ConsoleRequest.Answer(each.answer).label}",
            each.asked_at,
        )
        for each in found[:NAMED]
    ]
    return Matter(
        "consoles",
        _("Consoles asked for"),
        len(found),
        Weight.NOTICE if found else Weight.WELL,
        changelist("servers_consolerequest", "?open__exact=1"),
        _("None"),
        lines,
    )


def unowned(now: datetime) -> Matter:
    number = Server.objects.filter(owner=None, present=True).count()
    return Matter(
        "unowned",
        _("Servers without an owner"),
        number,
        Weight.NOTICE if number else Weight.WELL,
        changelist("servers_server", "?owned=no"),
        _("None"),
    )


READERS: tuple[Callable[[datetime], Matter], ...] = (
    workers, clusters, incidents, alerts, actions, messages, snapshots, unknown_servers,
    stale_servers, asked_consoles, unowned,
)  # fmt: skip
