"""Rules tried on the past."""

from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import judge, rules
from alerts.decide import Message
from alerts.judge import MISSING, OK, Rule, Value
from alerts.metrics import Metric
from alerts.models import AlertPreferences
from monitoring import backtest, samples
from monitoring.backtest import LONGEST, episodes_of, try_rule, turns_of
from monitoring.history import BadRange

NOW = 1_795_000_020
DAY = 86400
EVERY = 30


def store(values, *, server=7, start=NOW - 3600, column="cpu"):
    """One after the other; None is a cycle without a sample."""
    samples.insert(
        "monitoring_sample",
        f"server_id, taken_at, {column}",
        [
            f"({server},{start + at * EVERY},{value})"
            for at, value in enumerate(values)
            if value is not None
        ],
        "",
    )


def draft(owner, **wish):
    about = {"metric": Metric.CPU, "threshold": 0.9, "clear_at": 0.8, "duration": 60, **wish}
    return rules.draft(owner, about)


@pytest.fixture
def tried(alice):
    def run(values, *, start=NOW - 3600, end=NOW, **wish):
        store(values)
        return try_rule(draft(alice, **wish), 7, person=alice, start=start, end=end, now=NOW)

    return run


class TestOneServer:
    def test_an_episode(self, tried):
        found = tried([0.1, 0.95, 0.97, 0.99, 0.85, 0.5, 0.1])
        [episode] = found.episodes
        begin = NOW - 3600
        assert (episode.since, episode.fired_at) == (begin + 30, begin + 90)
        assert (episode.ended_at, episode.end_reason) == (begin + 150, "recovered")
        assert (episode.value, episode.peak) == (0.99, 0.99)
        assert found.available
        assert (found.samples, found.first_sample) == (7, begin)

    def test_what_would_have_been_told(self, tried):
        found = tried([0.1, 0.95, 0.97, 0.99, 0.5])
        assert [each.message for each in found.telling.told] == [
            Message.FIRED, Message.RECOVERED
        ]  # fmt: skip

    def test_what_still_lasts_has_no_end(self, tried):
        [episode] = tried([0.95] * 120).episodes
        assert episode.ended_at is None
        assert episode.peak == 0.95

    def test_a_gap_begins_the_hold_anew(self, tried):
        found = tried([0.95] * 4 + [None] * 10 + [0.95] * 6, duration=120)
        [episode] = found.episodes
        assert episode.since == NOW - 3600 + 14 * EVERY

    def test_a_gap_is_told_of_where_the_rule_asks_for_that(self, tried):
        found = tried([0.1] * 4 + [None] * 20 + [0.1] * 4, no_data=True)
        assert [each.kind for each in found.episodes] == ["no_data", "no_data"]
        assert found.episodes[0].ended_at == NOW - 3600 + 24 * EVERY

    def test_the_lowest_value_is_the_peak_of_less_than(self, tried):
        found = tried(
            [0.5, 0.05, 0.02, 0.06, 0.5], condition="less_than", threshold=0.1, clear_at=0.1
        )
        assert found.episodes[0].peak == 0.02

    def test_the_persons_quiet_hours_count(self, tried, alice):
        AlertPreferences.objects.create(user=alice, quiet_from="00:00", quiet_until="23:59")
        found = tried([0.95] * 120)
        assert found.telling.told == []
        assert [each.reason for each in found.telling.withheld] == ["quiet"]

    def test_the_series_is_for_a_chart(self, tried):
        found = tried([0.25, 0.75], start=NOW - LONGEST)
        step = found.range.step
        assert len(found.series) == pytest.approx(LONGEST / step, abs=1)
        filled = [bucket for bucket in found.series if bucket[1] is not None]
        assert [bucket[1:] for bucket in filled] == [(0.5, 0.25, 0.75)]

    def test_without_samples_nothing_fires(self, tried):
        found = tried([])
        assert (found.samples, found.first_sample, found.episodes) == (0, None, [])
        assert found.available


