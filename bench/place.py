"""Where it is measured: a database, a Redis and a data folder of the bench's own."""

import base64
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATABASE = "mysql://root@127.0.0.1:3306/panel_bench"
DEFAULT_REDIS = "redis://127.0.0.1:6379/6"


class Place:
    """Sets the environment before Django reads it, and clears everything away at the end.

    BENCH_DATABASE_URL and BENCH_REDIS_URL name other servers than those of this machine. The
    database is dropped and made anew: never point it at one that matters.
    """

    def __init__(self) -> None:
        self.database = os.environ.get("BENCH_DATABASE_URL", DEFAULT_DATABASE)
        self.redis = os.environ.get("BENCH_REDIS_URL", DEFAULT_REDIS)
        self.folder = Path(tempfile.mkdtemp(prefix="panel-bench-"))
        self.simulator: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> "Place":
        os.environ.update(
            PANEL_VAR=str(self.folder),
            DATABASE_URL=self.database,
            REDIS_URL=self.redis,
            SECRET_KEY=secrets.token_urlsafe(48),
            ENCRYPTION_KEYS=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            DJANGO_SETTINGS_MODULE="panel.settings",
            LOG_LEVEL="ERROR",
        )
        self.make_database()
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end_simulator()
        self.sql(f"DROP DATABASE IF EXISTS `{self.name}`")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def name(self) -> str:
        return urlsplit(self.database).path.strip("/")

    def sql(self, statement: str) -> None:
        import MySQLdb

        address = urlsplit(self.database)
        connection = MySQLdb.connect(
            host=address.hostname or "127.0.0.1",
            port=address.port or 3306,
            user=address.username or "root",
            password=address.password or "",
        )
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def make_database(self) -> None:
        if not self.name.endswith("_bench"):
            sys.exit(f"The bench drops its database; {self.name!r} does not end with _bench.")
        self.sql(f"DROP DATABASE IF EXISTS `{self.name}`")
        self.sql(f"CREATE DATABASE `{self.name}` CHARACTER SET utf8mb4")

    def start_simulator(self, guests: int) -> Path:
        """A simulated cluster of so many guests, in a process of its own; its state folder."""
        self.end_simulator()
        state = self.folder / f"simulator-{guests}"
        self.simulator = subprocess.Popen(
            [
                sys.executable, "manage.py", "simulate_proxmox", f"--port={self.port}",
                f"--guests={guests}", f"--nodes={max(3, guests // 250)}", f"--state-dir={state}",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.simulator.stdout is not None
        if b"https://" not in self.simulator.stdout.readline():
            sys.exit(f"The simulator did not start on port {self.port}.")
        return state

    def end_simulator(self) -> None:
        if self.simulator is not None:
            self.simulator.terminate()
            self.simulator.wait(10)
            if self.simulator.stdout:
                self.simulator.stdout.close()
            self.simulator = None

    def simulator_seconds(self) -> float:
        """CPU seconds that the simulator took so far: not ours, and told apart."""
        return 0.0 if self.simulator is None else cpu_seconds(self.simulator.pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, from Linux's /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
