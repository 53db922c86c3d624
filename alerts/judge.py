"""The judge: whether a rule fires, from where it stood and one value more. Pure.

    OK ──crosses──> PENDING ──held for `duration`──> FIRING ──back past `clear_at`──> OK

A missing value neither fires nor clears. What crossed counts as having held only where it was
seen: a gap of more than `patience` begins the hold anew. Judging the same twice is judging it
once, and all that is remembered is the standing, so that a restart in between changes nothing.
The live cycle and the back-test both call `judge`, and nothing else decides.
"""

from enum import StrEnum
from typing import NamedTuple

from alerts.metrics import FLAGS, Metric, Trust


class State(StrEnum):
    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    # Nothing was told for a while, in a rule that asks to hear of that.
    MISSING = "missing"
    NO_DATA = "no_data"


class Rule(NamedTuple):
    """What of an alert rule the judge needs. `duration` and `patience` in seconds.

    `clear_at` lies on the other side of `threshold` from where it fires, or equals it.
    """

    id: int
    metric: Metric
    threshold: float
    clear_at: float
    duration: int
    patience: int
    is_above: bool = True
    no_data: bool = False
    trust: Trust = Trust.ANY
    mountpoint: str = ""
    # Of what a person or the panel did on purpose, too.
    even_intended: bool = False

    def crossed(self, number: float) -> bool:
        return number > self.threshold if self.is_above else number < self.threshold

    def cleared(self, number: float) -> bool:
        if self.is_above:
            return number <= self.clear_at
        return number >= self.clear_at


class Value(NamedTuple):
    """What a rule looks at, at one time. `number` is None where it is missing.

    `is_void`: there is nothing to measure, as of a server that is stopped; that ends an episode.
    `begins`: whether it can begin anything. Where it is False it only holds what has begun, as a
    server that is still down does, and one that nobody ever saw running does not; a missing value
    that does not begin anything is one that nobody expects.
    """

    number: float | None
    begins: bool = True
    is_void: bool = False


MISSING = Value(None)
VOID = Value(None, is_void=True)


class Standing(NamedTuple):
    """Where a rule stands for one server; times in Unix seconds.

    `since`: when what the state tells of began; for FIRING that is when the value crossed, not
    when it had held. `missing_since`: the first time without a value, while PENDING.
    """

    state: State
    since: int
    missing_since: int | None = None


OK = Standing(State.OK, 0)


def judge(rule: Rule, standing: Standing, value: Value, now: int) -> Standing:
    """Where the rule stands after this value; the very same standing where nothing changed."""
    if value.is_void:
        return OK if standing.state != State.OK else standing
    if value.number is None:
        return without(rule, standing, value, now)
    crossed = rule.crossed(value.number)
    match standing.state:
        case State.FIRING:
            return OK if rule.cleared(value.number) else standing
        case State.PENDING:
            return held(rule, standing, now) if crossed else OK
        case State.OK:
            return begun(rule, now) if crossed and value.begins else standing
    return begun(rule, now) if crossed and value.begins else OK


def begun(rule: Rule, now: int) -> Standing:
    return Standing(State.PENDING if rule.duration > 0 else State.FIRING, now)


def held(rule: Rule, standing: Standing, now: int) -> Standing:
    """It still crosses: whether for long enough."""
    unseen = standing.missing_since is not None and now - standing.missing_since > rule.patience
    # A clock that was set back leaves a beginning in the future behind.
    if unseen or standing.since > now:
        return begun(rule, now)
    if now - standing.since >= rule.duration:
        return Standing(State.FIRING, standing.since)
    return standing if standing.missing_since is None else standing._replace(missing_since=None)


def without(rule: Rule, standing: Standing, value: Value, now: int) -> Standing:
    if standing.state == State.NO_DATA and not rule.no_data:
        # Nobody asks for it any more.
        return OK
    if standing.state == State.PENDING and standing.missing_since is None:
        return standing._replace(missing_since=now)
    if not value.begins:
        return standing
    match standing.state:
        case State.OK if rule.no_data:
            return Standing(State.MISSING, now)
        case State.MISSING:
            return no_data_after(rule, standing, standing.since, now)
        case State.PENDING if rule.no_data:
            return no_data_after(rule, standing, standing.missing_since or now, now)
    return standing


def no_data_after(rule: Rule, standing: Standing, missing_since: int, now: int) -> Standing:
    if not rule.no_data:
        return OK
    if missing_since > now:
        return Standing(State.MISSING, now)
    if now - missing_since > rule.patience:
        return Standing(State.NO_DATA, missing_since)
    return standing


def is_told_of(state: State) -> bool:
    """Whether there is an alert while it lasts."""
    return state in (State.FIRING, State.NO_DATA)


def flag(on: bool, *, begins: bool = True) -> Value:
    """Of a metric that is so or is not: rules on those fire above a half."""
    return Value(float(on), begins)


FLAG_THRESHOLD = 0.5


def thresholds(
    metric: Metric, threshold: float | None, clear_at: float | None
) -> tuple[float, float]:
    """What a rule compares with, where it leaves out what it need not say."""
    if metric in FLAGS or threshold is None:
        return FLAG_THRESHOLD, FLAG_THRESHOLD
    return threshold, threshold if clear_at is None else clear_at
