"""Telling owners of what their schedules could not do; what people asked for they see themselves.

That a snapshot was not taken is an alert like any other: a rule says who is told, and the next one
that is taken ends it.
"""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import locale
from accounts.models import Source
from alerts import judge, outbox, reports
from alerts.metrics import Metric
from servers import action_words
from servers.models import Action, Server
from snapshots import flow
from snapshots.models import SnapshotSchedule

ENDED_BADLY = (Action.Status.FAILED, Action.Status.LOST)


def tell_of(action: Action, *, now: datetime) -> None:
    """Of a scheduled snapshot that was or was not taken, or not deleted."""
    if action.source != Source.SCHEDULE:
        return
    with locale.of_person(action.server.owner):
        tell_owner(action, now=now)


def tell_owner(action: Action, *, now: datetime) -> None:
    if action.type == flow.CREATE and action.status == Action.Status.SUCCESS:
        report(action.server_id, failed=False, now=now)
    if action.status not in ENDED_BADLY:
        return
    if action.type == flow.CREATE:
        report(action.server_id, failed=True, why=action_words.sentence(action), now=now)
    else:
        tell_of_deletion(action, now=now)


def tell_failure(schedule_id: int, why: str, *, now: datetime) -> None:
    """Of a run that did not even begin."""
    schedule = SnapshotSchedule.objects.filter(pk=schedule_id).first()
    if schedule is not None:
        report(schedule.server_id, failed=True, why=why, now=now)


def report(server: int, *, failed: bool, why: str = "", now: datetime) -> None:
    reports.report(
        Metric.SNAPSHOT_FAILED, {server: judge.flag(failed)}, details={server: why}, now=now
    )


def tell_of_deletion(action: Action, *, now: datetime) -> None:
    server: Server = action.server
    if server.owner is None:
        return
    subject = _("%(server)s: an old snapshot was not deleted") % {"server": server.name}
    address = f"{settings.PANEL_URL}{reverse('server-detail', args=[server.pk])}"
    outbox.tell(
        server.owner,
        subject=subject,
        body=f"{subject}.\n\n{action_words.sentence(action)}\n\n{address}\n",
        key=f"snapshots-action-{action.pk}",
        server=server,
        now=now,
    )
