"""How old the newest snapshot of a server is, for the alert rules that ask."""

from datetime import datetime

from django.db.models import Max

from alerts import judge, reports, rulebook
from alerts.judge import Value
from alerts.metrics import Metric
from alerts.models import AlertStanding
from servers.models import Server
from snapshots.models import Snapshot, SnapshotSchedule


def report(now: datetime) -> None:
    """Judges the ages where a rule is about them, and ends what nobody schedules any more."""
    servers = rulebook.concerned(Metric.SNAPSHOT_AGE)
    reports.report(Metric.SNAPSHOT_AGE, ages(servers, now), now=now)
    reports.report(Metric.SNAPSHOT_FAILED, unscheduled(), now=now)


def ages(servers: set[int], now: datetime) -> dict[int, Value]:
    """Seconds since the newest was taken; of a server without any, since we know it."""
    found: dict[int, Value] = {}
    ids = sorted(servers)
    for start in range(0, len(ids), 1000):
        rows = Server.objects.filter(pk__in=ids[start : start + 1000], present=True)
        known = dict(rows.values_list("pk", "created_at"))
        taken = Snapshot.objects.filter(server__in=known, taken_at__isnull=False)
        newest = dict(taken.values_list("server_id").annotate(at=Max("taken_at")).order_by())
        for server, since in known.items():
            age = now - newest.get(server, since)
            found[server] = Value(max(0.0, age.total_seconds()))
    return found


def unscheduled() -> dict[int, Value]:
    """Servers where a scheduled snapshot failed, and none is scheduled any more."""
    standing = AlertStanding.objects.filter(rule__metric=Metric.SNAPSHOT_FAILED.value)
    failed = set(standing.values_list("server_id", flat=True))
    if not failed:
        return {}
    enabled = SnapshotSchedule.objects.filter(server__in=failed, enabled=True)
    return dict.fromkeys(failed - set(enabled.values_list("server_id", flat=True)), judge.VOID)
