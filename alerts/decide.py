"""Whether somebody is told of an alert now, later or not at all, and why. Pure.

Each answer bears its reason, which is what the alert's explanation says.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

# So often within an hour, and it is told of once, as flapping.
FLAPS = 3
FLAPPING_WITHIN = timedelta(hours=1)


class Reason(StrEnum):
    """Why nobody is told now."""

    COOLDOWN = "cooldown"
    QUIET = "quiet"
    MUTED = "muted"
    MAINTENANCE = "maintenance"
    # One message tells of the host's fault, for all that comes of it.
    FAULT = "fault"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"
    NOT_WANTED = "not_wanted"
    # Nobody was told that it fired.
    UNTOLD = "untold"
    ENDED_OTHERWISE = "ended_otherwise"
    NO_CHANNEL = "no_channel"
    NO_OWNER = "no_owner"
    OWNER_CHANGED = "owner_changed"
    # The next reminder.
    REMINDER = "reminder"


class Message(StrEnum):
    """What is told; of the same names as the kinds of notifications."""

    FIRED = "fired"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    FLAPPING = "flapping"
    FAULT = "fault"


class Tell(NamedTuple):
    message: Message


class Hold(NamedTuple):
    """`until` None is until somebody takes back what holds it."""

    reason: Reason
    until: datetime | None


class Drop(NamedTuple):
    reason: Reason


Decision = Tell | Hold | Drop


@dataclass(frozen=True)
class Silence:
    """A mute or a maintenance window that covers the alert now; `until` None has no end."""

    until: datetime | None


@dataclass(frozen=True)
class Facts:
    """All that counts for one alert.

    `told_at`: when its owner was last told that it fires. `last_told`: the same of any episode of
    the rule on the server. `lately`: how many of those fired within the hour.
    `fault`: the host is at fault. `ended_well`: it recovered, or there is nothing more to measure.
    """

    ended: bool
    ended_well: bool = True
    told_at: datetime | None = None
    last_told: datetime | None = None
    lately: int = 1
    acknowledged: bool = False
    critical: bool = False
    tell_recovery: bool = True
    remind_every: timedelta | None = None
    maintenance: Silence | None = None
    mute: Silence | None = None
    quiet_until: datetime | None = None
    critical_anyway: bool = True
    fault: bool = False


def decide(facts: Facts, *, cooldown: timedelta, now: datetime) -> Decision:
    return of_end(facts, cooldown, now) if facts.ended else of_firing(facts, cooldown, now)


def of_firing(facts: Facts, cooldown: timedelta, now: datetime) -> Decision:
    if facts.acknowledged:
        return Drop(Reason.ACKNOWLEDGED)
    if facts.told_at is not None:
        following = next_reminder(facts)
        if following is None:
            return Drop(Reason.NOT_WANTED)
        if now < following:
            return Hold(Reason.REMINDER, following)
    held = silenced(facts) or cooling(facts, cooldown, now)
    if held:
        return held
    if facts.told_at is not None:
        return Tell(Message.REMINDER)
    if facts.fault:
        return Tell(Message.FAULT)
    return Tell(Message.FLAPPING if facts.lately >= FLAPS else Message.FIRED)


def next_reminder(facts: Facts) -> datetime | None:
    if facts.told_at is None or facts.remind_every is None:
        return None
    return facts.told_at + facts.remind_every


def of_end(facts: Facts, cooldown: timedelta, now: datetime) -> Decision:
    if not facts.ended_well:
        return Drop(Reason.ENDED_OTHERWISE)
    if facts.told_at is None:
        # What comes and goes is told of once, when there may be a mail again.
        if facts.lately < FLAPS or facts.acknowledged or facts.mute or facts.fault:
            return Drop(Reason.OVER)
        return silenced(facts) or cooling(facts, cooldown, now) or Tell(Message.FLAPPING)
    if not facts.tell_recovery:
        return Drop(Reason.NOT_WANTED)
    if facts.fault:
        return Drop(Reason.FAULT)
    if facts.mute:
        return Drop(Reason.MUTED)
    return silenced(facts) or Tell(Message.RECOVERED)


def silenced(facts: Facts) -> Hold | None:
    if facts.maintenance:
        return Hold(Reason.MAINTENANCE, facts.maintenance.until)
    if facts.mute:
        return Hold(Reason.MUTED, facts.mute.until)
    if facts.quiet_until and not (facts.critical and facts.critical_anyway):
        return Hold(Reason.QUIET, facts.quiet_until)
    return None


def cooling(facts: Facts, cooldown: timedelta, now: datetime) -> Hold | None:
    """At most one mail of a rule and server in `cooldown`."""
    if facts.last_told is None or not facts.last_told <= now < facts.last_told + cooldown:
        # After a clock was set back, what was told lies in the future and holds nothing.
        return None
    return Hold(Reason.COOLDOWN, facts.last_told + cooldown)


def quiet_until(
    begins: time | None, ends: time | None, zone: str, now: datetime
) -> datetime | None:
    """The end of the quiet hours that it is in, None where it is in none."""
    if begins is None or ends is None or begins == ends:
        return None
    local = now.astimezone(ZoneInfo(zone))
    clock = local.time()
    if begins < ends:
        within, is_tomorrow = begins <= clock < ends, False
    else:
        within, is_tomorrow = clock >= begins or clock < ends, clock >= begins
    if not within:
        return None
    day = local.date() + timedelta(days=int(is_tomorrow))
    end = datetime.combine(day, ends, tzinfo=local.tzinfo).astimezone(now.tzinfo)
    # In the night when clocks are turned back, the end comes twice.
    return end if end > now else end + timedelta(hours=1)
