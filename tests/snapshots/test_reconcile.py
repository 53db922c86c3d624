"""What a list of snapshots means for those that we know."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.reconcile import Known, Plan, Reported, plan

PRESENT = Reported("current", "You are here!", parent="clean")
CLEAN = Reported("clean", "no ram", 100)
WITH_RAM = Reported("withram", "with ram", 101, with_memory=True, parent="clean")


def known(row, id, **changes):
    fields = {**vars(row), **changes}
    return Known(id=id, **fields)


def is_empty(found):
    return found == Plan(current_parent=found.current_parent)


def test_what_is_reported_and_not_known_is_new():
    found = plan([WITH_RAM, PRESENT, CLEAN], [])

    assert found.new == [CLEAN, WITH_RAM]
    assert found.current_parent == "clean"
    assert not found.changed
    assert not found.vanished


def test_nothing_is_to_be_done_where_all_is_as_known():
    found = plan([PRESENT, WITH_RAM, CLEAN], [known(CLEAN, 1), known(WITH_RAM, 2)])

    assert is_empty(found)


def test_a_change_is_told_by_id():
    found = plan([PRESENT, CLEAN], [known(CLEAN, 1, description="before")])

    assert found.changed == {1: CLEAN}


def test_one_that_is_not_reported_vanished():
    assert plan([PRESENT], [known(CLEAN, 1)]).vanished == [1]


def test_the_same_name_of_another_time_is_another_snapshot():
    found = plan([PRESENT, CLEAN], [known(CLEAN, 1, taken_at=50)])

    assert found.vanished == [1]
    assert found.new == [CLEAN]


@pytest.mark.parametrize("taken_at", [1, 100, 4_000_000_000])
def test_one_that_was_asked_for_is_known_by_name_whatever_the_nodes_clock_says(taken_at):
    row = Reported("ours-p7", taken_at=taken_at)
    found = plan([PRESENT, row], [Known(7, "ours-p7")])

    assert found == Plan(changed={7: row}, current_parent="clean")


def test_one_that_was_asked_for_and_is_not_there_yet_is_waited_for():
    found = plan([PRESENT], [Known(7, "ours-p7")])

    assert is_empty(found)


def test_a_name_that_is_used_again_belongs_to_the_one_that_was_asked_for():
    row = Reported("clean", taken_at=200)
    found = plan([PRESENT, row], [known(CLEAN, 1), Known(2, "clean")])

    assert found.vanished == [1]
    assert found.changed == {2: row}
    assert not found.new


def test_the_old_one_of_a_name_is_not_taken_for_the_one_that_was_asked_for():
    found = plan([PRESENT, CLEAN], [known(CLEAN, 1), Known(2, "clean")])

    assert is_empty(found)


@pytest.mark.parametrize(
    ("rows", "is_whole"), [([], True), ([WITH_RAM], True), ([PRESENT, WITH_RAM], False)]
)
def test_a_list_that_is_not_whole_deletes_nobody(rows, is_whole):
    found = plan(rows, [known(CLEAN, 1)], is_whole=is_whole)

    assert not found.vanished


def test_a_list_without_the_present_still_tells_what_is_new():
    found = plan([CLEAN], [])

    assert found.new == [CLEAN]
    assert found.current_parent is None


def test_the_present_may_stand_on_no_snapshot():
    assert plan([Reported("current")], []).current_parent == ""


def test_a_row_without_its_time_voids_itself_alone():
    damaged = Reported("clean", "no ram")
    found = plan([PRESENT, damaged, WITH_RAM, Reported("")], [known(CLEAN, 1), Known(2, "clean")])

    assert found == Plan(new=[WITH_RAM], current_parent="clean")


def test_of_rows_with_one_name_the_newest_counts():
    older = Reported("clean", taken_at=50)
    found = plan([CLEAN, older, PRESENT], [])

    assert found.new == [CLEAN]


def test_one_that_is_being_removed_says_so():
    going = Reported("clean", "no ram", 100, state="delete")

    assert plan([PRESENT, going], [known(CLEAN, 1)]).changed == {1: going}


NAMES = st.sampled_from(["a1", "b2", "c3", "current", ""])
TIMES = st.none() | st.integers(0, 3)
REPORTED = st.lists(st.builds(Reported, NAMES, taken_at=TIMES, parent=NAMES), max_size=8)
KNOWN = st.lists(
    st.builds(Known, st.integers(1, 99), NAMES, TIMES, parent=NAMES),
    max_size=6,
    unique_by=lambda one: one.id,
)


@given(rows=REPORTED, ours=KNOWN, seed=st.integers(0, 99))
def test_the_order_of_the_list_makes_no_difference(rows, ours, seed):
    shuffled = random.Random(seed).sample(rows, len(rows))

    assert plan(shuffled, ours) == plan(rows, ours)


@given(rows=REPORTED, ours=KNOWN)
def test_each_known_one_is_told_of_once(rows, ours):
    found = plan(rows, ours)
    asked = {one.id for one in ours if one.taken_at is None}

    assert not set(found.vanished) & (set(found.changed) | asked)
    assert len(set(found.vanished)) == len(found.vanished)
    assert all(row.taken_at is not None and row.name != "current" for row in found.new)


@given(rows=REPORTED, ours=KNOWN)
def test_what_was_carried_out_needs_nothing_more(rows, ours):
    found = plan(rows, ours)
    after = {one.id: one for one in ours if one.id not in found.vanished}
    after |= {id: Known(id=id, **vars(row)) for id, row in found.changed.items()}
    after |= {100 + n: Known(id=100 + n, **vars(row)) for n, row in enumerate(found.new)}
    again = plan(rows, after.values())

    assert is_empty(again)
