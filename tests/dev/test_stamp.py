"""What was set up already is known, and known to be outdated."""

from dev.stamp import Stamp, fingerprint


def test_a_fingerprint_changes_with_a_file_a_word_and_their_borders(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("django==5.2")
    before = fingerprint(file, "3.11")

    assert fingerprint(file, "3.11") == before
    assert fingerprint(file, "3.12") != before
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    file.write_text("django==5.3")
    assert fingerprint(file, "3.11") != before


def test_a_stamp_holds_what_was_added_and_nothing_else(tmp_path):
    stamp = Stamp(tmp_path / "new" / "stamp.json")
    assert not stamp.holds({"runtime": "1"})

    stamp.add({"runtime": "1"})
    stamp.add({"development": "2"})

    assert stamp.holds({"runtime": "1"})
    assert stamp.holds({"runtime": "1", "development": "2"})
    assert not stamp.holds({"runtime": "2"})
    assert not stamp.holds({"runtime": "1", "more": "3"})


def test_a_damaged_stamp_means_that_nothing_is_set_up(tmp_path):
    path = tmp_path / "stamp.json"
    for damaged in ("", "{", "[]", '"text"'):
        path.write_text(damaged)
        assert not Stamp(path).holds({"runtime": "1"})
