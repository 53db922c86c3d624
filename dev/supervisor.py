"""Start programs in order, show what they say, and stop all of them together.

Not honcho, which does most of this: it starts everything at once, where the demo data need the
simulator and the workers need Redis; and killed, it leaves its children behind.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from dev import ROOT
from dev.commands import Failure
from dev.progress import say

SECONDS_TO_END = 10
LINES_KEPT = 30
COLOURS = (36, 33, 32, 35, 34)
POLL_SECONDS = 0.1


class Died(Failure):
    """A program ended that was to go on."""


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    # A program the others lean on is stopped after them.
    stops_last: bool = False
    # What it says is shown only when it dies.
    is_quiet: bool = False


@dataclass(frozen=True)
class Started:
    program: Program
    process: subprocess.Popen[str]
    last_lines: deque[str]
    reader: threading.Thread


class Supervisor:
    def __init__(self, *, env: dict[str, str], inherited: IO[str]) -> None:
        self._env = env
        self._inherited = inherited
        self._running: list[Started] = []
        self._held: list[str] = []
        self._printing = threading.Lock()
        self._shows_output = False
        self._is_hurried = False

    def start(self, program: Program) -> None:
        leash = (sys.executable, "-m", "dev.leash", str(os.getpid()))
        process = subprocess.Popen(
            [*leash, *program.command],
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[self._inherited.fileno()],
            # Ctrl-C in the terminal is for us; the programs are told in their order.
            start_new_session=True,
        )
        lines: deque[str] = deque(maxlen=LINES_KEPT)
        colour = COLOURS[len(self._running) % len(COLOURS)]
        reader = threading.Thread(
            target=self._read, args=(program, process.stdout, lines, colour), daemon=True
        )
        reader.start()
        self._running.append(Started(program, process, lines, reader))

    def wait_until(self, is_ready: Callable[[], bool], *, name: str, seconds: float) -> None:
        """Raises Died when any program ends meanwhile, Failure when it takes too long."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                lines = next(r.last_lines for r in self._running if r.program.name == name)
                raise Failure(f"{name} does not answer after {seconds:.0f} s.{_quote(lines)}")
            time.sleep(POLL_SECONDS)

    def show_output(self) -> None:
        """Print what the programs say from now on, and what they said while they started."""
        with self._printing:
            self._shows_output = True
            for line in self._held:
                say(line)

    def watch(self) -> None:
        """Until the terminal is closed. Raises Died when a program ends.

        A hang-up is told to the terminal's first process alone; `ssh -t host make run` makes that
        one make, which does not pass it on.
        """
        had_terminal = sys.stdout.isatty()
        while sys.stdout.isatty() == had_terminal:
            self.check()
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        for running in self._running:
            status = running.process.poll()
            if status is not None:
                # What it said last may still be in the pipe.
                running.reader.join(timeout=1)
                raise Died(
                    f"{running.program.name} {_ending(status)}, so everything was stopped."
                    f"{_quote(running.last_lines)}"
                )

    def stop(self) -> None:
        """Ask all programs to end, the ones that others lean on last; then insist."""
        with self._printing:
            self._shows_output = False
        for stops_last in (False, True):
            group = [r.process for r in self._running if r.program.stops_last == stops_last]
            _signal(group, signal.SIGTERM)
            deadline = time.monotonic() + SECONDS_TO_END
            while any(p.poll() is None for p in group) and time.monotonic() < deadline:
                if self._is_hurried:
                    break
                time.sleep(POLL_SECONDS)
            _signal(group, signal.SIGKILL)
        for running in self._running:
            running.process.wait()
            running.reader.join(timeout=1)
        self._running.clear()

    def hurry(self) -> None:
        """Do not wait for programs that take their time to end."""
        self._is_hurried = True

    def _read(self, program: Program, output: IO[str], lines: deque[str], colour: int) -> None:
        with output:
            for text in output:
                line = text.rstrip()
                lines.append(line)
                if line and not program.is_quiet:
                    self._show(_prefixed(program.name, line, colour))

    def _show(self, line: str) -> None:
        with self._printing:
            if self._shows_output:
                say(line)
            else:
                self._held.append(line)


def _signal(group: list[subprocess.Popen[str]], signum: int) -> None:
    for process in group:
        if process.poll() is None:
            os.killpg(process.pid, signum)


def _prefixed(name: str, line: str, colour: int) -> str:
    prefix = f"{time.strftime('%H:%M:%S')} {name:<9} |"
    return f"\033[{colour}m{prefix}\033[0m {line}" if sys.stdout.isatty() else f"{prefix} {line}"


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _quote(lines: deque[str]) -> str:
    if not lines:
        return " It said nothing."
    return " Its last lines:\n" + "\n".join(f"    {line}" for line in lines)
