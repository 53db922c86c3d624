"""Snapshots as a tree."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from snapshots import tree


@dataclass(frozen=True)
class Snapshot:
    name: str
    parent: str = ""
    taken_at: int | None = 0


def drawn(snapshots, current_parent=None):
    return [
        (row.depth, row.snapshot.name if row.snapshot else "HERE")
        for row in tree.rows(snapshots, current_parent)
    ]


def test_nothing():
    assert drawn([]) == []


def test_a_present_without_snapshots():
    assert drawn([], "") == [(0, "HERE")]


def test_branches_stand_below_their_parent_older_ones_first():
    snapshots = [
        Snapshot("late", "base", 5),
        Snapshot("base", "", 1),
        Snapshot("early", "base", 2),
        Snapshot("on-early", "early", 9),
        Snapshot("other", "", 3),
    ]

    assert drawn(snapshots, "early") == [
        (0, "base"), (1, "early"), (2, "on-early"), (2, "HERE"), (1, "late"), (0, "other"),
    ]  # fmt: skip


def test_the_line_that_leads_to_the_present_is_marked():
    snapshots = [Snapshot("a1"), Snapshot("b2", "a1", 1), Snapshot("c3", "a1", 2)]

    on_line = [
        row.snapshot and row.snapshot.name for row in tree.rows(snapshots, "c3") if row.on_line
    ]
    assert on_line == ["a1", "c3", None]


def test_without_its_parent_the_present_is_left_out():
    assert drawn([Snapshot("a1")]) == [(0, "a1")]


def test_a_parent_that_is_not_there_makes_a_root():
    assert drawn([Snapshot("a1", "gone")], "gone too") == [(0, "a1"), (0, "HERE")]


def test_a_circle_is_opened_at_its_oldest():
    snapshots = [Snapshot("a1", "c3", 3), Snapshot("b2", "a1", 1), Snapshot("c3", "b2", 2)]

    assert drawn(snapshots) == [(0, "b2"), (1, "c3"), (2, "a1")]


def test_its_own_parent():
    assert drawn([Snapshot("a1", "a1")], "a1") == [(0, "a1"), (1, "HERE")]


def test_one_that_is_in_the_making_comes_last():
    assert drawn([Snapshot("new", "", None), Snapshot("a1", "", 9)]) == [(0, "a1"), (0, "new")]


def test_a_long_chain():
    snapshots = [Snapshot(f"s{n}", f"s{n - 1}", n) for n in range(2000)]

    assert drawn(snapshots, "s1999")[-1] == (2000, "HERE")


NAMES = st.sampled_from(["a1", "b2", "c3", "d4", "e5"])
SNAPSHOTS = st.lists(
    st.builds(Snapshot, NAMES, NAMES | st.just(""), st.none() | st.integers(0, 3)), max_size=8
)


@given(snapshots=SNAPSHOTS, current_parent=st.none() | NAMES | st.just(""))
def test_whatever_the_parents_each_is_there_once_and_stands_one_deeper(snapshots, current_parent):
    rows = tree.rows(snapshots, current_parent)
    shown = [row.snapshot for row in rows if row.snapshot is not None]

    assert sorted(map(hash, shown)) == sorted(map(hash, snapshots))
    assert sum(row.is_present for row in rows) == (current_parent is not None)
    for above, below in pairwise(rows):
        assert below.depth <= above.depth + 1
    assert not rows or rows[0].depth == 0
