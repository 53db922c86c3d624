"""Third-party code for browsers: fetched by the lock file, copied to static/vendor/."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev import ROOT, node
from dev.commands import CommandFailed, Failure, run
from dev.stamp import Stamp, fingerprint

MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
STAMP = Stamp(VENDOR / ".set-up.json")

# The first npm that reads this lock file's version.
OLDEST_NPM = 7
# No package of ours has to run a program to be installed, so none may.
QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund")


@dataclass(frozen=True)
class Package:
    """What the pages load of a package: `files`, patterns below `folder`."""

    name: str
    folder: str
    files: tuple[str, ...]


PACKAGES = (
    Package("uplot", "dist", ("uPlot.iife.min.js", "uPlot.min.css")),
    # A tree of modules that import each other by relative paths.
    Package("@novnc/novnc", ".", ("core/**/*.js", "vendor/pako/**/*.js", "docs/LICENSE*")),
    Package("@xterm/xterm", ".", ("lib/xterm.mjs", "css/xterm.css")),
    Package("@xterm/addon-fit", "lib", ("addon-fit.mjs",)),
)


def are_ready() -> bool:
    return MODULES.is_dir() and STAMP.holds(_needed())


def install() -> list[str]:
    """Fetch and copy; remarks on what it took."""
    remarks = _npm("ci")
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package in PACKAGES:
        _copy(package)
    STAMP.add(_needed())
    return remarks


def lock() -> None:
    """Pin anew what package.json asks for."""
    _npm("install", "--package-lock-only")


def _needed() -> dict[str, str]:
    return {"assets": fingerprint(ROOT / "package-lock.json", repr(PACKAGES))}


def _copy(package: Package) -> None:
    source = MODULES / package.name
    target = VENDOR / package.name
    found = [path for pattern in package.files for path in (source / package.folder).glob(pattern)]
    if len(found) < len(package.files):
        raise Failure(f"{package.name} no longer holds all of {', '.join(package.files)}.")
    for path in found:
        copy = target / path.relative_to(source / package.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    # Their licences ask that the text goes with every copy.
    for licence in source.glob("LICEN[CS]E*"):
        shutil.copyfile(licence, target / licence.name)


def _npm(*arguments: str) -> list[str]:
    """Run the machine's npm, else one from a wheel that is thrown away afterwards."""
    if _has_npm():
        run(["npm", *arguments, *QUIETLY])
        return []
    with tempfile.TemporaryDirectory(prefix="panel-node-") as name:
        folder = Path(name)
        node.unpack(folder)
        run([node.program(folder), node.npm(folder), *arguments, *QUIETLY])
    return ["Node came from a wheel, for this step alone"]


def _has_npm() -> bool:
    try:
        version = run(["npm", "--version"])
    except CommandFailed:
        return False
    major = version.strip().splitlines()[-1].partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NPM
