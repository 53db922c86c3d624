"""The last lines that a task has written, for staff."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from servers import actions
from servers.models import Action
from servers.proxmox.errors import ProxmoxError
from servers.proxmox.gateway import Gateway
from servers.proxmox.upid import parse

logger = logging.getLogger(__name__)

FIRST, EVERY, AT_ONCE = timedelta(seconds=2), timedelta(seconds=5), 3
LINES = 12


def due(followed: Iterable[Action], *, now: datetime) -> list[Action]:
    """A few of the running ones, those that were read longest ago."""
    waiting = [action for action in followed if is_due(action, now)]
    waiting.sort(key=lambda action: action.log_at or action.requested_at)
    return waiting[:AT_ONCE]


def is_due(action: Action, now: datetime) -> bool:
    if action.active is None or action.sent_at is None:
        return False
    if action.log_at is None:
        return now - action.sent_at >= FIRST
    return abs(now - action.log_at) >= EVERY


def read(gateway: Gateway, action: Action, *, clock: Callable[[], datetime]) -> None:
    try:
        lines = gateway.task_log(parse(action.upid))
    except ProxmoxError as error:
        logger.info("The log of %s cannot be read: %s", action.upid, error)
        return
    actions.note_log(action, lines[-LINES:], now=clock())
