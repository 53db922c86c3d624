"""What would have been told of episodes that never were."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.decide import Message, Reason
from alerts.rehearsal import Habits, Span, rehearse

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 20, 10, tzinfo=UTC)
HABITS = Habits(cooldown=HOUR)


def spans(*pairs):
    """Of minutes from and until; None still lasts."""
    return [
        Span(START + begin * MINUTE, None if end is None else START + end * MINUTE)
        for begin, end in pairs
    ]


def played(*pairs, habits=HABITS, until=7 * 24 * HOUR):
    return rehearse(spans(*pairs), habits, until=START + until)


def told(*pairs, **options):
    """(minute, message) of each."""
    return [((each.at - START) // MINUTE, each.message) for each in played(*pairs, **options).told]


def test_it_fires_and_recovers():
    assert told((0, 20)) == [(0, Message.FIRED), (20, Message.RECOVERED)]


def test_what_still_lasts_is_told_once():
    assert told((0, None)) == [(0, Message.FIRED)]


def test_reminders_as_long_as_it_lasts():
    habits = Habits(cooldown=HOUR, remind_every=2 * HOUR)
    assert told((0, 270), habits=habits) == [
        (0, Message.FIRED), (120, Message.REMINDER), (240, Message.REMINDER),
        (270, Message.RECOVERED),
    ]  # fmt: skip


def test_the_second_within_an_hour_waits():
    found = played((0, 5), (10, None))
    assert [(each.at - START) // MINUTE for each in found.told] == [0, 5, 60]
    [held] = found.withheld
    assert (held.episode, held.reason, held.until) == (1, Reason.COOLDOWN, START + HOUR)


def test_what_is_over_before_it_may_be_told_is_not():
    found = played((0, 5), (10, 15))
    assert [each.message for each in found.told] == [Message.FIRED, Message.RECOVERED]
    assert [(each.reason, each.until) for each in found.withheld] == [
        (Reason.COOLDOWN, START + HOUR), (Reason.OVER, None)
    ]  # fmt: skip


def test_flapping_is_one_message():
    pairs = [(minute, minute + 1) for minute in range(0, 50, 5)]
    assert told(*pairs) == [
        (0, Message.FIRED), (1, Message.RECOVERED), (60, Message.FLAPPING)
    ]  # fmt: skip


def test_recovery_is_not_told_where_nobody_wants_it():
    assert told((0, 20), habits=Habits(cooldown=HOUR, tell_recovery=False)) == [(0, Message.FIRED)]


def test_quiet_hours_of_the_persons_own_zone():
    # 10:00 UTC is 13:00 in Moscow.
    habits = Habits(
        cooldown=HOUR, quiet_from=time(12), quiet_until=time(15), time_zone="Europe/Moscow"
    )
    found = played((0, None), habits=habits)
    assert [each.at for each in found.told] == [START + 2 * HOUR]
    assert [each.reason for each in found.withheld] == [Reason.QUIET]


def test_what_is_critical_is_told_in_quiet_hours():
    habits = Habits(cooldown=HOUR, critical=True, quiet_from=time(9), quiet_until=time(15))
    assert told((0, None), habits=habits) == [(0, Message.FIRED)]


def test_nothing_is_told_after_the_end():
    assert told((0, 5), (10, None), until=30 * MINUTE) == [
        (0, Message.FIRED), (5, Message.RECOVERED)
    ]  # fmt: skip


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=30))
def test_at_most_one_message_an_hour_says_that_it_fires(lengths):
    pairs, at = [], 0
    for pause, length in lengths:
        pairs.append((at + pause, at + pause + length))
        at += pause + length
    found = played(*pairs)
    firsts = [each.at for each in found.told if each.message != Message.RECOVERED]
    assert all(after - before >= HOUR for before, after in pairwise(firsts))
    recovered = [place for each in found.told if each.message == Message.RECOVERED
                 for place in each.episodes]  # fmt: skip
    assert len(recovered) == len(set(recovered))
