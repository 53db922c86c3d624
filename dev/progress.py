"""Numbered lines that say what is being done, and how long it took."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def say(text: str) -> None:
    """Print at once, and go on when nobody listens any more: a closed terminal is no error."""
    with suppress(OSError):
        print(text, flush=True)


class Steps:
    """`2/8 Python packages … done in 3 s`, counted on across programs that start each other."""

    def __init__(self, *, total: int, done: int = 0) -> None:
        self._total = total
        self._done = done

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Announce a step, show on a terminal that it goes on, and close the line.

        Yields a list of remarks, printed below the line.
        """
        self._done += 1
        line = f"{self._done}/{self._total} {what} …"
        remarks: list[str] = []
        started = time.monotonic()
        finished = threading.Event()
        print(line, end="", flush=True)
        clock = threading.Thread(target=_tick, args=(line, started, finished), daemon=True)
        clock.start()
        ending = " failed"
        try:
            yield remarks
            seconds = time.monotonic() - started
            ending = f" done in {seconds:.0f} s" if seconds >= 1 else " done"
        except KeyboardInterrupt:
            ending = " stopped"
            raise
        finally:
            finished.set()
            clock.join()
            print(f"\r\033[K{line}{ending}" if sys.stdout.isatty() else ending, flush=True)
        for remark in remarks:
            print(f"    {remark}", flush=True)


def _tick(line: str, started: float, finished: threading.Event) -> None:
    """Count the seconds where a person looks on."""
    while sys.stdout.isatty() and not finished.wait(1):
        print(f"\r{line} {time.monotonic() - started:.0f} s", end="", flush=True)
