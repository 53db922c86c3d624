"""All that docker-compose.yml runs of the panel, as processes of this machine."""

import os
import signal
import subprocess
import sys
from collections.abc import Container

from bench.actions import answers, wait_for
from bench.place import ROOT, free_port
from bench.processes import Cost, cost

INTERVAL = 30
WORKERS = (
    ("poll", "--pool=threads", "--concurrency=16"),
    ("guests", "--pool=threads", "--concurrency=4"),
    ("actions", "--pool=threads", "--concurrency=8"),
    ("deliver", "--pool=threads", "--concurrency=8"),
    ("default", "--pool=threads", "--concurrency=4"),
)


class Stack:
    """`database` is where this one reaches the database; `without` names workers that are left out."""

    def __init__(self, name: str, database: str, without: Container[str] = ()) -> None:
        self.name = name
        self.without = without
        self.port = free_port()
        self.env = {
            **os.environ,
            "DATABASE_URL": database,
            "ALLOWED_HOSTS": "127.0.0.1",
            "API_RATE_LIMIT": "10000000",
            "PANEL_URL": f"http://127.0.0.1:{self.port}",
            "POLL_INTERVAL": str(INTERVAL),
            "PYTHONWARNINGS": "ignore",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Stack":
        self.start("web", "daphne", "--bind=127.0.0.1", f"--port={self.port}", "--ping-interval=20",
                   "--ping-timeout=30", "--websocket_connect_timeout=60", "--verbosity=0",
                   "--no-server-name", "panel.asgi:application")  # fmt: skip
        for queue, *options in WORKERS:
            if queue in self.without:
                continue
            self.celery(queue, "worker", f"--hostname={queue}@{self.name}", f"--queues={queue}",
                        *options, "--without-gossip", "--without-mingle")  # fmt: skip
        self.celery("beat", "beat", f"--schedule={os.environ['PANEL_VAR']}/beat-{self.name}")
        wait_for(lambda: answers(f"http://127.0.0.1:{self.port}/health/live"), "the web server")
        return self

    def celery(self, name: str, *words: str) -> None:
        self.start(name, "celery", "--quiet", "--app=panel", *words, "--loglevel=CRITICAL")

    def start(self, name: str, module: str, *words: str) -> None:
        command = [sys.executable, "-m", module, *words]
        # A session of its own: what it forks is killed with it.
        self.running[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.env, start_new_session=True
        )

    def cost(self) -> dict[str, Cost]:
        """Of each, with what it forked."""
        return {name: cost(process.pid) for name, process in self.running.items()}

    def kill(self) -> None:
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGKILL)
        for process in self.running.values():
            process.wait()
        self.running = {}

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(90)
