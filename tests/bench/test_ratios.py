"""What CI holds by `python -m bench --quick`: that it fails where something is not as it was."""

from bench import ratios
from bench.ratios import Check


def test_a_limit_is_still_good_itself():
    assert Check("at most", found=3, limit=3).holds
    assert Check("at least", found=3, limit=3, at_least=True).holds


def test_beyond_the_limit_it_does_not_hold():
    assert not Check("at most", found=3.1, limit=3).holds
    assert not Check("at least", found=2.9, limit=3, at_least=True).holds


def report_of(monkeypatch, *checks):
    for name in ("of_cycles", "of_pages", "of_fetching"):
        monkeypatch.setattr(ratios, name, lambda *_: iter(()))
    monkeypatch.setattr(ratios, "of_samples", lambda: iter(checks))
    return ratios.report(None)


def test_one_that_does_not_hold_fails_the_run(monkeypatch, capsys):
    assert report_of(monkeypatch, Check("fine", 1, 2), Check("too much", 3, 2)) == 1
    told = capsys.readouterr().out
    assert "ok     fine: 1 (≤ 2)" in told
    assert "FAILED too much: 3 (≤ 2)" in told


def test_where_all_hold_the_run_passes(monkeypatch):
    assert report_of(monkeypatch, Check("fine", 1, 2), Check("enough", 3, 2, at_least=True)) == 0
