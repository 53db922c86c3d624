"""An end to a talk with somebody who never stops answering.

A timeout of a socket begins anew with each byte, so a byte now and then holds a worker for hours.
"""

import socket
import threading
from types import TracebackType
from typing import Self

from alerts import failings


class Deadline:
    """Cuts the connections that it watches when time is up, wherever they are by then."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.has_passed = False
        self.lock = threading.Lock()
        self.handles: list[socket.socket] = []
        self.timer = threading.Timer(seconds, self.cut)
        self.timer.daemon = True

    def watch(self, connection: socket.socket) -> None:
        """TLS takes the socket over and closes it: a second handle stays good all the same."""
        with self.lock:
            self.handles.append(connection.dup())
        if self.has_passed:
            self.cut()

    def cut(self) -> None:
        self.has_passed = True
        with self.lock:
            for handle in self.handles:
                try:
                    handle.shutdown(socket.SHUT_RDWR)
                except OSError:  # it is closed already
                    pass

    def __enter__(self) -> Self:
        self.timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.timer.cancel()
        with self.lock:
            for handle in self.handles:
                handle.close()
            self.handles.clear()
        if self.has_passed and isinstance(error, Exception):
            text = failings.NOT_IN_TIME % {"seconds": f"{self.seconds:g}"}
            raise TimeoutError(text) from error
