"""One panel for each data folder, also after its manager was killed."""

import signal
import subprocess
import sys
import time

import pytest

from dev import ROOT, holders
from dev.instance import Instance

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MANAGER = """
import pathlib, subprocess, sys, time
from dev.instance import Instance
instance = Instance(pathlib.Path(sys.argv[1]))
assert instance.claim(address="http://127.0.0.1:8000") is None
with instance, instance.inherit() as inherited:
    keep = [inherited.fileno()]
    subprocess.Popen(["sleep", "600"], pass_fds=keep, start_new_session=True)
    print("runs", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def instance(tmp_path):
    """What a second command in the same data folder sees."""
    with Instance(tmp_path) as made:
        yield made


@pytest.fixture
def manager(tmp_path, instance):
    """A process that runs a panel out of the folder: itself, and a child that outlives it."""
    process = subprocess.Popen(
        [sys.executable, "-c", MANAGER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"runs\n"
    yield process
    instance.end()
    process.wait()
    process.stdout.close()


def test_the_second_start_is_told_where_the_first_one_is(instance, manager):
    running = instance.claim(address="http://127.0.0.1:9000")

    assert running.pid == manager.pid
    assert running.address == "http://127.0.0.1:8000"


def test_two_data_folders_are_two_panels(tmp_path, manager):
    with Instance(tmp_path / "other") as other:
        assert other.claim(address="http://127.0.0.1:9000") is None


def test_a_start_after_kill_9_ends_what_was_left_behind(tmp_path, instance, manager):
    lock = tmp_path / "processes.lock"
    manager.kill()
    manager.wait()
    assert len(holders.of(lock)) == 1

    assert instance.claim(address="http://127.0.0.1:9000") is None
    instance.inherit().close()
    assert holders.of(lock) == []


def test_stop_ends_manager_and_children(tmp_path, instance, manager):
    running = instance.end()

    assert running.pid == manager.pid
    assert manager.wait(5) == -signal.SIGTERM
    assert holders.of(tmp_path / "processes.lock") == []


def test_stop_where_nothing_runs_does_nothing(instance):
    started = time.monotonic()

    assert instance.end() is None
    assert time.monotonic() - started < 5
