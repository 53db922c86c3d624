"""Names that Proxmox takes, out of whatever people type."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots import names

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("до обновления", "do-obnovleniya-p7"),
        ("  Before the Upgrade!  ", "before-the-upgrade-p7"),
        ("日本語", "ribenyu-p7"),
        ("🚀 launch", "rocket-launch-p7"),
        ("2026 release", "s-2026-release-p7"),
        ("php_8", "php_8-p7"),
        ("---", "snapshot-p7"),
        ("", "snapshot-p7"),
        ("current", "current-p7"),
        ("../../101/status/stop", "101-status-stop-p7"),
    ],
)
def test_titles_stay_readable(title, name):
    made = names.proxmox_name(title, (), mark="p7")

    assert made.removeprefix("s-") == name.removeprefix("s-")
    assert names.is_valid(made)


def test_a_long_title_is_cut_between_words():
    made = names.proxmox_name("before we move the whole database to version 12", (), mark="p7")

    assert made == "before-we-move-the-whole-database-to-p7"


def test_a_name_in_use_gets_a_number_whatever_its_case():
    taken = {"Update-P7", "update-2-p7"}

    assert names.proxmox_name("update", taken, mark="p7") == "update-3-p7"


@given(
    title=st.text(max_size=200),
    mark=st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True).filter(str.isascii),
    times=st.integers(1, 12),
)
def test_any_text_becomes_valid_names_that_differ(title, mark, times):
    taken = []
    for _ in range(times):
        taken.append(names.proxmox_name(title, taken, mark=mark))

    assert all(names.is_valid(name) and name.endswith(mark) for name in taken)
    assert len({name.lower() for name in taken}) == times


@pytest.mark.parametrize("mark", ["", "a-b", "a b", "x" * 13, "ы", "a\n"])
def test_a_mark_that_proxmox_would_not_take(mark):
    with pytest.raises(ValueError, match="mark"):
        names.proxmox_name("x", (), mark=mark)


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("auto daily 20261120", "0300"),
        ("auto-daily-20261120-0300", "7"),
        ("before resize 20261120", "030000"),
    ],
)
def test_a_persons_snapshot_never_looks_like_one_made_by_itself(title, mark):
    name = names.proxmox_name(title, (), mark=mark)

    assert not names.is_scheduled_name(name)
    assert not names.is_safety_name(name)


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("ab", True),
        ("a" * 40, True),
        ("A-b_9", True),
        ("a", False),
        ("a" * 41, False),
        ("1a", False),
        ("_a", False),
        ("a b", False),
        ("ab\n", False),
        ("aы", False),
        ("current", False),
        ("Pending", False),
        ("", False),
    ],
)
def test_what_proxmox_takes(name, is_valid):
    assert names.is_valid(name) is is_valid


def test_a_scheduled_name_tells_its_time():
    name = names.scheduled_name("daily", datetime(2026, 11, 20, 3, 0, tzinfo=BERLIN))

    assert name == "auto-daily-20261120-0300"
    assert names.is_scheduled_name(name)
    assert names.is_valid(name)


def test_the_hour_that_comes_twice_has_two_names():
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)

    assert names.scheduled_name("hourly", first) == "auto-hourly-20261025-0230"
    assert names.scheduled_name("hourly", first.replace(fold=1)) == "auto-hourly-20261025-0230-2"


def test_a_scheduled_name_in_use_gets_a_number():
    at = datetime(2026, 11, 20, 3, 0, tzinfo=BERLIN)
    name = names.scheduled_name("daily", at, {"AUTO-daily-20261120-0300"})

    assert name == "auto-daily-20261120-0300-2"
    assert names.is_scheduled_name(name)


def test_a_kind_that_is_no_word_makes_no_name():
    with pytest.raises(ValueError, match="cannot become"):
        names.scheduled_name("each day", datetime(2026, 11, 20, tzinfo=BERLIN))


@pytest.mark.parametrize(
    "change", ["resize", "root_password", "a very long change of it", "смена"]
)
def test_a_safety_name_is_valid_and_told_apart(change):
    at = datetime(2026, 11, 20, 3, 0, 5, tzinfo=BERLIN)
    name = names.safety_name(change, at)
    again = names.safety_name(change, at, {name})

    assert name != again
    for made in (name, again):
        assert names.is_valid(made)
        assert names.is_safety_name(made)
        assert not names.is_scheduled_name(made)
    assert names.safety_name("resize", at) == "before-resize-20261120-030005"


@pytest.mark.parametrize("title", ["x", "до обновления", "👨‍👩‍👧", "می‌خواهم", "a" * 64, " a "])
def test_good_titles(title):
    assert names.problem_with(title) is None


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("", "needs"),
        (" \t\n ", "needs"),
        ("\u200b\u00a0", "needs"),
        ("a" * 65, "at most 64"),
        ("a\nb", "Control"),
        ("a\x00b", "Control"),
        ("a\u2028b", "Control"),
        ("a\ud800b", "Control"),
        ("invoice\u202efdp.exe", "Control"),
    ],
)
def test_bad_titles(title, words):
    assert words in names.problem_with(title)
