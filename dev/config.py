"""What a person may choose about `make run`, read from the environment and from `.env`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import environ

from dev import ROOT
from dev.commands import Failure
from panel import embedded

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Config:
    panel_port: int
    simulator_port: int
    var: Path
    uses_own_database: bool
    uses_own_redis: bool
    names_cluster: bool
    is_empty: bool = False

    @property
    def uses_simulator(self) -> bool:
        """The simulated cluster is for the demo's own database, never registered in another."""
        return self.uses_own_database and not self.names_cluster

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.panel_port}"

    @property
    def simulator_address(self) -> str:
        return f"https://{HOST}:{self.simulator_port}"


def read() -> Config:
    """The environment goes before `.env`, as in the settings."""
    environ.Env.read_env(ROOT / ".env")
    return parse(os.environ)


def parse(env: Mapping[str, str]) -> Config:
    panel_port = _port(env, "PANEL_PORT", 8000)
    simulator_port = _port(env, "SIMULATOR_PORT", 18006)
    if panel_port == simulator_port:
        raise Failure(f"PANEL_PORT and SIMULATOR_PORT are both {panel_port}; they have to differ.")
    return Config(
        panel_port=panel_port,
        simulator_port=simulator_port,
        var=embedded.var_dir(),
        uses_own_database=not env.get("DATABASE_URL"),
        uses_own_redis=not env.get("REDIS_URL"),
        names_cluster=bool(env.get("PROXMOX_API_URL")),
        is_empty=env.get("DEMO", "").lower() in {"no", "off", "0", "false"},
    )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Failure(f"{name} is {text!r}; it has to be a number from 1 to 65535.")
    return int(text)
