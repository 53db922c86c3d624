"""Housekeeping of sessions, tokens, counted wrong passwords and kept replies."""

from datetime import UTC, datetime

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.core.management import call_command

from accounts import idempotency, tokens


@shared_task(name="accounts.clear_expired")
def clear_expired(**_: object) -> None:
    now = datetime.now(UTC)
    call_command("clearsessions")
    call_command("flushexpiredtokens")
    tokens.forget_sessions(now=now)
    idempotency.forget(now)
    AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
