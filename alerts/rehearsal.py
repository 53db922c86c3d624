"""Whom the episodes of one rule on one server would have been told to, by alerts.decide. Pure.

It does with each episode what alerts.telling does with an alert, in a time of its own: mutes,
maintenance, faults of hosts and acknowledgements alone are not known of a past that never was.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from alerts.decide import (
    FLAPPING_WITHIN,
    Decision,
    Facts,
    Hold,
    Message,
    Reason,
    Tell,
    decide,
    quiet_until,
)


class Span(NamedTuple):
    """When an episode fired and ended; None where it still lasts."""

    fired_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Habits:
    """How the rule and the person want it. `critical`: how severe the rule is."""

    cooldown: timedelta
    critical: bool = False
    tell_recovery: bool = True
    remind_every: timedelta | None = None
    quiet_from: time | None = None
    quiet_until: time | None = None
    critical_anyway: bool = True
    time_zone: str = "UTC"


class Told(NamedTuple):
    """One message, of these episodes by their place."""

    at: datetime
    message: Message
    episodes: tuple[int, ...]


class Withheld(NamedTuple):
    """Nothing was told of an episode then: until when, or not at all where that is None."""

    at: datetime
    episode: int
    reason: Reason
    until: datetime | None


@dataclass
class Course:
    """Of one episode: what an Alert's `told_at` and `tell_at` would be."""

    span: Span
    told_at: datetime | None = None
    tell_at: datetime | None = None
    withheld: tuple[Reason, datetime | None] | None = None


@dataclass
class Rehearsal:
    habits: Habits
    courses: list[Course]
    last_told: datetime | None = None
    told: list[Told] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)


def rehearse(episodes: Sequence[Span], habits: Habits, *, until: datetime) -> Rehearsal:
    """`episodes` in the order in which they fired; what would be told until that time."""
    made = Rehearsal(habits, [Course(span) for span in episodes])
    fired = [span.fired_at for span in episodes]
    waiting = [(at, place) for place, span in enumerate(episodes) for at in span if at]
    heapify(waiting)
    while waiting and waiting[0][0] <= until:
        now = waiting[0][0]
        due: set[int] = set()
        while waiting and waiting[0][0] == now:
            place = heappop(waiting)[1]
            course = made.courses[place]
            # What it waited for is over, where it ended meanwhile or was told of.
            if course.tell_at == now or now in course.span:
                due.add(place)
        lately = bisect_right(fired, now) - bisect_right(fired, now - FLAPPING_WITHIN)
        for following in go_round(made, sorted(due), lately, now):
            heappush(waiting, following)
    return made


def go_round(
    made: Rehearsal, due: Sequence[int], lately: int, now: datetime
) -> list[tuple[datetime, int]]:
    """What is due together is decided together. Returns what is to be decided when."""
    telling: dict[Message, list[int]] = {}
    quiet = quiet_until(
        made.habits.quiet_from, made.habits.quiet_until, made.habits.time_zone, now
    )
    decisions = [
        decide(
            facts(made, made.courses[place], lately, quiet, now),
            cooldown=made.habits.cooldown,
            now=now,
        )
        for place in due
    ]
    for place, decision in zip(due, decisions, strict=True):
        course = made.courses[place]
        if isinstance(decision, Tell):
            telling.setdefault(decision.message, []).append(place)
            take(made, course, decision.message, now)
        else:
            keep_back(made, place, decision, now)
    made.told += [Told(now, message, tuple(places)) for message, places in telling.items()]
    return [(at, place) for place in due if (at := made.courses[place].tell_at)]


def facts(
    made: Rehearsal, course: Course, lately: int, quiet: datetime | None, now: datetime
) -> Facts:
    return Facts(
        ended=has_ended(course, now),
        told_at=course.told_at,
        last_told=made.last_told,
        lately=lately,
        critical=made.habits.critical,
        tell_recovery=made.habits.tell_recovery,
        remind_every=made.habits.remind_every,
        quiet_until=quiet,
        critical_anyway=made.habits.critical_anyway,
    )


def has_ended(course: Course, now: datetime) -> bool:
    return course.span.ended_at is not None and course.span.ended_at <= now


def take(made: Rehearsal, course: Course, message: Message, now: datetime) -> None:
    course.tell_at = None
    if message == Message.RECOVERED:
        return
    course.told_at = made.last_told = now
    if made.habits.remind_every and not has_ended(course, now):
        course.tell_at = now + made.habits.remind_every


def keep_back(made: Rehearsal, place: int, decision: Decision, now: datetime) -> None:
    course = made.courses[place]
    if isinstance(decision, Tell):
        return
    until = decision.until if isinstance(decision, Hold) else None
    course.tell_at = until
    if decision.reason == Reason.REMINDER or (course.told_at and not has_ended(course, now)):
        # It was told; that nothing more is told needs no word.
        return
    if course.withheld != (decision.reason, until):
        course.withheld = (decision.reason, until)
        made.withheld.append(Withheld(now, place, decision.reason, until))
