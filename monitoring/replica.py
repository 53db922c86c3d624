"""Where history is read: on a replica of the database, where one is set, answers and keeps up.

Charts and explanations are most of what is read, and seconds of delay do no harm there. A replica
that is away or far behind is left alone for a moment, and the database itself is asked.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError
from django.db.models import Max

from servers.models import Cluster

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

LOOK_AGAIN_SECONDS = 10.0
# So many intervals behind it would show gaps where there are none.
MOST_CYCLES_BEHIND = 2


@dataclass
class Trust:
    """What this process found out about the replica, and until when that holds."""

    is_good: bool = False
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *, is_good: bool) -> None:
        if self.is_good != is_good:
            logger.warning(
                "History is read from the %s.", "replica" if is_good else "database itself"
            )
        self.is_good, self.until = is_good, monotonic() + LOOK_AGAIN_SECONDS


trust = Trust()


def read(reading: Callable[[str], Found]) -> Found:
    """What `reading` finds in the database of the alias it is called with: all of it in one, as what one
    has moved the other may not have yet. Raises what the database itself raises."""
    alias = chosen()
    if alias != DEFAULT_DB_ALIAS:
        try:
            return reading(alias)
        except (DatabaseError, InterfaceError) as error:
            logger.info("The replica does not answer: %s", error)
            trust.note(is_good=False)
    return reading(DEFAULT_DB_ALIAS)


def chosen() -> str:
    """One thread looks while the others go on with what is known."""
    alias: str = settings.HISTORY_DATABASE
    if alias == DEFAULT_DB_ALIAS:
        return alias
    if monotonic() >= trust.until and trust.lock.acquire(blocking=False):
        try:
            trust.note(is_good=keeps_up(alias))
        finally:
            trust.lock.release()
    return alias if trust.is_good else DEFAULT_DB_ALIAS


def keeps_up(alias: str) -> bool:
    try:
        return behind(alias) <= timedelta(seconds=MOST_CYCLES_BEHIND * settings.POLL_INTERVAL)
    except (DatabaseError, InterfaceError) as error:
        logger.info("The replica does not answer: %s", error)
        return False


def behind(alias: str) -> timedelta:
    """By when the last cycle was stored, as both know it. Raises DatabaseError, InterfaceError."""
    theirs, ours = last_cycle(alias), last_cycle(DEFAULT_DB_ALIAS)
    if ours is None:
        return timedelta(0)
    return ours - theirs if theirs is not None else timedelta.max


def last_cycle(alias: str) -> datetime | None:
    found: datetime | None = Cluster.objects.using(alias).aggregate(at=Max("last_cycle_at"))["at"]
    return found
