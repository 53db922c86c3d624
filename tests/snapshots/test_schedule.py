"""When snapshots are due, with daylight saving."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.schedule import Kind, Rule, next_run, runs

HOUR = timedelta(hours=1)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_few(rule, after, number):
    return [f"{at:%Y-%m-%d %H:%M}" for at in islice(runs(rule, utc(after)), number)]


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        (Rule(Kind.HOURLY, 15), "2026-11-20 08:00", "2026-11-20 08:15"),
        (Rule(Kind.HOURLY, 15), "2026-11-20 08:15", "2026-11-20 09:15"),
        (Rule(Kind.HOURLY, 15), "2026-11-20 08:14:59.999999", "2026-11-20 08:15"),
        (Rule(Kind.DAILY, 0, 3), "2026-11-20 02:59", "2026-11-20 03:00"),
        (Rule(Kind.DAILY, 0, 3), "2026-11-20 03:00", "2026-11-21 03:00"),
        # 2026-11-20 is a Friday.
        (Rule(Kind.WEEKLY, 0, 3, 4), "2026-11-20 02:00", "2026-11-20 03:00"),
        (Rule(Kind.WEEKLY, 0, 3, 0), "2026-11-20 02:00", "2026-11-23 03:00"),
        (Rule(Kind.WEEKLY, 0, 3, 6), "2026-11-20 02:00", "2026-11-22 03:00"),
        (Rule(Kind.DAILY, 0, 3, 0, "Europe/Berlin"), "2026-11-20 01:00", "2026-11-20 02:00"),
        (Rule(Kind.HOURLY, 0, 0, 0, "Asia/Kathmandu"), "2026-11-20 08:00", "2026-11-20 08:15"),
        (Rule(Kind.DAILY, 0, 3, 0, "Asia/Kathmandu"), "2026-11-20 08:00", "2026-11-20 21:15"),
    ],
)
def test_the_next_run(rule, after, expected):
    assert next_run(rule, utc(after)) == utc(expected)


def test_a_time_that_does_not_exist_runs_as_the_clock_has_jumped():
    # On 29 March 2026 Berlin goes from 02:00 (01:00 UTC) to 03:00.
    rule = Rule(Kind.DAILY, 30, 2, 0, "Europe/Berlin")

    assert next_few(rule, "2026-03-28 00:00", 3) == [
        "2026-03-28 01:30",
        "2026-03-29 01:00",
        "2026-03-30 00:30",
    ]


def test_a_time_that_comes_twice_runs_once():
    # On 25 October 2026 Berlin goes from 03:00 (01:00 UTC) back to 02:00.
    rule = Rule(Kind.DAILY, 30, 2, 0, "Europe/Berlin")

    assert next_few(rule, "2026-10-24 12:00", 2) == ["2026-10-25 00:30", "2026-10-26 01:30"]
    # Asked between the first and the second 02:30, and between the second 02:00 and 02:30.
    assert next_few(rule, "2026-10-25 00:45", 1) == ["2026-10-26 01:30"]
    assert next_few(rule, "2026-10-25 01:10", 1) == ["2026-10-26 01:30"]


def test_hourly_is_each_hour_that_passes():
    rule = Rule(Kind.HOURLY, 30, 0, 0, "Europe/Berlin")

    assert next_few(rule, "2026-10-25 00:00", 3) == [
        "2026-10-25 00:30",
        "2026-10-25 01:30",
        "2026-10-25 02:30",
    ]
    assert next_few(rule, "2026-03-29 00:00", 2) == ["2026-03-29 00:30", "2026-03-29 01:30"]


def test_half_an_hour_of_daylight_saving():
    # On 4 October 2026 Lord Howe goes from 02:00 (3 October 15:30 UTC) to 02:30.
    rule = Rule(Kind.DAILY, 15, 2, 0, "Australia/Lord_Howe")

    assert next_few(rule, "2026-10-03 00:00", 2) == ["2026-10-03 15:30", "2026-10-04 15:15"]


def test_a_weekly_run_is_not_lost_to_the_jump():
    rule = Rule(Kind.WEEKLY, 30, 2, 6, "Europe/Berlin")

    assert next_few(rule, "2026-03-23 00:00", 2) == ["2026-03-29 01:00", "2026-04-05 00:30"]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "yearly"},
        {"kind": Kind.HOURLY, "minute": 60},
        {"kind": Kind.HOURLY, "minute": -1},
        {"kind": Kind.DAILY, "hour": 24},
        {"kind": Kind.WEEKLY, "weekday": 7},
        *(
            {"kind": Kind.DAILY, "time_zone": zone}
            for zone in ("", "Mars/Olympus", "Europe", "../etc/passwd", "/etc/localtime", "a\0b")
        ),
    ],
)
def test_what_no_clock_calendar_or_zone_has(fields):
    with pytest.raises(ValueError, match=r"no time zone|no such time|not a valid Kind"):
        Rule(**fields)


RULES = st.builds(
    Rule,
    st.sampled_from(Kind),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 6),
    st.sampled_from(ZONES),
)
MOMENTS = st.integers(0, 4 * 366 * 86400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
# What lies between two runs, with a clock that is set by at most an hour.
APART = {
    Kind.HOURLY: (HOUR / 2, HOUR * 1.5),
    Kind.DAILY: (HOUR * 22, HOUR * 26),
    Kind.WEEKLY: (HOUR * 166, HOUR * 170),
}


@given(rule=RULES, after=MOMENTS)
def test_it_is_later_and_soon_enough(rule, after):
    at = next_run(rule, after)

    assert after < at <= after + APART[rule.kind][1]
    assert at.tzinfo is UTC
    assert (at.second, at.microsecond) == (0, 0)


@given(rule=RULES, after=MOMENTS)
def test_runs_follow_one_another_at_their_distance(rule, after):
    least, most = APART[rule.kind]

    for one, other in pairwise(islice(runs(rule, after), 12)):
        assert least <= other - one <= most
        assert next_run(rule, one) == other


@given(rule=RULES, one=MOMENTS, other=MOMENTS)
def test_who_asks_later_is_not_told_an_earlier_time(rule, one, other):
    earlier, later = sorted((one, other))

    assert next_run(rule, earlier) <= next_run(rule, later)


DAILY = st.builds(
    Rule,
    st.just(Kind.DAILY),
    st.integers(0, 59),
    st.integers(0, 23),
    time_zone=st.sampled_from(ZONES),
)


@given(rule=DAILY, after=MOMENTS)
def test_daily_is_once_on_each_local_date(rule, after):
    zone = ZoneInfo(rule.time_zone)
    dates = [at.astimezone(zone).date() for at in islice(runs(rule, after), 10)]

    assert dates == [dates[0] + timedelta(days=number) for number in range(10)]


@given(rule=DAILY, after=MOMENTS)
def test_daily_is_at_its_time_unless_that_does_not_exist(rule, after):
    zone = ZoneInfo(rule.time_zone)
    local = next_run(rule, after).astimezone(zone)
    wanted = local.replace(hour=rule.hour, minute=rule.minute, fold=0)

    if wanted.astimezone(UTC).astimezone(zone) == wanted:
        assert local == wanted
    else:
        just_before = (local.astimezone(UTC) - timedelta(minutes=1)).astimezone(zone)
        assert just_before.utcoffset() != local.utcoffset()