class TestWhatThePastDoesNotTell:
    @pytest.mark.parametrize(
        "wish",
        [
            {"metric": "state", "threshold": None, "clear_at": None},
            {"metric": "disk_full_in", "threshold": DAY, "clear_at": None, "duration": 0,
             "condition": "less_than"},
            {"metric": "disk", "mountpoint": "/var"},
        ],
    )  # fmt: skip
    def test_a_rule_that_cannot_be_tried(self, tried, wish):
        found = tried([0.5], **wish)
        assert not found.available
        assert found.why

    @pytest.mark.parametrize(
        ("wish", "said"),
        [
            ({"metric": "disk"}, "fullest"),
            ({"metric": "memory", "trust": "guest"}, "believed"),
            ({}, "Backups"),
            ({"no_data": True}, "stopped"),
        ],
    )
    def test_a_note(self, tried, wish, said):
        assert any(said in note for note in tried([0.5], **wish).notes)

    def test_more_than_a_week(self, tried):
        with pytest.raises(BadRange):
            tried([], start=NOW - LONGEST - 60)


# The same judge

numbers = st.sampled_from([None, None, 0.1, 0.5, 0.85, 0.9, 0.91, 0.99])
made_rules = st.builds(
    Rule,
    id=st.just(1),
    metric=st.just(Metric.CPU),
    threshold=st.just(0.9),
    clear_at=st.sampled_from([0.9, 0.5]),
    duration=st.sampled_from([0, 30, 90, 300]),
    patience=st.just(90),
    no_data=st.booleans(),
)
below = made_rules.map(
    lambda rule: rule._replace(is_above=False, threshold=0.5, clear_at=rule.clear_at)
)
steps = st.lists(st.tuples(st.sampled_from([25, 30, 40, 60, 90, 150, 3600]), numbers), max_size=40)


def points_of(steps):
    at, points = NOW, []
    for step, number in steps:
        at += step
        points.append((at, number))
    return points


def one_by_one(rule, points, end):
    """As cycles would have it: each is judged, and each cycle of a gap is judged as missing."""
    seen = []
    for (at, number), (following, _) in zip(points, [*points, (end, None)][1:], strict=True):
        seen.append((at, number))
        if following - at > 1.5 * EVERY:
            seen += [(missed, None) for missed in range(at + EVERY, following, EVERY)]
    standing, turns = OK, []
    for at, number in seen:
        value = MISSING if number is None else Value(number)
        after = judge.judge(rule, standing, value, at)
        if after != standing:
            turns.append((at, standing, after, number))
        standing = after
    return turns


@given(rule=made_rules | below, steps=steps)
def test_it_finds_what_judging_one_by_one_finds(rule, steps):
    points = points_of(steps)
    end = (points[-1][0] if points else NOW) + 600
    quick = [tuple(turn) for turn in turns_of(rule, points, interval=EVERY, end=end)]
    assert quick == one_by_one(rule, points, end)


@given(rule=made_rules, steps=steps)
def test_episodes_do_not_overlap(rule, steps):
    points = points_of(steps)
    found = episodes_of(rule, points, interval=EVERY, end=NOW + 999_999)
    for episode, following in pairwise(found):
        assert episode.since <= episode.fired_at < episode.ended_at <= following.fired_at


@pytest.mark.django_db
class TestHowLongItTakes:
    week = LONGEST // EVERY

    def test_it_asks_the_database_as_often_for_a_week_as_for_an_hour(
        self, alice, django_assert_num_queries
    ):
        store([0.5] * 100)
        for length in (3600, LONGEST):
            with django_assert_num_queries(3):
                try_rule(draft(alice), 7, person=alice, start=NOW - length, end=NOW, now=NOW)

    def test_a_week_of_samples(self, alice):
        """Judged within a small multiple of what reading them alone takes."""
        store([0.5 + 0.45 * (at // 40 % 9 == 0) for at in range(self.week)], start=NOW - LONGEST)
        rule = draft(alice)

        def seconds(act):
            took = []
            for _ in range(3):
                began = perf_counter()
                act()
                took.append(perf_counter() - began)
            return min(took)

        found = try_rule(rule, 7, person=alice, start=NOW - LONGEST, end=NOW, now=NOW)
        assert found.samples == self.week
        assert len(found.episodes) > 50
        reading = seconds(lambda: backtest.evidence.measured(7, "cpu", NOW - LONGEST, NOW))
        whole = seconds(
            lambda: try_rule(rule, 7, person=alice, start=NOW - LONGEST, end=NOW, now=NOW)
        )
        assert whole < 20 * reading
