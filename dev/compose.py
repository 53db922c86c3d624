"""What docker-compose.yml starts, to be started by hand where there is no Docker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev import ROOT

FILE = ROOT / "docker-compose.yml"
IMAGE = "panel"

# What is the container's own, as the commands name it.
ADDRESS = "0.0.0.0"  # noqa: S104 - only the web server's port is published, and on loopback
PORT = "8000"
DATA = "/var/lib/panel"


@dataclass(frozen=True)
class Service:
    """A container with the panel's image; commands as lists, `$$` unescaped."""

    name: str
    command: tuple[str, ...]
    healthcheck: tuple[str, ...]


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def services() -> list[Service]:
    return [
        Service(name, _words(service["command"]), _test(service))
        for name, service in document()["services"].items()
        if service["image"] == IMAGE
    ]


def on_this_machine(words: tuple[str, ...], *, port: int, var: Path) -> tuple[str, ...]:
    """The same command with loopback, a free port and a folder of ours for the container's."""
    replaced = {ADDRESS: "127.0.0.1", PORT: str(port), DATA: str(var)}
    for old, new in replaced.items():
        words = tuple(word.replace(old, new) for word in words)
    return words


def _test(service: dict[str, Any]) -> tuple[str, ...]:
    match service.get("healthcheck", {}).get("test", []):
        case ["CMD", *words]:
            return _words(words)
        case ["CMD-SHELL", script]:
            return _words(["sh", "-c", script])
    return ()


def _words(words: list[str]) -> tuple[str, ...]:
    return tuple(str(word).replace("$$", "$") for word in words)
