"""A QEMU counts when it starts; without one the console's test fails and says why."""

import pytest

from dev import qemu
from dev.commands import CommandFailed, Failure


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    monkeypatch.delenv("QEMU", raising=False)


@pytest.fixture
def nothing_here(monkeypatch):
    monkeypatch.setattr(qemu.shutil, "which", lambda name: None)
    monkeypatch.setattr(qemu.apt, "may_install", lambda: False)


def test_the_machines_own_is_taken(monkeypatch):
    monkeypatch.setattr(qemu.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(qemu, "works", lambda *command: True)

    assert qemu.environment() == {"QEMU": "/usr/bin/qemu-system-x86_64"}


def test_a_named_one_is_taken(nothing_here, monkeypatch):
    monkeypatch.setenv("QEMU", "/opt/qemu")

    assert qemu.find() == "/opt/qemu"


def test_without_one_it_is_named(nothing_here):
    with pytest.raises(Failure, match="apt-get install qemu-system-x86"):
        qemu.find()


def test_the_distributions_is_installed_where_we_may(nothing_here, monkeypatch):
    installed = []
    monkeypatch.setattr(qemu.apt, "may_install", lambda: True)
    monkeypatch.setattr(qemu.apt, "install", installed.append)
    monkeypatch.setattr(qemu, "works", lambda *command: True)
    monkeypatch.setattr(
        qemu.shutil, "which", lambda name: f"/usr/bin/{name}" if installed else None
    )

    assert qemu.find() == "/usr/bin/qemu-system-x86_64"
    assert installed == ["qemu-system-x86"]


def test_a_failed_installation_is_told(nothing_here, monkeypatch):
    def fail(name):
        raise CommandFailed("no route to its mirror")

    monkeypatch.setattr(qemu.apt, "may_install", lambda: True)
    monkeypatch.setattr(qemu.apt, "install", fail)

    with pytest.raises(Failure, match="no route to its mirror"):
        qemu.find()
