"""Programs start in order, are heard, and stop together."""

import os
import subprocess
import sys
import time

import pytest

from dev import ROOT, holders
from dev.commands import Failure
from dev.supervisor import Died, Program, Supervisor

SLEEP = "import time; time.sleep(600)"

# Says something, lets that be known by a file, and writes its name down when it is told to end.
POLITE = """
import pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def end(*_):
    with (folder / "ended").open("a") as file:
        file.write(name + " ")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("here is " + name)
(folder / (name + ".up")).touch()
time.sleep(600)
"""

MANAGER = """
import os, sys, time
from dev.supervisor import Program, Supervisor
with open(sys.argv[1], "a+") as inherited:
    supervisor = Supervisor(env=dict(os.environ), inherited=inherited)
    supervisor.start(Program("web", ("sleep", "600")))
    print("runs", flush=True)
    supervisor.watch()
"""


def python(name, code, *arguments, **options):
    return Program(name, (sys.executable, "-u", "-c", code, *map(str, arguments)), **options)


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "processes.lock"


@pytest.fixture
def supervisor(lock):
    with lock.open("a+") as inherited:
        made = Supervisor(env=dict(os.environ), inherited=inherited)
        yield made
        made.hurry()
        made.stop()


@pytest.fixture
def start_polite(supervisor, tmp_path):
    def start(name, **options):
        supervisor.start(python(name, POLITE, name, tmp_path, **options))
        supervisor.wait_until((tmp_path / f"{name}.up").exists, name=name, seconds=20)

    return start


def eventually(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def test_a_death_is_told_with_name_status_and_last_lines(supervisor):
    supervisor.start(python("web", SLEEP))
    supervisor.start(python("worker", "import sys; print('out of luck'); sys.exit(7)"))

    with pytest.raises(Died) as died:
        supervisor.watch()

    assert "worker ended with status 7" in str(died.value)
    assert "    out of luck" in str(died.value)


def test_a_death_by_signal_is_told_by_its_name(supervisor):
    supervisor.start(python("web", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))

    with pytest.raises(Died, match="web was ended by SIGKILL"):
        supervisor.watch()


def test_waiting_for_a_program_that_dies_does_not_wait(supervisor):
    supervisor.start(python("web", "print('no port')"))

    with pytest.raises(Died, match="no port"):
        supervisor.wait_until(lambda: False, name="web", seconds=60)


def test_a_program_that_never_answers_is_named_with_what_it_said(supervisor, start_polite):
    start_polite("web")

    with pytest.raises(Failure, match=r"web does not answer after 1 s.*\n    here is web"):
        supervisor.wait_until(lambda: False, name="web", seconds=1)


def test_what_others_lean_on_is_stopped_last(supervisor, start_polite, tmp_path, lock):
    start_polite("redis", stops_last=True)
    start_polite("web")

    supervisor.stop()

    assert (tmp_path / "ended").read_text() == "web redis "
    assert holders.of(lock) == []


def test_output_is_shown_with_its_program_once_everything_is_up(supervisor, start_polite, capfd):
    start_polite("web")
    start_polite("redis", is_quiet=True)
    assert capfd.readouterr().out == ""

    supervisor.show_output()

    shown = []
    assert eventually(lambda: shown.append(capfd.readouterr().out) or any(shown))
    assert "web       | here is web\n" in "".join(shown)
    assert "redis" not in "".join(shown)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_programs_end_when_their_manager_is_killed(lock):
    manager = subprocess.Popen(
        [sys.executable, "-c", MANAGER, str(lock)], cwd=ROOT, stdout=subprocess.PIPE
    )
    with manager.stdout:
        assert manager.stdout.readline() == b"runs\n"
    assert len(holders.of(lock)) == 2

    manager.kill()
    manager.wait()

    assert eventually(lambda: holders.of(lock) == [])
