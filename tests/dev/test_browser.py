"""A browser counts when it shows a page; without one the tests fail and say why."""

import os
from pathlib import Path

import pytest

from dev import browser
from dev.commands import CommandFailed, Failure


@pytest.fixture
def bin_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser.apt, "may_install", lambda: False)
    monkeypatch.setattr(browser, "_from_playwright", no_download)
    monkeypatch.setattr(browser.shutil, "which", lambda name: which(tmp_path / name))
    return tmp_path


def no_download(driver):
    raise CommandFailed("no route to its host")


def which(path):
    return str(path) if path.exists() else None


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_stub_that_only_talks_is_passed_over(bin_dir):
    program(bin_dir / "chromium", "echo 'Please install the snap' >&2; exit 10")
    real = program(bin_dir / "google-chrome", "echo '<html><head></head></html>'")

    assert browser.find({}) == real


def test_without_any_all_that_was_tried_is_told(bin_dir):
    program(bin_dir / "chromium", "echo 'Please install the snap' >&2; exit 10")

    with pytest.raises(Failure) as failure:
        browser.find({})

    assert "Please install the snap" in str(failure.value)
    assert "no route to its host" in str(failure.value)
    assert "CHROMIUM=" in str(failure.value)


def test_the_one_that_was_named_is_the_one(bin_dir, monkeypatch):
    program(bin_dir / "chromium", "echo '<html></html>'")
    monkeypatch.setenv("CHROMIUM", str(program(bin_dir / "mine", "echo nothing")))

    with pytest.raises(CommandFailed, match="mine shows no page"):
        browser.find({})


def test_a_driver_that_does_not_run_here_gets_another_node(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "NODE", tmp_path)
    monkeypatch.setattr(browser, "works", lambda *command: False)
    unpacked = []
    monkeypatch.setattr(browser.node, "unpack", unpacked.append)
    monkeypatch.setattr(browser, "find", lambda driver: Path("/usr/bin/chromium"))

    variables = browser.environment()

    assert unpacked == [tmp_path]
    assert variables["CHROMIUM"] == "/usr/bin/chromium"
    assert variables["PLAYWRIGHT_NODEJS_PATH"].startswith(str(tmp_path))
