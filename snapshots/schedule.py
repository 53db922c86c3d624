"""When snapshots are due by a rule of wall-clock time in some zone. Pure.

Daylight saving is dealt with as Debian's cron does (cronsim): a time that does not exist on a day
runs as soon as the clock has jumped over it, one that comes twice runs the first time, and hourly
means each hour that passes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cronsim import CronSim

from accounts import zones


class Kind(StrEnum):
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


# Marks what is translated where it is shown.
noop = str
NO_SUCH_TIME = noop("There is no such time.")
NO_SUCH_ZONE = noop("There is no time zone “%(name)s”.")

# Longer than any two runs are ever apart, with a day that a zone left out.
LONGEST_INTERVAL = {
    Kind.HOURLY: timedelta(hours=3),
    Kind.DAILY: timedelta(days=3),
    Kind.WEEKLY: timedelta(days=9),
}


@dataclass(frozen=True)
class Rule:
    """Each hour at `minute`, each day at `hour`:`minute`, or so on `weekday` (Monday is 0) alone.

    What a kind does not need is ignored. Raises ValueError for what no clock, calendar or time
    zone has.
    """

    kind: Kind
    minute: int = 0
    hour: int = 0
    weekday: int = 0
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        Kind(self.kind)
        if not (0 <= self.minute < 60 and 0 <= self.hour < 24 and 0 <= self.weekday < 7):
            raise ValueError(NO_SUCH_TIME)
        if self.time_zone not in zones.known():
            raise ValueError(NO_SUCH_ZONE % {"name": self.time_zone})


def next_run(rule: Rule, after: datetime) -> datetime:
    """The first time in UTC, strictly after `after`."""
    return next(runs(rule, after))


def runs(rule: Rule, after: datetime) -> Iterator[datetime]:
    """All runs from then on, in UTC."""
    local = after.astimezone(ZoneInfo(rule.time_zone))
    for wall in CronSim(expression(rule), local):
        at = wall.astimezone(UTC)
        # In the hour that the clock repeats, cronsim begins with the first of the two.
        if at > after:
            yield at


def expression(rule: Rule) -> str:
    """As cron has it: minute, hour, day, month, weekday, where Sunday is 0."""
    match Kind(rule.kind):
        case Kind.HOURLY:
            return f"{rule.minute} * * * *"
        case Kind.DAILY:
            return f"{rule.minute} {rule.hour} * * *"
        case Kind.WEEKLY:
            return f"{rule.minute} {rule.hour} * * {(rule.weekday + 1) % 7}"
