"""How the tree is drawn, and what is offered of each snapshot."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from servers.models import Server
from snapshots import offers
from snapshots.models import ServerSnapshots, Snapshot

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWNER = User(pk=1)


def shot(number, name, parent="", **fields):
    """One that is `number` days younger than the first, which is ten days old."""
    given = {"taken_at": NOW - timedelta(days=10 - number), "origin": "person", **fields}
    return Snapshot(pk=number + 1, name=name, title=name, parent=parent, **given)


def drawn(snapshots, *, present="", looked=True, active=None, server=None, **known):
    state = ServerSnapshots(present=present, looked_at=NOW if looked else None, **known)
    server = server or Server(status="running", kind="qemu")
    server.owner = OWNER
    return offers.lines(snapshots, state, active=active, server=server, viewer=OWNER, now=NOW)


def picture(lines):
    """Like `| +*c`: lines that pass, branches, and whether its own comes from above and goes on."""
    return [
        "".join("+" if branch else "|" for branch in line.rails)
        + ("^" if line.goes_up else "")
        + ("v" if line.goes_down else "")
        + (line.snapshot.name if line.snapshot else "here")
        for line in lines
    ]


class TestDrawing:
    def test_a_chain_stays_narrow(self):
        chain = [shot(n, str(n), str(n - 1) if n else "") for n in range(4)]
        assert picture(drawn(chain, present="3")) == ["v0", "^v1", "^v2", "^v3", "^here"]

    def test_all_but_the_last_child_branch_off(self):
        tree = [shot(0, "a"), shot(1, "b", "a"), shot(2, "c", "b"), shot(3, "d", "a")]
        assert picture(drawn(tree, present="d")) == ["va", "+vb", "|^c", "^vd", "^here"]

    def test_branches_of_branches(self):
        tree = [shot(0, "a"), shot(1, "b", "a"), shot(2, "c", "b"), shot(3, "d", "b"),
                shot(4, "e", "a")]  # fmt: skip
        assert picture(drawn(tree, looked=False)) == ["va", "+vb", "|+c", "|^d", "^e"]

    def test_roots_hang_together_with_nothing(self):
        assert picture(drawn([shot(0, "a"), shot(1, "b")], present="a")) == ["va", "^here", "b"]

    def test_one_in_the_making_follows_the_present_state(self):
        making = shot(1, "new", taken_at=None)
        assert picture(drawn([shot(0, "a"), making], present="a")) == ["va", "+new", "^here"]

    def test_no_deeper_than_fits(self):
        tree = [shot(0, "0")]
        for n in range(1, 9):
            tree += [shot(n / 10, f"{n}", f"{n - 1}"), shot(n / 10 + 5, f"x{n}", f"{n - 1}")]
        assert max(len(line.rails) for line in drawn(tree, looked=False)) == offers.MOST_RAILS

    def test_where_one_comes_from_is_said_where_it_is_not_above(self):
        tree = [shot(0, "a"), shot(1, "b", "a"), shot(2, "c", "a")]
        assert [line.comes_from for line in drawn(tree, present="b")] == ["", "", "", "a"]


class TestOffered:
    def test_of_one_in_the_making_nothing(self):
        (line,) = drawn([shot(0, "a", taken_at=None)], looked=False)
        assert line.rolling_back_refused == line.deleting_refused == "A snapshot is being taken."

    def test_the_newest_alone(self):
        older, newer = drawn([shot(0, "a"), shot(1, "b", "a")], looked=False, newest_only=True)
        assert "newest snapshot alone" in older.rolling_back_refused
        assert newer.rolling_back_refused == older.deleting_refused == ""

    @pytest.mark.parametrize(
        ("server", "why"),
        [
            ({"status": "gone"}, "It does not exist any more."),
            ({"status": "running", "lock": "backup"}, "A backup is running."),
        ],
    )
    def test_not_while_the_server_cannot(self, server, why):
        (line,) = drawn([shot(0, "a")], looked=False, server=Server(kind="qemu", **server))
        assert (line.rolling_back_refused, line.deleting_refused) == (why, why)

    def test_old_ones(self):
        at = NOW - offers.OLD
        young, old = shot(0, "a", taken_at=at), shot(1, "b", taken_at=at - timedelta(seconds=1))
        found = {line.snapshot.name: line.is_old for line in drawn([young, old], looked=False)}
        assert found == {"a": False, "b": True}
