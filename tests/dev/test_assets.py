"""Third-party browser code: pinned, without addresses, and complete."""

import json

import pytest

from dev import ROOT, assets
from dev.commands import Failure


def test_the_lock_file_says_what_but_not_where_from():
    lock = json.loads((ROOT / "package-lock.json").read_text())

    for path, package in lock["packages"].items():
        assert "resolved" not in package
        assert not path or package["integrity"]


def test_versions_are_exact():
    manifest = json.loads((ROOT / "package.json").read_text())

    for version in (manifest["dependencies"] | manifest["devDependencies"]).values():
        assert version[0].isdigit()


def test_what_the_pages_load_is_copied_with_its_licence(tmp_path, monkeypatch):
    source = tmp_path / "node_modules" / "plot"
    (source / "dist" / "deep").mkdir(parents=True)
    for name in ("LICENSE", "dist/plot.js", "dist/deep/more.js", "dist/plot.cjs"):
        (source / name).write_text(name)
    monkeypatch.setattr(assets, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")

    assets._copy(assets.Package("plot", "dist", ("plot.js", "deep/*.js")))

    copied = {str(p.relative_to(tmp_path / "vendor")) for p in tmp_path.glob("vendor/**/*.*")}
    assert copied == {"plot/plot.js", "plot/deep/more.js"}
    assert (tmp_path / "vendor" / "plot" / "LICENSE").exists()


def test_a_package_that_lost_a_file_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "MODULES", tmp_path)

    with pytest.raises(Failure, match="plot no longer holds"):
        assets._copy(assets.Package("plot", "dist", ("plot.js",)))
