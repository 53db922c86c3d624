"""Set-up does its work once, and again when what it depends on has changed."""

import sys

import pytest

from dev import environment, mysql
from dev.commands import CommandFailed, Failure
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

    environment.create()

    assert not (elsewhere / "old").exists()
    assert elsewhere in installed[-1]


def test_headers_that_came_later_make_it_outdated(project, installed, monkeypatch):
    monkeypatch.setattr(mysql, "standing", lambda: mysql.NOT_BUILDABLE)
    assert environment.install(dev=False) == [mysql.LEFT_OUT]

    monkeypatch.setattr(mysql, "standing", lambda: mysql.BUILDABLE)

    assert not environment.is_ready(dev=False)
    assert environment.install(dev=False) == []
    assert installed[-1][-1] == "mysqlclient==2.3.1"


def test_where_uv_gets_nowhere_pip_does_it(project, monkeypatch):
    commands = []

    def run(command):
        commands.append(command)
        if command[0] == "uv":
            raise CommandFailed("uv knows no index")

    monkeypatch.setattr(environment, "run", run)
    monkeypatch.setattr(environment, "works", lambda *_: True)

    remarks = environment.install(dev=True)

    assert remarks == ["uv was not to be had or got nowhere, pip did it"]
    assert [command[0] for command in commands].count("uv") == 1
    assert environment.is_ready(dev=True)


def test_without_any_way_the_package_is_named(project, monkeypatch):
    monkeypatch.setattr(environment, "_is_usable", lambda: False)
    monkeypatch.setattr(environment, "_ways", lambda: iter(()))
    monkeypatch.setattr(environment.apt, "may_install", lambda: False)

    with pytest.raises(
        Failure, match=r"neither uv nor pip(.|\n)*apt-get install python3\.\d+-venv"
    ):
        environment.create()
