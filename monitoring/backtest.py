"""Trying a rule on the past: where it would have fired, and what would have been told.

The judge is that of the cycle, and what decides who is told is what decides it in life; only the
samples are old. What samples do not hold is said in `notes`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from alerts import judge, rulebook
from alerts.intent import WORK_OF_OTHERS
from alerts.judge import MISSING, OK, Rule, Standing, State, Value
from alerts.metrics import MEASURED, TOLD_BY_GUEST, Metric, Trust
from alerts.models import Alert, AlertPreferences, AlertRule, Severity
from alerts.rehearsal import Habits, Rehearsal, Span, rehearse
from monitoring import evidence
from monitoring.evidence import Point
from monitoring.history import BadRange, Range, fitting_range

LONGEST = 7 * 86400
# [time, average, minimum, maximum] of a bucket, None three times where nothing was measured.
Bucket = tuple[int, float | None, float | None, float | None]


class Turn(NamedTuple):
    """The rule stands elsewhere from `at` on. `number` is what was measured then."""

    at: int
    before: Standing
    after: Standing
    number: float | None


@dataclass
class Episode:
    """Times in Unix seconds; `peak` is the value furthest beyond the threshold."""

    kind: str
    since: int
    fired_at: int
    value: float | None
    peak: float | None
    ended_at: int | None = None
    end_reason: str = ""


@dataclass(frozen=True)
class BackTest:
    """`why`, in words, where it could not be tried; `notes` what the past does not tell."""

    range: Range
    why: str = ""
    notes: tuple[str, ...] = ()
    samples: int = 0
    first_sample: int | None = None
    episodes: Sequence[Episode] = ()
    telling: Rehearsal | None = None
    series: Sequence[Bucket] = field(default_factory=list)

    @property
    def available(self) -> bool:
        return not self.why


def try_rule(
    rule: AlertRule, server_id: int, *, person: User | None, start: int, end: int, now: int
) -> BackTest:
    """A rule, saved or not, on the samples of one server; `person` is who would be told.

    Raises BadRange.
    """
    wanted = checked_range(start, end, now)
    if why := why_not(rule):
        return BackTest(wanted, why=why)
    judged = rulebook.rule_of(rule)
    stop = min(end, now)
    points = evidence.measured(server_id, rule.metric, start, stop)
    interval = int(settings.POLL_INTERVAL)
    episodes = episodes_of(judged, points, interval=interval, end=stop)
    telling = rehearse(
        [span_of(each) for each in episodes],
        habits_of(rule, person),
        until=moment(stop),
    )
    return BackTest(
        wanted,
        notes=tuple(notes_of(rule)),
        samples=len(points),
        first_sample=points[0][0] if points else None,
        episodes=episodes,
        telling=telling,
        series=bucketed(points, wanted),
    )


def checked_range(start: int, end: int, now: int) -> Range:
    if end - start > LONGEST:
        raise BadRange("start", _("A rule can be tried on seven days at most."))
    return fitting_range(start, end, None, now=now)


def span_of(episode: Episode) -> Span:
    ended_at = None if episode.ended_at is None else moment(episode.ended_at)
    return Span(moment(episode.fired_at), ended_at)


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


# Judging


def episodes_of(
    rule: Rule, points: Sequence[Point], *, interval: int, end: int, standing: Standing = OK
) -> list[Episode]:
    """Those that fired in there; what fired before, as `standing` says, is none of them."""
    found: list[Episode] = []
    peaks = Peaks(rule, points)
    for turn in turns_of(rule, points, interval=interval, end=end, standing=standing):
        if turn.before.state == turn.after.state:
            continue
        if found and judge.is_told_of(turn.before.state):
            found[-1].ended_at, found[-1].end_reason = turn.at, Alert.End.RECOVERED.value
            found[-1].peak = peaks.between(found[-1].since, turn.at)
        if judge.is_told_of(turn.after.state):
            no_data = turn.after.state == State.NO_DATA
            kind = Alert.Kind.NO_DATA if no_data else Alert.Kind.THRESHOLD
            found.append(Episode(kind.value, turn.after.since, turn.at, turn.number, None))
    if found and found[-1].ended_at is None:
        found[-1].peak = peaks.between(found[-1].since, end)
    return found


def turns_of(
    rule: Rule, points: Sequence[Point], *, interval: int, end: int, standing: Standing = OK
) -> Iterator[Turn]:
    """Whatever changes as the judge gets one sample after the other.

    A value that does not cross changes nothing where the rule stands at OK, by the judge's own
    rules: as in a cycle, it is not asked about those, which is what makes a week quick.
    """
    last: int | None = None
    longest = evidence.GAP_CYCLES * interval
    is_above, threshold = rule.is_above, rule.threshold
    for at, number in points:
        if last is not None and at - last > longest:
            for turn in through_a_gap(rule, standing, last + interval, at, interval):
                standing = turn.after
                yield turn
        last = at
        crosses = number is None or (number > threshold if is_above else number < threshold)
        if standing is OK and not crosses:
            continue
        after = judge.judge(rule, standing, MISSING if number is None else Value(number), at)
        if after is not standing:
            yield Turn(at, standing, after, number)
            standing = after
    if last is not None and end - last > longest:
        yield from through_a_gap(rule, standing, last + interval, end, interval)


def through_a_gap(
    rule: Rule, standing: Standing, start: int, end: int, interval: int
) -> Iterator[Turn]:
    """Nothing was measured from `start` on: as a cycle would see it, again and again; but no
    longer than a missing value can change anything."""
    until = min(end, start + rule.patience + 2 * interval)
    for at in range(start, until, interval):
        after = judge.judge(rule, standing, MISSING, at)
        if after is not standing:
            yield Turn(at, standing, after, None)
            standing = after


class Peaks:
    """The value furthest beyond the threshold, between times that only grow."""

    def __init__(self, rule: Rule, points: Sequence[Point]) -> None:
        self.furthest = max if rule.is_above else min
        self.points = points
        self.place = 0

    def between(self, start: int, end: int) -> float | None:
        """From `start` to before `end`."""
        points, place = self.points, self.place
        while place < len(points) and points[place][0] < start:
            place += 1
        first = place
        while place < len(points) and points[place][0] < end:
            place += 1
        self.place = place
        numbers = [number for _at, number in points[first:place] if number is not None]
        return self.furthest(numbers, default=None)


# Telling


def habits_of(rule: AlertRule, person: User | None) -> Habits:
    kept = AlertPreferences.objects.filter(user=person).first() if person else None
    preferences = kept or AlertPreferences()
    return Habits(
        cooldown=timedelta(seconds=settings.ALERT_MAIL_INTERVAL),
        critical=rule.severity == Severity.CRITICAL,
        tell_recovery=rule.tell_recovery,
        remind_every=timedelta(seconds=rule.remind_every) if rule.remind_every else None,
        quiet_from=preferences.quiet_from,
        quiet_until=preferences.quiet_until,
        critical_anyway=preferences.critical_anyway,
        time_zone=person.time_zone if person else "UTC",
    )


# In words


def why_not(rule: AlertRule) -> str:
    if rule.metric not in MEASURED:
        return _("This is no measured value: there are no samples to try the rule on.")
    if rule.mountpoint:
        return _("What single file systems held is not kept, only the disk as a whole.")
    return ""


def notes_of(rule: AlertRule) -> Iterator[str]:
    metric = Metric(rule.metric)
    if metric == Metric.DISK:
        yield _(
            "Tried on the disk as a whole. Where the guest agent tells of file systems, the rule "
            "looks at the fullest one."
        )
    if rule.trust != Trust.ANY and metric in TOLD_BY_GUEST:
        yield _("Where old values came from is not kept: all of them are believed here.")
    if metric in WORK_OF_OTHERS and not rule.even_intended:
        yield _("Backups and moves, which begin no alert, are not known of the past.")
    if rule.no_data:
        yield _(
            "Of a time without samples it is not known whether the server was stopped, or the "
            "panel was away."
        )


# For a chart


def bucketed(points: Sequence[Point], wanted: Range) -> list[Bucket]:
    buckets: dict[int, list[float]] = {}
    for at, number in points:
        if number is not None:
            buckets.setdefault(at - at % wanted.step, []).append(number)
    return [
        (at, sum(some) / len(some), min(some), max(some))
        if (some := buckets.get(at))
        else (at, None, None, None)
        for at in range(wanted.start, wanted.end, wanted.step)
    ]
