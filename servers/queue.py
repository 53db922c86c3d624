"""Sending work to Celery: the row is the truth, the message only a nudge."""

import logging
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(
    name: str,
    *,
    expires: timedelta | None = None,
    delay: timedelta | None = None,
    **arguments: object,
) -> None:
    """Send the task `name` after commit, with ids as arguments.

    It runs after `delay` and is dropped after `expires`.

    Flows name tasks instead of importing them. A broker that is down fails nobody: whatever the
    row says is picked up by the next sweep or cycle.
    """
    options = {} if expires is None else {"expires": expires.total_seconds()}
    if delay is not None:
        options["countdown"] = delay.total_seconds()
    transaction.on_commit(lambda: send(name, arguments, **options))


def send(name: str, arguments: dict[str, object], **options: Any) -> None:
    try:
        # A signature honours task_always_eager, send_task does not.
        current_app.signature(name, kwargs=arguments).apply_async(**options)
    except (OperationalError, OSError) as error:
        logger.warning("%s could not be sent, the broker is away: %s", name, error)


def send_with(name: str, *, expires: timedelta, **arguments: object) -> None:
    """Send at once a task that is worth nothing once `expires` has passed."""
    send(name, arguments, expires=expires.total_seconds())
