"""The judge, by example and by what must hold for whatever is measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.episodes import is_begin, is_end
from alerts.judge import OK, VOID, Rule, Standing, State, Value, flag, judge, thresholds
from alerts.judging import Turn
from alerts.metrics import Metric

CYCLE = 30
RULE = Rule(id=1, metric=Metric.CPU, threshold=0.9, clear_at=0.8, duration=120, patience=3 * CYCLE)
BELOW = RULE._replace(is_above=False, threshold=10.0, clear_at=20.0)


def run(rule, numbers, *, standing=OK, start=1000, step=CYCLE):
    """The standing after each number; None is a missing value."""
    found = []
    for index, number in enumerate(numbers):
        value = number if isinstance(number, Value) else Value(number)
        standing = judge(rule, standing, value, start + index * step)
        found.append(standing)
    return found


def states(rule, numbers, **more):
    return [standing.state.value for standing in run(rule, numbers, **more)]


def test_it_fires_once_it_has_held():
    assert states(RULE, [0.5, 0.95, 0.95, 0.95, 0.95, 0.95]) == [
        "ok", "pending", "pending", "pending", "pending", "firing",
    ]  # fmt: skip


def test_it_knows_since_when_it_crossed():
    assert run(RULE, [0.95] * 5)[-1] == Standing(State.FIRING, 1000)


def test_without_a_duration_it_fires_at_once():
    assert states(RULE._replace(duration=0), [0.95]) == ["firing"]


def test_one_value_below_begins_the_hold_anew():
    assert states(RULE, [0.95, 0.95, 0.89, 0.95, 0.95, 0.95, 0.95]) == [
        "pending", "pending", "ok", "pending", "pending", "pending", "pending",
    ]  # fmt: skip


def test_at_the_threshold_is_not_above_it():
    assert states(RULE._replace(duration=0), [0.9, 0.9000001]) == ["ok", "firing"]


def test_it_recovers_at_another_level():
    assert states(RULE, [0.95] * 5 + [0.85, 0.81, 0.8]) == ["pending"] * 4 + ["firing"] * 3 + [
        "ok"
    ]


def test_less_than():
    assert states(BELOW, [10.0, 9.0, 9.0, 9.0, 9.0, 9.0, 19.0, 20.0]) == [
        "ok", "pending", "pending", "pending", "pending", "firing", "firing", "ok",
    ]  # fmt: skip


def test_a_missing_value_neither_fires_nor_clears():
    assert states(RULE, [0.95, None, None, None]) == ["pending"] * 4
    assert states(RULE, [0.95] * 5 + [None] * 100)[-1] == "firing"
    assert states(RULE, [None] * 100) == ["ok"] * 100


def test_a_short_gap_is_part_of_the_hold():
    assert states(RULE, [0.95, None, None, 0.95, 0.95])[-1] == "firing"


def test_what_was_not_seen_for_long_did_not_hold():
    standings = run(RULE, [0.95, None, None, None, None, None, 0.95, 0.95])
    assert standings[-1] == Standing(State.PENDING, 1000 + 6 * CYCLE)


def test_no_data_only_where_it_is_asked_for():
    asking = RULE._replace(no_data=True)
    assert states(asking, [None] * 5) == ["missing"] * 4 + ["no_data"]
    assert states(asking, [0.95, None, None, None, None, None]) == ["pending"] * 5 + ["no_data"]
    assert states(asking, [None] * 5 + [0.5])[-1] == "ok"
    assert states(asking, [None] * 5 + [0.95])[-1] == "pending"


def test_a_missing_value_that_nobody_expects_begins_nothing():
    asking = RULE._replace(no_data=True)
    assert states(asking, [Value(None, begins=False)] * 20) == ["ok"] * 20


def test_where_there_is_nothing_to_measure_it_is_over():
    assert states(RULE, [0.95] * 5 + [VOID])[-1] == "ok"
    assert states(RULE, [0.95, VOID, 0.95]) == ["pending", "ok", "pending"]


def test_what_holds_but_does_not_begin():
    down = RULE._replace(metric=Metric.STATE, threshold=0.5, clear_at=0.5, duration=60)
    still = flag(True, begins=False)
    assert states(down, [still] * 5) == ["ok"] * 5
    assert states(down, [flag(True), still, still]) == ["pending", "pending", "firing"]
    assert states(down, [flag(True), still, still, still, flag(False)])[-1] == "ok"


def test_a_clock_that_is_set_back_makes_nothing_fire_early():
    [pending] = run(RULE, [0.95], start=10_000)
    assert judge(RULE, pending, Value(0.95), 5_000) == Standing(State.PENDING, 5_000)


def test_flags_have_a_threshold_of_their_own():
    assert thresholds(Metric.STATE, None, None) == (0.5, 0.5)
    assert thresholds(Metric.CPU, 0.9, None) == (0.9, 0.9)
    assert thresholds(Metric.CPU, 0.9, 0.8) == (0.9, 0.8)


# What must hold for whatever is measured.

numbers = st.one_of(st.none(), st.sampled_from([0.1, 0.8, 0.85, 0.9, 0.91, 0.99]))
values = st.builds(Value, numbers, begins=st.sampled_from([True, True, True, False])) | st.just(
    VOID
)
rules = st.builds(
    lambda duration, no_data, above: RULE._replace(
        duration=duration,
        no_data=no_data,
        is_above=above,
        threshold=0.9,
        clear_at=0.8 if above else 0.95,
    ),
    st.sampled_from([0, 30, 60, 120, 600]),
    st.booleans(),
    st.booleans(),
)
steps = st.integers(1, 200)
series = st.lists(st.tuples(steps, values), max_size=60)


def play(rule, timed, standing=OK, at=1000):
    found = []
    for step, value in timed:
        at += step
        standing = judge(rule, standing, value, at)
        found.append((at, value, standing))
    return found


@given(rules, series)
def test_firing_and_clearing_alternate(rule, timed):
    told = []
    before = OK
    for _, _, standing in play(rule, timed):
        turn = Turn(1, None, 1, rule, before, standing, None)
        told += ["end"] * is_end(turn) + ["begin"] * is_begin(turn)
        before = standing
    assert told[::2] == ["begin"] * len(told[::2])
    assert told[1::2] == ["end"] * len(told[1::2])


@given(rules, series)
def test_judging_twice_is_judging_once(rule, timed):
    standing, at = OK, 1000
    for step, value in timed:
        at += step
        standing = judge(rule, standing, value, at)
        assert judge(rule, standing, value, at) == standing


@given(rules, series, st.data())
def test_a_restart_in_the_middle_changes_nothing(rule, timed, data):
    """All that is kept is the standing, through the database's types."""
    whole = [standing for _, _, standing in play(rule, timed)]
    cut = data.draw(st.integers(0, len(timed)))
    first = play(rule, timed[:cut])
    stored = first[-1][2] if first else OK
    read = Standing(State(stored.state.value), int(stored.since), stored.missing_since)
    at = first[-1][0] if first else 1000
    rest = [standing for _, _, standing in play(rule, timed[cut:], read, at)]
    assert [standing for _, _, standing in first] + rest == whole


