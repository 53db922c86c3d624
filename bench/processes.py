"""What processes cost, from Linux's /proc, and talking to those that make load for us."""

import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.place import ROOT, cpu_seconds


@dataclass(frozen=True)
class Cost:
    """CPU in seconds so far; memory in bytes: `rss` counts what is shared in each, `pss` once."""

    cpu: float
    rss: int
    pss: int
    processes: int


def cost(*roots: int) -> Cost:
    """Of these processes and all below them."""
    family = [pid for root in roots for pid in (root, *below(root))]
    memory = [memory_of(pid) for pid in family]
    return Cost(
        cpu=sum(cpu_seconds(pid) for pid in family if Path(f"/proc/{pid}").exists()),
        rss=sum(rss for rss, _ in memory),
        pss=sum(pss for _, pss in memory),
        processes=len(family),
    )


def below(pid: int) -> list[int]:
    """Its children, their children, and so on."""
    found: list[int] = []
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *below(child)]
    return found


def memory_of(pid: int) -> tuple[int, int]:
    """RSS and PSS in bytes; nothing of a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    kilobytes = {name: int(rest.split()[0]) for name, rest in (each.split(":") for each in lines)}
    return kilobytes["Rss"] * 1024, kilobytes["Pss"] * 1024


def raise_file_limit() -> int:
    """As many open files as this machine allows, for us and what we start."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Helper:
    """A process of ours that takes a line of JSON and answers with one: it knows no Django."""

    def __init__(self, module: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> "Helper":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def say(self, **wish: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(wish).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended early.")
        return json.loads(line)

    def ask(self, **wish: Any) -> Any:
        self.say(**wish)
        return self.hear()
