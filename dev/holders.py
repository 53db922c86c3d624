"""Which processes hold a file open, as far as this user may see."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dev.commands import CommandFailed, run

PROCESSES = Path("/proc")


def of(path: Path) -> list[int]:
    """The processes that hold the file open, without this one."""
    if PROCESSES.joinpath("self", "fd").is_dir():
        wanted = str(path.resolve())
        found = {pid for pid, target in open_files() if target == wanted}
    else:
        found = _by_lsof(path)
    return sorted(found - {os.getpid()})


def open_files() -> Iterator[tuple[int, str]]:
    """Process and target of every open file that Linux shows us."""
    for process in PROCESSES.glob("[0-9]*"):
        # Others' processes are closed to us, and some end while we look.
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    yield int(process.name), str(descriptor.readlink())


def name_of(pid: int) -> str:
    """The program's name as a person would call it."""
    try:
        return (PROCESSES / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a program"


def _by_lsof(path: Path) -> set[int]:
    if not shutil.which("lsof"):
        return set()
    try:
        return {int(word) for word in run(["lsof", "-t", "--", path]).split()}
    except CommandFailed:
        # lsof fails when nobody holds the file.
        return set()
