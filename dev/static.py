"""Whether `collectstatic` has work to do: it hashes and compresses, which takes seconds."""

from collections.abc import Iterator
from pathlib import Path

from dev import ROOT
from dev.stamp import Stamp, fingerprint

# Which storage hashes them, and the packages that bring files of their own.
DECISIVE = ("panel/settings.py", "panel/static.py", "requirements.txt")


def is_collected(var: Path) -> bool:
    return (var / "static").is_dir() and _stamp(var).holds(_needed())


def was_collected(var: Path) -> None:
    _stamp(var).add(_needed())


def _stamp(var: Path) -> Stamp:
    return Stamp(var / "set-up.json")


def _needed() -> dict[str, str]:
    files = list(_sources())
    return {"static": fingerprint(*files, *map(str, files))}


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in DECISIVE)
    apps = (path.parent for path in ROOT.glob("*/apps.py"))
    for folder in (ROOT, *sorted(apps)):
        yield from sorted(path for path in (folder / "static").rglob("*") if path.is_file())
