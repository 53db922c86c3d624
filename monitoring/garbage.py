"""Python's search for reference cycles, at rest while a cluster's cycle runs.

A cycle makes some hundred thousand small objects within a second and drops them again; looking
through them for what refers to itself finds nothing, and is a sixth of its CPU at 10,000 servers
(bench/README.md).
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Rest:
    """For the whole process, as the collector is: it works again when the last cycle has ended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.was_at_work = False

    def begin(self) -> None:
        with self.lock:
            if not self.running:
                self.was_at_work = gc.isenabled()
                gc.disable()
            self.running += 1

    def end(self) -> None:
        with self.lock:
            self.running -= 1
            if not self.running and self.was_at_work:
                gc.enable()


rest = Rest()


@contextmanager
def resting() -> Iterator[None]:
    rest.begin()
    try:
        yield
    finally:
        rest.end()
