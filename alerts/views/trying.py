"""A rule on the last seven days of one server: when it would have fired, and what been told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from accounts.models import User
from alerts import reasons, wording
from alerts.judge import thresholds
from alerts.metrics import KINDS, Metric
from alerts.models import AlertRule, Notification
from alerts.rehearsal import Rehearsal, Withheld
from servers.models import Server

WEEK = 7 * 86400
# More of them say nothing more.
MOST_LISTED = 20


class Range(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def step(self) -> int: ...


class Episode(Protocol):
    kind: str
    since: int
    fired_at: int
    peak: float | None
    ended_at: int | None


class BackTest(Protocol):
    """What monitoring.backtest tells of a rule, which stands above this app."""

    @property
    def range(self) -> Range: ...
    @property
    def why(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def samples(self) -> int: ...
    @property
    def first_sample(self) -> int | None: ...
    @property
    def episodes(self) -> Sequence[Episode]: ...
    @property
    def telling(self) -> Rehearsal | None: ...
    @property
    def series(self) -> Sequence[tuple[int, float | None, float | None, float | None]]: ...


class TryRule(Protocol):
    def __call__(
        self, rule: AlertRule, server_id: int, *, person: User | None, start: int, end: int,
        now: int,
    ) -> BackTest: ...  # fmt: skip


@dataclass(frozen=True)
class Said:
    """A message, or that there was none and why."""

    at: datetime
    words: str
    is_told: bool


@dataclass(frozen=True)
class Line:
    """One episode: times, how far it went, what was told of it."""

    fired_at: datetime
    ended_at: datetime | None
    lasted: str
    peak: str
    said: Sequence[Said]


@dataclass(frozen=True)
class Trial:
    test: BackTest
    server: Server
    lines: Sequence[Line]
    more: int
    messages: int
    chart: dict[str, object]


def trial_of(
    try_rule: TryRule, rule: AlertRule, server: Server, *, person: User | None, viewer: User
) -> Trial:
    """`person` is who would be told, `viewer` in whose time zone it is said."""
    now = int(datetime.now(UTC).timestamp())
    test = try_rule(rule, server.pk, person=person, start=now - WEEK, end=now, now=now)
    count = len(test.episodes)
    newest = range(count - 1, max(-1, count - 1 - MOST_LISTED), -1)
    return Trial(
        test=test,
        server=server,
        lines=[line_of(rule, test, place, viewer, now) for place in newest],
        more=count - len(newest),
        messages=len(test.telling.told) if test.telling else 0,
        chart=chart_of(rule, test),
    )


def line_of(rule: AlertRule, test: BackTest, place: int, viewer: User, now: int) -> Line:
    episode = test.episodes[place]
    ended_at = None if episode.ended_at is None else moment(episode.ended_at)
    return Line(
        fired_at=moment(episode.fired_at),
        ended_at=ended_at,
        lasted=wording.duration((episode.ended_at or now) - episode.since),
        peak="" if episode.peak is None else wording.value_text(rule.metric, episode.peak),
        said=said_of(test.telling, place, viewer) if test.telling else (),
    )


def said_of(telling: Rehearsal, place: int, viewer: User) -> list[Said]:
    told = [
        Said(each.at, str(Notification.Kind(each.message.value).label), is_told=True)
        for each in telling.told
        if place in each.episodes
    ]
    held = [
        Said(each.at, why_not(each, viewer), is_told=False)
        for each in telling.withheld
        if each.episode == place
    ]
    return sorted([*told, *held], key=lambda said: said.at)


def why_not(withheld: Withheld, viewer: User) -> str:
    if withheld.until is None:
        return reasons.not_told(withheld.reason)
    return reasons.held(withheld.reason, withheld.until, viewer)


def chart_of(rule: AlertRule, test: BackTest) -> dict[str, object]:
    """For static/js/alert-chart.js."""
    metric = Metric(rule.metric)
    threshold, clear_at = thresholds(metric, rule.threshold, rule.clear_at)
    return {
        "metric": metric.value,
        "unit": KINDS[metric].unit.value,
        "start": test.range.start,
        "end": test.range.end,
        "step": test.range.step,
        "threshold": threshold,
        "clear_at": clear_at,
        "points": list(test.series),
        "spans": [
            [episode.since, episode.fired_at, episode.ended_at] for episode in test.episodes
        ],
        "told": [int(each.at.timestamp()) for each in test.telling.told] if test.telling else [],
    }


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
