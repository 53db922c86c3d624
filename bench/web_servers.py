"""The web servers that can carry the panel: the same ASGI application, each as it is best started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import requests

from bench.place import ROOT, free_port
from bench.processes import Cost, cost

APPLICATION = "panel.asgi:application"
HOST = "127.0.0.1"
SECONDS_TO_START = 60.0


def daphne(port: int, application: str) -> list[str]:
    return [
        "daphne", f"--bind={HOST}", f"--port={port}", "--ping-interval=20", "--ping-timeout=30",
        "--websocket_connect_timeout=60", "--verbosity=0", "--no-server-name", application,
    ]  # fmt: skip


def uvicorn(port: int, application: str) -> list[str]:
    # Channels refuses the lifespan, which uvicorn would ask for.
    return [
        "uvicorn", f"--host={HOST}", f"--port={port}", "--lifespan=off",
        "--loop=uvloop", "--http=httptools", "--ws-ping-interval=20", "--ws-ping-timeout=30",
        # The panel reads X-Forwarded-For itself, by TRUSTED_PROXIES.
        "--no-proxy-headers", "--log-level=error", "--no-access-log", "--no-server-header",
        application,
    ]  # fmt: skip


def hypercorn(port: int, application: str) -> list[str]:
    return [
        "hypercorn", f"--bind={HOST}:{port}", "--worker-class=uvloop",
        "--websocket-ping-interval=20", "--log-level=CRITICAL", application,
    ]  # fmt: skip


def granian(port: int, application: str) -> list[str]:
    # asginl is ASGI without the lifespan. An open socket counts as a request that is being served,
    # of which it takes 1,024 by itself.
    return [
        "granian", "--interface=asginl", f"--host={HOST}", f"--port={port}",
        "--backlog=4096", "--backpressure=20000", "--log-level=error",
        "--no-access-log", application,
    ]  # fmt: skip


KINDS: dict[str, Callable[[int, str], list[str]]] = {
    "daphne": daphne,
    "uvicorn": uvicorn,
    "hypercorn": hypercorn,
    "granian": granian,
}


class WebServer:
    """So many processes of one kind, answering, each on a port of its own, as behind a proxy."""

    def __init__(
        self, kind: str = "daphne", processes: int = 1, application: str = APPLICATION
    ) -> None:
        self.kind, self.application = kind, application
        self.ports = [free_port() for _ in range(processes)]
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "WebServer":
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "ALLOWED_HOSTS": HOST,
            "API_RATE_LIMIT": "10000000",
            "PANEL_URL": f"http://{HOST}:{self.ports[0]}",
        }
        for port in self.ports:
            self.start(KINDS[self.kind](port, self.application))
        self.wait()
        return self

    def start(self, command: list[str]) -> None:
        # Some tell each socket that is cut off when they end, in twenty lines.
        log = Path(os.environ["PANEL_VAR"]) / f"{self.kind}.log"
        with log.open("ab") as lines:
            self.running.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    cwd=ROOT,
                    env=self.env,
                    stderr=lines,
                )
            )

    def wait(self) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while not all(self.answers(port) for port in self.ports):
            if time.monotonic() > until:
                raise TimeoutError(f"{self.kind} did not start within {SECONDS_TO_START:g} s.")
            time.sleep(0.05)

    def answers(self, port: int) -> bool:
        try:
            return requests.get(f"http://{HOST}:{port}/health/live", timeout=5).ok
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
