"""Housekeeping of sessions and tokens."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="accounts.clear_expired")
def clear_expired(**_: object) -> None:
    call_command("clearsessions")
    call_command("flushexpiredtokens")
