"""Set-up does its work once, and again when what it depends on has changed."""

import sys

import pytest

from dev import environment, mysql
from dev.stamp import Stamp


@pytest.fixture
def project(tmp_path, monkeypatch):
    venv = tmp_path / ".venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("version = 3.11.2\n")
    for name in (environment.RUNTIME, environment.DEVELOPMENT):
        (tmp_path / name).write_text("mysqlclient==2.3.1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", venv)
    monkeypatch.setattr(environment, "PYTHON", sys.executable)
    monkeypatch.setattr(environment, "STAMP", Stamp(venv / "set-up.json"))
    monkeypatch.setattr(environment, "uv", lambda: ["uv"])
    monkeypatch.setattr(mysql, "standing", lambda: mysql.BUILDABLE)
    return tmp_path


@pytest.fixture
def installed(project, monkeypatch):
    commands = []
    monkeypatch.setattr(environment, "run", commands.append)
    return commands


def test_it_is_ready_after_it_was_installed(project, installed):
    assert not environment.is_ready(dev=False)

    environment.install(dev=False)

    assert environment.is_ready(dev=False)
    assert not environment.is_ready(dev=True)


def test_what_tests_need_includes_what_the_panel_needs(project, installed):
    environment.install(dev=True)

    assert environment.is_ready(dev=False)
    assert environment.is_ready(dev=True)


@pytest.mark.parametrize("name", [environment.RUNTIME, ".venv/pyvenv.cfg"])
def test_a_change_makes_it_outdated(project, installed, name):
    environment.install(dev=False)

    (project / name).write_text("something else")

    assert not environment.is_ready(dev=False)


def test_a_virtual_environment_that_was_moved_is_made_anew(project, installed, monkeypatch):
    environment.install(dev=False)
    elsewhere = project.rename(project.with_name("elsewhere")) / ".venv"
    monkeypatch.setattr(environment, "VENV", elsewhere)
    monkeypatch.setattr(environment, "STAMP", Stamp(elsewhere / "set-up.json"))
    (elsewhere / "old").touch()
    monkeypatch.setattr(environment, "_created", lambda: elsewhere.mkdir() or True)

    environment.create()

    assert list(elsewhere.iterdir()) == []


def test_headers_that_came_later_make_it_outdated(project, installed, monkeypatch):
    monkeypatch.setattr(mysql, "standing", lambda: mysql.NOT_BUILDABLE)
    assert environment.install(dev=False) == [mysql.LEFT_OUT]

    monkeypatch.setattr(mysql, "standing", lambda: mysql.BUILDABLE)

    assert not environment.is_ready(dev=False)
    assert environment.install(dev=False) == []
    assert installed[-1][-1] == "mysqlclient==2.3.1"
