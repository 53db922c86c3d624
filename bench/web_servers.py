"""The web servers that can carry the panel: the same ASGI application, each as it is best started."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import requests

from bench.place import ROOT
from bench.processes import Cost, cost

APPLICATION = "panel.asgi:application"
HOST = "127.0.0.1"
SECONDS_TO_START = 60.0


def daphne(port: int, processes: int, application: str) -> list[str]:
    """It has one process; several share the socket that we listen on, as file descriptor 3 on."""
    return [
        "daphne", "--ping-interval=20", "--ping-timeout=30", "--websocket_connect_timeout=60", "--verbosity=0", "--no-server-name",
        f"--fd={processes}", application,
    ]  # fmt: skip


def uvicorn(port: int, processes: int, application: str) -> list[str]:
    # Channels refuses the lifespan, which uvicorn would ask for.
    return [
        "uvicorn", f"--host={HOST}", f"--port={port}", f"--workers={processes}", "--lifespan=off",
        "--loop=uvloop", "--http=httptools", "--ws-ping-interval=20", "--ws-ping-timeout=30",
        # The panel reads X-Forwarded-For itself, by TRUSTED_PROXIES.
        "--no-proxy-headers", "--log-level=error", "--no-access-log", "--no-server-header",
        application,
    ]  # fmt: skip


def hypercorn(port: int, processes: int, application: str) -> list[str]:
    return [
        "hypercorn", f"--bind={HOST}:{port}", f"--workers={processes}", "--worker-class=uvloop",
        "--websocket-ping-interval=20", "--log-level=CRITICAL", application,
    ]  # fmt: skip


def granian(port: int, processes: int, application: str) -> list[str]:
    # asginl is ASGI without the lifespan. An open socket counts as a request that is being served,
    # of which it takes 1,024 by itself.
    return [
        "granian", "--interface=asginl", f"--host={HOST}", f"--port={port}",
        f"--workers={processes}", "--backlog=4096", "--backpressure=20000", "--log-level=error",
        "--no-access-log", application,
    ]  # fmt: skip


KINDS: dict[str, Callable[[int, int, str], list[str]]] = {
    "daphne": daphne,
    "uvicorn": uvicorn,
    "hypercorn": hypercorn,
    "granian": granian,
}


class WebServer:
    """One of them, answering, on a port of its own, with so many processes."""

    def __init__(
        self, kind: str = "daphne", processes: int = 1, application: str = APPLICATION
    ) -> None:
        self.kind, self.count, self.application = kind, processes, application
        self.port = 0
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "WebServer":
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "ALLOWED_HOSTS": HOST,
            "API_RATE_LIMIT": "10000000",
        }
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, 0))
            self.port = listener.getsockname()[1]
            self.env["PANEL_URL"] = f"http://{HOST}:{self.port}"
            if self.kind == "daphne":
                self.start_sharing(listener)
        if self.kind != "daphne":
            self.start(KINDS[self.kind](self.port, self.count, self.application))
        self.wait()
        return self

    def start_sharing(self, listener: socket.socket) -> None:
        listener.listen(1024)
        number = listener.fileno()
        for _ in range(self.count):
            command = daphne(self.port, number, self.application)
            self.start(command, pass_fds=(number,))

    def start(self, command: list[str], pass_fds: tuple[int, ...] = ()) -> None:
        # Some tell each socket that is cut off when they end, in twenty lines.
        log = Path(os.environ["PANEL_VAR"]) / f"{self.kind}.log"
        with log.open("ab") as lines:
            self.running.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=ROOT,
                    env=self.env,
                    pass_fds=pass_fds,
                    stderr=lines,
                )
            )

    def wait(self) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while not self.answers():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.kind} did not start within {SECONDS_TO_START:g} s.")
            time.sleep(0.05)
        # Each process loads the application at its first request: all of them should have had one.
        for _ in range(20 * self.count):
            self.answers()

    def answers(self) -> bool:
        try:
            return requests.get(f"http://{HOST}:{self.port}/health/live", timeout=5).ok
        except requests.RequestException:
            return False

    def cost(self) -> Cost:
        return cost(*(process.pid for process in self.running))

    def stop(self) -> float:
        """Asks it to end, and kills it after a while; how long it took, seconds."""
        started = time.monotonic()
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.running = []
        return time.monotonic() - started

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
