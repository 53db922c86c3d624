"""What may go, and what never does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.retention import Held, Limit, Verdict, expired, over_limit

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def days_ago(days):
    return NOW - days * DAY


def scheduled(id, days, kind="daily", **fields):
    return Held(id, kind, days_ago(days), is_ours=True, **fields)


def persons(id, days):
    return Held(id, None, days_ago(days), is_ours=True)


def foreign(id, days):
    return Held(id, None, days_ago(days))


def before_a_change(id, days, expires_in):
    return Held(id, None, days_ago(days), expires_at=days_ago(-expires_in), is_ours=True)


THREE = [scheduled(3, 1), scheduled(1, 3), scheduled(2, 2)]


@pytest.mark.parametrize(
    ("snapshots", "keep", "gone"),
    [
        ([], {"daily": 1}, []),
        (THREE, {"daily": 3}, []),
        (THREE, {"daily": 1}, [1, 2]),
        # No number, or none that makes sense: nothing goes.
        (THREE, {}, []),
        (THREE, {"daily": 0}, []),
        (THREE, {"daily": -1}, []),
        (THREE, {"weekly": 1}, []),
        # Kinds do not count for one another.
        ([*THREE, scheduled(4, 9, "weekly")], {"daily": 2, "weekly": 1}, [1]),
        # A person's, and what the panel did not make, neither go nor count.
        ([*THREE, persons(4, 9), foreign(5, 0)], {"daily": 2}, [1]),
        # One that only looks like ours.
        ([*THREE, Held(4, "daily", days_ago(9))], {"daily": 3}, []),
        # The newest failed, or is in the making: it does not count as kept.
        ([*THREE, scheduled(4, 0, is_ready=False)], {"daily": 3}, []),
        ([*THREE, Held(4, "daily", None, is_ours=True)], {"daily": 3}, []),
        # One that is being removed neither counts nor goes twice.
        ([*THREE, scheduled(4, 9, is_ready=False)], {"daily": 2}, [1]),
        # Of one second, the one that was noted later is the newer one.
        ([scheduled(8, 1), scheduled(7, 1)], {"daily": 1}, [7]),
        # Before a change: by its time alone, also at that very moment.
        ([before_a_change(1, 5, 1)], {"daily": 1}, []),
        ([before_a_change(1, 5, 0)], {}, [1]),
        ([before_a_change(1, 5, -1), scheduled(2, 9), scheduled(3, 8)], {"daily": 1}, [2, 1]),
        # Somebody wrote a time on what is not ours.
        ([Held(1, None, days_ago(9), expires_at=days_ago(1))], {}, []),
    ],
)
def test_what_goes(snapshots, keep, gone):
    assert expired(snapshots, keep=keep, now=NOW) == gone


KINDS = ["hourly", "daily", "weekly"]
SNAPSHOTS = st.lists(
    st.builds(
        Held,
        st.integers(1, 50),
        st.none() | st.sampled_from(KINDS),
        st.none() | st.integers(-3, 40).map(days_ago),
        st.none() | st.integers(-3, 40).map(days_ago),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
    unique_by=lambda snapshot: snapshot.id,
)
KEEP = st.dictionaries(st.sampled_from(KINDS), st.integers(-1, 8))


def is_persons(snapshot):
    return snapshot.kind is None and snapshot.expires_at is None


@given(snapshots=SNAPSHOTS, keep=KEEP)
def test_a_persons_snapshot_never_goes_nor_one_that_is_not_ours(snapshots, keep):
    by_id = {snapshot.id: snapshot for snapshot in snapshots}
    gone = [by_id[id] for id in expired(snapshots, keep=keep, now=NOW)]

    assert all(snapshot.is_ours and not is_persons(snapshot) for snapshot in gone)
    assert all(snapshot.is_ready for snapshot in gone)


@given(snapshots=SNAPSHOTS, keep=KEEP)
def test_the_newest_that_have_to_be_kept_stay(snapshots, keep):
    gone = set(expired(snapshots, keep=keep, now=NOW))

    for kind, number in keep.items():
        good = [one for one in snapshots if one.kind == kind and one.is_ours and one.is_ready]
        good = sorted(
            (one for one in good if one.taken_at), key=lambda one: (one.taken_at, one.id)
        )
        left = [one for one in good if one.id not in gone]
        assert left == (good[-number:] if number > 0 else good)


@given(snapshots=SNAPSHOTS, keep=KEEP, data=st.data())
def test_nothing_more_expires_however_many_of_them_are_gone(snapshots, keep, data):
    gone = expired(snapshots, keep=keep, now=NOW)
    removed = set(data.draw(st.lists(st.sampled_from(gone)))) if gone else set()
    left = [one for one in snapshots if one.id not in removed]

    assert expired(left, keep=keep, now=NOW) == [id for id in gone if id not in removed]


@given(snapshots=SNAPSHOTS, keep=KEEP, data=st.data())
def test_the_order_they_come_in_makes_no_difference(snapshots, keep, data):
    shuffled = data.draw(st.permutations(snapshots))

    assert expired(shuffled, keep=keep, now=NOW) == expired(snapshots, keep=keep, now=NOW)


def verdict(snapshots, **changes):
    asked = {"most": 3, "longest": None, "keep": {}, "now": NOW, **changes}
    return over_limit(snapshots, **asked)


def test_there_is_room():
    assert verdict(THREE[:2]).may_take
    assert verdict(THREE, most=None).may_take


def test_at_the_limit_the_oldest_that_no_schedule_keeps_is_offered():
    snapshots = [scheduled(1, 9), persons(2, 8), foreign(3, 7)]

    assert verdict(snapshots, keep={"daily": 1}) == Verdict(Limit.NUMBER, 2)
    assert verdict(snapshots) == Verdict(Limit.NUMBER, 1)


def test_where_schedules_keep_them_all_nothing_is_offered():
    assert verdict(THREE, keep={"daily": 3}) == Verdict(Limit.NUMBER, None)


def test_a_schedule_makes_room_with_its_own_alone():
    snapshots = [persons(2, 9), scheduled(1, 8), scheduled(4, 7)]

    assert verdict(snapshots, keep={"daily": 5}, taking="daily") == Verdict(Limit.NUMBER, 1)
    assert verdict(snapshots, keep={"daily": 5}, taking="weekly") == Verdict(Limit.NUMBER, None)


def test_what_is_in_the_making_takes_room_and_is_not_offered():
    snapshots = [Held(1, is_ready=False), Held(2), persons(3, 1)]

    assert verdict(snapshots) == Verdict(Limit.NUMBER, 3)


def test_one_that_is_too_old_has_to_go_first():
    assert verdict([persons(1, 8)], longest=7 * DAY) == Verdict(Limit.AGE, 1)
    assert verdict([persons(1, 7)], longest=7 * DAY).may_take
    assert verdict([persons(1, 8)], longest=7 * DAY, taking="daily") == Verdict(Limit.AGE, None)


def test_age_is_not_asked_of_what_a_schedule_keeps():
    weekly = [scheduled(1, 60, "weekly"), scheduled(2, 53, "weekly")]

    assert verdict(weekly, longest=30 * DAY, keep={"weekly": 8}).may_take


@given(snapshots=SNAPSHOTS, keep=KEEP, most=st.integers(0, 9), taking=st.sampled_from(KINDS))
def test_what_asks_nobody_never_offers_a_persons(snapshots, keep, most, taking):
    by_id = {snapshot.id: snapshot for snapshot in snapshots}
    found = verdict(snapshots, keep=keep, most=most, longest=7 * DAY, taking=taking)

    if found.delete_first is not None:
        assert by_id[found.delete_first].is_ours
        assert by_id[found.delete_first].kind == taking


@given(snapshots=SNAPSHOTS, keep=KEEP, most=st.integers(1, 9))
def test_making_room_as_offered_ends(snapshots, keep, most):
    left = list(snapshots)
    while offered := verdict(left, keep=keep, most=most, longest=7 * DAY).delete_first:
        left = [one for one in left if one.id != offered]

    found = verdict(left, keep=keep, most=most, longest=7 * DAY)
    assert found.may_take or found.over is Limit.NUMBER
