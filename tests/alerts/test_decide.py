"""Who is told when: each reason for silence, and what outweighs what."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.decide import (
    FLAPS,
    Drop,
    Facts,
    Hold,
    Message,
    Reason,
    Silence,
    Tell,
    decide,
    quiet_until,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRES = Facts(ended=False)
OVER = Facts(ended=True, told_at=NOW - HOUR, last_told=NOW - HOUR)


def of(facts, **changes):
    return decide(replace(facts, **changes), cooldown=HOUR, now=NOW)


def test_what_fires_is_told():
    assert of(FIRES) == Tell(Message.FIRED)


def test_what_recovers_is_told_to_who_was_told():
    assert of(OVER) == Tell(Message.RECOVERED)
    assert of(OVER, told_at=None) == Drop(Reason.OVER)
    assert of(OVER, tell_recovery=False) == Drop(Reason.NOT_WANTED)
    assert of(OVER, ended_well=False) == Drop(Reason.ENDED_OTHERWISE)


def test_a_second_mail_waits_for_an_hour():
    told = NOW - timedelta(minutes=20)
    assert of(FIRES, last_told=told) == Hold(Reason.COOLDOWN, told + HOUR)
    assert of(FIRES, last_told=NOW - HOUR) == Tell(Message.FIRED)
    assert of(FIRES, last_told=NOW + timedelta(days=1)) == Tell(Message.FIRED)


def test_what_comes_and_goes_is_told_once():
    told = NOW - timedelta(minutes=20)
    flapping = {"lately": FLAPS, "last_told": told, "told_at": None}
    assert of(OVER, **flapping) == Hold(Reason.COOLDOWN, told + HOUR)
    assert of(OVER, **flapping | {"last_told": NOW - HOUR}) == Tell(Message.FLAPPING)
    assert of(FIRES, lately=FLAPS) == Tell(Message.FLAPPING)
    assert of(OVER, **flapping | {"lately": FLAPS - 1}) == Drop(Reason.OVER)


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        ({"mute": Silence(NOW + HOUR)}, Hold(Reason.MUTED, NOW + HOUR)),
        ({"mute": Silence(None)}, Hold(Reason.MUTED, None)),
        ({"maintenance": Silence(NOW + HOUR)}, Hold(Reason.MAINTENANCE, NOW + HOUR)),
        ({"quiet_until": NOW + HOUR}, Hold(Reason.QUIET, NOW + HOUR)),
        ({"quiet_until": NOW + HOUR, "critical": True}, Tell(Message.FIRED)),
        (
            {"quiet_until": NOW + HOUR, "critical": True, "critical_anyway": False},
            Hold(Reason.QUIET, NOW + HOUR),
        ),
        ({"acknowledged": True}, Drop(Reason.ACKNOWLEDGED)),
        ({"fault": True}, Tell(Message.FAULT)),
        ({"fault": True, "mute": Silence(NOW + HOUR)}, Hold(Reason.MUTED, NOW + HOUR)),
        # Staff know of a fault under their hands.
        (
            {"fault": True, "maintenance": Silence(NOW + HOUR)},
            Hold(Reason.MAINTENANCE, NOW + HOUR),
        ),
    ],
)
def test_silence_has_a_reason_and_an_end(silence, expected):
    assert of(FIRES, **silence) == expected


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        ({"quiet_until": NOW + HOUR}, Hold(Reason.QUIET, NOW + HOUR)),
        ({"maintenance": Silence(NOW + HOUR)}, Hold(Reason.MAINTENANCE, NOW + HOUR)),
        ({"mute": Silence(NOW + HOUR)}, Drop(Reason.MUTED)),
        ({"fault": True}, Drop(Reason.FAULT)),
    ],
)
def test_a_recovery_keeps_the_same_peace(silence, expected):
    assert of(OVER, **silence) == expected


def test_reminders_only_where_they_are_wanted():
    told = {"told_at": NOW - 2 * HOUR, "last_told": NOW - 2 * HOUR}
    assert of(FIRES, **told) == Drop(Reason.NOT_WANTED)
    assert of(FIRES, **told, remind_every=2 * HOUR) == Tell(Message.REMINDER)
    assert of(FIRES, **told, remind_every=3 * HOUR) == Hold(Reason.REMINDER, NOW + HOUR)
    assert of(FIRES, **told, remind_every=2 * HOUR, acknowledged=True) == Drop(Reason.ACKNOWLEDGED)
    assert of(FIRES, **told, remind_every=2 * HOUR, quiet_until=NOW + HOUR) == Hold(
        Reason.QUIET, NOW + HOUR
    )


def moments_within(first, last):
    """To the second, from NOW."""
    return st.integers(first, last).map(lambda seconds: NOW + timedelta(seconds=seconds))


DAY = 86400
moments = st.none() | moments_within(-2 * DAY, 2 * DAY)
silences = st.none() | st.builds(Silence, st.none() | moments_within(1, 2 * DAY))
facts = st.builds(
    Facts,
    ended=st.booleans(),
    ended_well=st.booleans(),
    told_at=moments,
    last_told=moments,
    lately=st.integers(0, 6),
    acknowledged=st.booleans(),
    critical=st.booleans(),
    tell_recovery=st.booleans(),
    remind_every=st.none() | st.just(HOUR) | st.just(6 * HOUR),
    maintenance=silences,
    mute=silences,
    quiet_until=st.none() | st.just(NOW + HOUR),
    critical_anyway=st.booleans(),
    fault=st.booleans(),
)


@given(facts)
def test_whoever_waits_waits_for_something_to_come(given_facts):
    """Else it would be asked again for ever."""
    decision = decide(given_facts, cooldown=HOUR, now=NOW)
    if isinstance(decision, Hold):
        assert decision.until is None or decision.until > NOW


@given(facts)
def test_within_the_hour_nothing_that_fires_is_told_twice(given_facts):
    decision = decide(given_facts, cooldown=HOUR, now=NOW)
    last = given_facts.last_told
    if last and NOW - HOUR < last <= NOW and isinstance(decision, Tell):
        assert decision.message == Message.RECOVERED


@given(facts)
def test_nobody_is_told_in_maintenance_or_under_a_mute(given_facts):
    decision = decide(given_facts, cooldown=HOUR, now=NOW)
    if given_facts.maintenance or given_facts.mute:
        assert not isinstance(decision, Tell)


class TestQuietHours:
    @pytest.mark.parametrize(
        ("at", "until"),
        [
            ("2026-11-20T21:59", None),
            ("2026-11-20T22:00", "2026-11-21T07:00"),
            ("2026-11-21T06:59", "2026-11-21T07:00"),
            ("2026-11-21T07:00", None),
        ],
    )
    def test_over_midnight(self, at, until):
        now = datetime.fromisoformat(at).replace(tzinfo=UTC)
        end = until and datetime.fromisoformat(until).replace(tzinfo=UTC)
        assert quiet_until(time(22), time(7), "UTC", now) == end

    def test_in_the_persons_own_zone(self):
        now = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
        end = quiet_until(time(22), time(7), "Europe/Berlin", now)
        assert end == datetime(2026, 7, 2, 5, tzinfo=UTC)
        assert quiet_until(time(22), time(7), "UTC", now) is None

    def test_by_day(self):
        now = datetime(2026, 7, 1, 13, tzinfo=UTC)
        assert quiet_until(time(12), time(14), "UTC", now) == now + HOUR

    def test_none(self):
        assert quiet_until(None, time(7), "UTC", NOW) is None
        assert quiet_until(time(7), time(7), "UTC", NOW) is None

    @given(
        moments_within(-365 * DAY, 0),
        st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    )
    def test_they_end_in_the_future_within_a_day(self, now, begins, ends, zone):
        """On the days when clocks change, too."""
        end = quiet_until(begins, ends, zone, now)
        assert end is None or now < end <= now + timedelta(hours=25)
