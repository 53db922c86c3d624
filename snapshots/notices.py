"""Telling owners of schedules that fail; what people asked for themselves they see themselves."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Source
from alerts import outbox
from servers import action_words
from servers.models import Action, Server
from snapshots import flow
from snapshots.models import SnapshotSchedule

ENDED_BADLY = (Action.Status.FAILED, Action.Status.LOST)


def tell_of(action: Action, *, now: datetime) -> None:
    """Of a scheduled snapshot that was not taken, or not deleted."""
    if action.source != Source.SCHEDULE or action.status not in ENDED_BADLY:
        return
    subject = (
        _("%(server)s: a scheduled snapshot was not taken")
        if action.type == flow.CREATE
        else _("%(server)s: an old snapshot was not deleted")
    )
    tell(action.server, subject, action_words.sentence(action), key=f"action-{action.pk}", now=now)


def tell_failure(schedule_id: int, why: str, *, now: datetime) -> None:
    """Of a run that did not even begin."""
    schedule = SnapshotSchedule.objects.select_related("server__owner").get(pk=schedule_id)
    at = schedule.last_run_at or now
    key = f"schedule-{schedule.pk}-{int(at.timestamp())}"
    subject = _("%(server)s: a scheduled snapshot was not taken")
    tell(schedule.server, subject, why, key=key, now=now)


def tell(server: Server, subject: str, why: str, *, key: str, now: datetime) -> None:
    owner = server.owner
    if owner is None:
        return
    address = f"{settings.PANEL_URL}{reverse('server-detail', args=[server.pk])}"
    words = subject % {"server": server.name}
    outbox.tell(
        owner,
        subject=words,
        body=f"{words}.\n\n{why}\n\n{address}\n",
        key=f"snapshots-{key}",
        server=server,
        now=now,
    )
