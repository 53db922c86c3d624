"""Know what was set up already, so that a second start does nothing twice."""

import hashlib
import json
from pathlib import Path


def fingerprint(*parts: str | Path) -> str:
    """One short text for all that a result depends on: files by their content, words as such."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class Stamp:
    """A small file that keeps a fingerprint for each thing that was done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, needed: dict[str, str]) -> bool:
        return needed.items() <= self._read().items()

    def get(self, name: str) -> str | None:
        return self._read().get(name)

    def add(self, done: dict[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._read() | done, indent=2) + "\n")

    def _read(self) -> dict[str, str]:
        try:
            stored = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}
