"""One panel for each data folder, also after its manager was killed.

Two locks: the manager's, which says whether a panel runs, and one that every process it starts
inherits. The second is still held when the manager is gone and what it started lives on; a new
Redis would then steal the old one's socket.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

from dev import holders
from dev.commands import Failure

SECONDS_TO_END = 10


@dataclass(frozen=True)
class Running:
    """The panel that has a data folder; empty while it has not yet written who it is."""

    pid: int = 0
    address: str = ""


class Instance:
    """The right to run a panel out of a data folder, held while the context lasts."""

    def __init__(self, var: Path) -> None:
        self._inherited = var / "processes.lock"
        try:
            var.mkdir(parents=True, exist_ok=True)
            self._manager = (var / "run.lock").open("a+")
        except PermissionError as error:
            raise Failure(
                f"{error.filename} belongs to another user, who started a panel here before."
                "\nStart as that user, or name another data folder:  PANEL_VAR=/path make run"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    def claim(self, *, address: str) -> Running | None:
        """None when the data folder is ours now, else who has it."""
        if not _lock(self._manager):
            return self._read()
        self._manager.truncate(0)
        self._manager.write(json.dumps(asdict(Running(os.getpid(), address))))
        self._manager.flush()
        self._end_leftovers()
        return None

    def inherit(self) -> IO[str]:
        """The file that every process we start has to keep open. Only after `claim`."""
        file = self._inherited.open("a+")
        if not _lock(file):
            raise Failure(
                "Processes of an earlier start are still there and cannot be ended:"
                f" {holders.of(self._inherited)}. End them, and start again."
            )
        return file

    def end(self) -> Running | None:
        """End whatever runs here: the manager politely, then what it left. Who that was."""
        running = None
        if not _lock(self._manager):
            running = self._read()
            if running.pid:
                os.kill(running.pid, signal.SIGTERM)
            if not _wait_until(lambda: _lock(self._manager), seconds=2 * SECONDS_TO_END):
                raise Failure(f"Process {running.pid} does not end. Try:  kill -9 {running.pid}")
        self._end_leftovers()
        return running

    def _end_leftovers(self) -> None:
        """After `kill -9` of the manager nobody else ends them, but on Linux; see dev.leash.

        Whoever has the manager's lock alone may do this: then every holder is a leftover.
        """
        for signum in (signal.SIGTERM, signal.SIGKILL):
            left = holders.of(self._inherited)
            for pid in left:
                _signal_group(pid, signum)
            if not left or _wait_until(self._is_alone, seconds=SECONDS_TO_END):
                return

    def _is_alone(self) -> bool:
        return not holders.of(self._inherited)

    def _read(self) -> Running:
        self._manager.seek(0)
        try:
            return Running(**json.loads(self._manager.read()))
        except (ValueError, TypeError):
            return Running()


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_group(pid: int, signum: int) -> None:
    try:
        # What we started leads a group of its own; what that started may hold the file too.
        if os.getpgid(pid) == pid:
            os.killpg(pid, signum)
        else:
            os.kill(pid, signum)
    except ProcessLookupError:
        return


def _wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
