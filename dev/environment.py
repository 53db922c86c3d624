"""The virtual environment and the packages in it."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from dev import PYTHON, ROOT, VENV, apt, mysql
from dev.commands import CommandFailed, Failure, run, works
from dev.stamp import Stamp, fingerprint

STAMP = Stamp(VENV / "set-up.json")
RUNTIME = "requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
PLACE = "place"

# What installs the rest. pip does too, in ten times the time.
UV = "uv==0.13.8"

IS_NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"


def is_ready(*, dev: bool) -> bool:
    return _is_usable() and STAMP.holds(_needed(dev=dev))


def create() -> list[str]:
    """Make the virtual environment unless a usable one is there; remarks on what it took."""
    if _is_usable():
        return []
    if VENV.exists():
        shutil.rmtree(VENV)
    said = "It comes without ensurepip, and there is neither uv nor pip nor virtualenv."
    for way in _ways():
        try:
            run(way)
        except CommandFailed as error:
            said = str(error)
        else:
            return []
    package = f"python3.{sys.version_info.minor}-venv"
    if not apt.may_install():
        raise Failure(
            f"This Python cannot make a virtual environment. {said}"
            f"\nInstall what it lacks, as root, and start again:  apt-get install {package}"
        )
    apt.install(package)
    # A new process, as this one has looked for ensurepip already.
    run([sys.executable, "-m", "venv", VENV])
    return [f"{package} was installed for it"]


def install(*, dev: bool) -> list[str]:
    """Install the pinned packages; remarks on what was left out."""
    needed = _needed(dev=dev)
    without_driver = VENV / RUNTIME
    without_driver.write_text(mysql.without_driver((ROOT / RUNTIME).read_text()))
    tool = _install(uv(), "-r", without_driver)
    if dev:
        _install(tool, "-r", ROOT / DEVELOPMENT)
    remarks = [] if tool else ["uv was not to be had or got nowhere, pip did it"]
    remarks += _install_driver(tool)
    STAMP.add(needed)
    return remarks


def install_into(folder: Path, what: str) -> None:
    """Unpack a package into a folder of its own, outside the virtual environment."""
    _install(uv(), "--target", folder, what)


def _needed(*, dev: bool) -> dict[str, str]:
    python = VENV.joinpath("pyvenv.cfg").read_text()
    needed = {PLACE: str(VENV), RUNTIME: fingerprint(ROOT / RUNTIME, mysql.standing(), python)}
    if dev:
        needed[DEVELOPMENT] = fingerprint(ROOT / DEVELOPMENT, python)
    return needed


def _is_usable() -> bool:
    # Programs in a virtual environment that was moved point to where it was.
    is_in_place = STAMP.get(PLACE) in (None, str(VENV))
    is_whole = VENV.joinpath("pyvenv.cfg").exists() and works(PYTHON, "-c", IS_NEW_ENOUGH)
    return is_in_place and is_whole


def _ways() -> Iterator[list[str | Path]]:
    """What this machine has to make one with, the fastest first. A fresh Debian has none."""
    if works("uv", "--version"):
        yield ["uv", "venv", "--python", sys.executable, VENV]
    if importlib.util.find_spec("ensurepip"):
        yield [sys.executable, "-m", "venv", VENV]
    if importlib.util.find_spec("pip"):
        yield [sys.executable, "-m", "venv", "--without-pip", VENV]
    if works("virtualenv", "--version"):
        yield ["virtualenv", "--python", sys.executable, VENV]


def uv() -> list[str | Path]:
    """uv from the machine, else into the virtual environment; empty when it is not to be had."""
    if works("uv", "--version"):
        return ["uv"]
    own = VENV / "bin" / "uv"
    if not own.exists() and not works(*_pip(), "install", "--quiet", UV):
        return []
    return [own]


def _pip() -> list[str | Path]:
    if works(PYTHON, "-m", "pip", "--version"):
        return [PYTHON, "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", PYTHON]


def _install(tool: list[str | Path], *what: str | Path) -> list[str | Path]:
    """The tool that did it: pip knows ways to an index, from its settings, that uv does not."""
    try:
        run(_command(tool, *what))
    except CommandFailed:
        if not tool or not works(*_pip(), "--version"):
            raise
        run(_command([], *what))
        return []
    return tool


def _command(tool: list[str | Path], *what: str | Path) -> list[str | Path]:
    if tool:
        return [*tool, "pip", "install", "--quiet", "--python", PYTHON, *what]
    return [*_pip(), "install", "--quiet", *what]


def _install_driver(tool: list[str | Path]) -> list[str]:
    standing = mysql.standing()
    if standing == mysql.NOT_BUILDABLE:
        return [mysql.LEFT_OUT]
    pin = mysql.pin((ROOT / RUNTIME).read_text())
    try:
        run(_command(tool, pin))
    except CommandFailed as error:
        if standing == mysql.REQUIRED:
            raise Failure(f"{error}\n\n{mysql.MISSING}") from error
        return [mysql.LEFT_OUT]
    return []
