"""Levels, purely: when they rise and fall, and that they neither flap nor stick."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import overload
from monitoring.overload import CALM, HIGHEST, LONGEST_CALM, SOON, Pace, next_pace
from monitoring.readings import GUEST_DISK_SECONDS

INTERVAL = 30.0
ON_TIME, SLOW, LATE_START, NEARLY = (
    {"lag": 0.2, "took": 1.0},
    {"lag": 0.2, "took": 31.0},
    {"lag": 16.0, "took": 1.0},
    {"lag": 0.2, "took": 27.0},
)
CYCLES = st.lists(st.sampled_from([ON_TIME, SLOW, LATE_START, NEARLY]), max_size=200)


def after(pace, *cycles):
    for cycle in cycles:
        pace = next_pace(pace, interval=INTERVAL, **cycle)
    return pace


@pytest.mark.parametrize("late", [SLOW, LATE_START])
def test_two_late_cycles_are_overload_and_one_is_none(late):
    assert after(Pace(), late).level == 0
    assert after(Pace(), late, late).level == 1


def test_a_long_gap_is_one_late_cycle():
    assert after(Pace(), {"lag": 86400.0, "took": 1.0}, ON_TIME, ON_TIME).level == 0


def test_every_second_cycle_late_is_overload_too():
    assert after(Pace(), SLOW, ON_TIME, SLOW).level == 1


def test_late_ones_that_are_far_apart_are_none():
    assert after(Pace(), *[SLOW, ON_TIME, ON_TIME] * 20).level == 0


def test_the_second_level_takes_three_more():
    assert after(Pace(), *[SLOW] * 4).level == 1
    assert after(Pace(), *[SLOW] * 5).level == 2


def test_there_is_no_third_level():
    assert after(Pace(), *[SLOW] * 50).level == HIGHEST


def test_each_level_takes_its_own_good_cycles_to_go():
    highest = after(Pace(), *[SLOW] * 5)
    assert after(highest, *[ON_TIME] * (CALM - 1)).level == 2
    assert after(highest, *[ON_TIME] * CALM).level == 1
    assert after(highest, *[ON_TIME] * (2 * CALM)).level == 0


def test_nearly_late_takes_nothing_back_and_adds_nothing():
    strained = after(Pace(), SLOW, SLOW)
    assert after(strained, *[NEARLY] * 50).level == 1
    assert after(Pace(), *[NEARLY] * 50).level == 0


def test_whoever_relapses_waits_longer_before_the_next_relief():
    strained = after(Pace(), SLOW, SLOW)
    relapsed = after(strained, *[ON_TIME] * CALM, SLOW, SLOW)
    assert relapsed.level == 1
    assert after(relapsed, *[ON_TIME] * CALM).level == 1
    assert after(relapsed, *[ON_TIME] * (2 * CALM)).level == 0


def test_load_that_shedding_alone_cures_flaps_ever_less():
    """Late without relief, good with it: the worst case for a level."""
    pace, rises = Pace(), 0
    for _ in range(1000):
        following = after(pace, ON_TIME if pace.level else SLOW)
        rises += following.level > pace.level
        pace = following
    assert rises <= 1000 / LONGEST_CALM + 5


def test_after_a_long_calm_all_is_as_at_the_beginning():
    worn = after(Pace(), *([SLOW] * 2 + [ON_TIME] * CALM + [SLOW] * 2 + [ON_TIME] * 2 * CALM))
    assert worn.calm > CALM
    assert after(worn, *[ON_TIME] * SOON).calm == CALM


@given(CYCLES)
def test_from_wherever_it_is_good_cycles_end_it(cycles):
    worst = after(Pace(), *cycles)
    assert after(worst, *[ON_TIME] * (LONGEST_CALM * HIGHEST)).level == 0


@given(CYCLES)
def test_a_level_changes_by_one(cycles):
    pace = Pace()
    for cycle in cycles:
        following = after(pace, cycle)
        assert abs(following.level - pace.level) <= 1
        assert 0 <= following.level <= HIGHEST
        pace = following


@given(CYCLES)
def test_live_figures_are_never_kept_back_twice_in_a_row(cycles):
    pace, was_quiet = Pace(), False
    for cycle in cycles:
        quiet = overload.is_quiet(pace)
        assert not (quiet and was_quiet)
        assert not quiet or pace.level == HIGHEST
        pace, was_quiet = after(pace, cycle), quiet


def test_a_short_interval_forgives_the_clock_of_beat():
    pace = Pace()
    for _ in range(10):
        pace = next_pace(pace, lag=1.5, took=0.2, interval=1.0)
    assert pace.level == 0


def test_what_agents_said_of_disks_is_still_judged_by_while_they_wait():
    """Due two minutes after an answer, put off, and asked in a slow round after a slow cycle."""
    slow_round = timedelta(seconds=2 * INTERVAL + 45)
    age = timedelta(seconds=120) + overload.disks_wait(1) + slow_round
    assert age < timedelta(seconds=GUEST_DISK_SECONDS)
    assert overload.disks_wait(0) == overload.addresses_wait(0) == timedelta(0)
