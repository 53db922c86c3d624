"""Several simulated clusters at once, each a process of its own, and their registration here."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from accounts.audit import COMMAND
from bench.place import ROOT, Place, free_port
from bench.processes import Cost, cost
from servers import registration
from servers.models import Cluster
from servers.proxmox.privileges import Purpose
from servers.registration import Credentials


@dataclass(frozen=True)
class Token:
    id: str
    secret: str
    authority: Path


class Simulators:
    """`sizes`: the guests of each."""

    def __init__(self, place: Place, sizes: list[int]) -> None:
        self.folder = place.folder
        self.sizes = sizes
        self.ports: list[int] = []
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Simulators":
        for number, guests in enumerate(self.sizes):
            self.ports.append(free_port())
            self.running.append(
                subprocess.Popen(
                    [
                        sys.executable, "manage.py", "simulate_proxmox",
                        f"--port={self.ports[-1]}", f"--guests={guests}", f"--seed={number + 1}",
                        f"--nodes={max(3, guests // 250)}", f"--state-dir={self.state(number)}",
                    ],
                    cwd=ROOT,
                    stdout=subprocess.PIPE,
                )
            )  # fmt: skip
        for process in self.running:
            assert process.stdout is not None
            if b"https://" not in process.stdout.readline():
                raise RuntimeError("A simulator did not start.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(20)
            if process.stdout:
                process.stdout.close()

    def state(self, number: int) -> Path:
        return self.folder / f"simulator-{self.sizes[number]}-{number}"

    def token(self, number: int) -> Token:
        known = json.loads((self.state(number) / "token.json").read_text())
        return Token(known["token_id"], known["secret"], self.state(number) / "ca.pem")

    def cost(self) -> Cost:
        return cost(*(process.pid for process in self.running))

    def register(self, number: int) -> Cluster:
        token = self.token(number)
        ca_pem = token.authority.read_text()
        endpoints = (registration.parse_endpoint(f"https://127.0.0.1:{self.ports[number]}"),)
        tokens = {Purpose.READ: Credentials(token.id, token.secret)}
        cluster, _ = registration.register(
            name=f"bench-{number}",
            endpoints=endpoints,
            ca_pem=ca_pem,
            tokens=tokens,
            examination=registration.examine(endpoints, ca_pem, tokens),
            actor=COMMAND,
            now=datetime.now(UTC),
        )
        return cluster