@given(rules, series)
def test_it_never_fires_before_it_has_held(rule, timed):
    """Whatever came in whatever order: right before it fires, nothing but crossing values for the
    duration, and no gap longer than the patience."""
    played = play(rule, timed)
    for index, (at, _, standing) in enumerate(played):
        before = played[index - 1][2] if index else OK
        if standing.state != State.FIRING or before.state == State.FIRING:
            continue
        held = [(t, v) for t, v, _ in played[: index + 1] if t >= standing.since]
        assert at - standing.since >= rule.duration
        assert held[0][0] == standing.since
        assert held[0][1].begins
        numbers = [value.number for _, value in held if value.number is not None]
        assert all(rule.crossed(number) for number in numbers)
        assert not any(value.is_void for _, value in held)
        gap = None
        for t, value in held:
            if value.number is None:
                gap = gap if gap is not None else t
            elif gap is not None:
                assert t - gap <= rule.patience
                gap = None


@given(
    rules, st.lists(st.sampled_from([0.1, 0.85, 0.95, 0.99]), min_size=2, max_size=10), st.data()
)
def test_the_order_of_values_within_a_hold_does_not_make_it_fire_early(rule, measured, data):
    rule = rule._replace(duration=len(measured) * CYCLE, is_above=True, clear_at=0.8)
    shuffled = data.draw(st.permutations(measured))
    first = [i for i, s in enumerate(run(rule, shuffled)) if s.state == State.FIRING]
    assert not first
    held = all(rule.crossed(number) for number in shuffled)
    last = judge(rule, run(rule, shuffled)[-1], Value(0.95), 1000 + len(shuffled) * CYCLE)
    assert (last.state == State.FIRING) == held


@given(rules, series)
def test_nothing_missing_fires_or_clears(rule, timed):
    before = OK
    for _, value, standing in play(rule, timed):
        if value.number is None and not value.is_void:
            assert (standing.state == State.FIRING) == (before.state == State.FIRING)
        before = standing


@pytest.mark.parametrize("state", list(State))
@given(rule=rules, value=values, gap=st.integers(0, 1000))
def test_no_standing_is_beyond_it(state, rule, value, gap):
    after = judge(rule, Standing(state, 1000), value, 1000 + gap)
    assert after.state in State


def test_no_data_that_nobody_asks_for_any_more_is_over():
    asking = RULE._replace(no_data=True)
    last = run(asking, [None] * 6)[-1]
    assert last.state == State.NO_DATA
    assert judge(RULE, last, Value(None), 5000) == OK
