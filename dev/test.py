"""`make test`: every check in its order, with what each took.

Stops at the first that fails; `--keep-going` runs the others too.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from dev import PYTHON, ROOT, VENV, browser, qemu
from dev.commands import Failure
from dev.progress import say

# Apart from a demo that may be running out of var/.
VAR = ROOT / "var" / "test"

# Each process has a database of its own, or for the browser a whole panel; more of them than
# these only wait for each other.
PARALLEL = ("--numprocesses", "auto", "--maxprocesses")

# A test that hangs is named, with where each thread stands, instead of holding up everything.
HANGING = ("-o", "faulthandler_timeout=300", "-o", "faulthandler_exit_on_timeout=true")

# Ten processes and a browser on two busy cores may keep one click waiting for longer than a test does.
# What fails is tried once again, and named either way: what is named often is to be mended.
ONCE_MORE = ("--reruns", "1", "-raR")


@dataclass(frozen=True)
class Stage:
    group: str
    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    stage: Stage
    seconds: float
    passed: bool


def stages(selected: tuple[str, ...] = ()) -> tuple[Stage, ...]:
    """`selected`: what tells pytest which of the tests without a browser are run."""
    python = (str(PYTHON), "-m")
    manage = (str(PYTHON), "manage.py")
    pytest = (*python, "pytest", "-q", *HANGING, *PARALLEL)
    return (
        Stage("lint", "Lint", (*python, "ruff", "check", ".")),
        Stage("lint", "Format", (*python, "ruff", "format", "--check", ".")),
        Stage(
            "lint",
            "Import ladder",
            (str(VENV / "bin" / "lint-imports"), "--no-cache", "--no-logo"),
        ),
        Stage("lint", "Types", (*python, "mypy", ".")),
        Stage("migrations", "Migrations", (*manage, "makemigrations", "--check", "--dry-run")),
        Stage("tests", "Tests", (*pytest, "4", "-m", "not browser", *selected)),
        Stage("browser", "Browser", (*pytest, "2", "-m", "browser", *ONCE_MORE)),
    )


def main() -> int:
    options = _options()
    os.chdir(ROOT)
    chosen = [
        stage
        for stage in stages(("--outside",) if options.outside else ())
        if stage.group not in options.without and options.only in (None, stage.group)
    ]
    try:
        outcomes = _run_all(chosen, keep_going=options.keep_going)
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    say(_summary(chosen, outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _options() -> argparse.Namespace:
    groups = sorted({stage.group for stage in stages()})
    parser = argparse.ArgumentParser(prog="dev.test", description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=groups)
    parser.add_argument("--only", choices=groups)
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument(
        "--outside",
        action="store_true",
        help="only tests that ask the database or Redis something",
    )
    return parser.parse_args()


def _run_all(chosen: list[Stage], *, keep_going: bool) -> list[Outcome]:
    env = {**os.environ, "PANEL_VAR": str(VAR)}
    if any(stage.group == "browser" for stage in chosen):
        # Looked for first: better no browser now than after all the other tests.
        env |= browser.environment() | qemu.environment()
        say(f"Browser: {env['CHROMIUM']}")
    outcomes = []
    for stage in chosen:
        say(f"\n── {stage.name}")
        started = time.monotonic()
        status = subprocess.run(stage.command, env=env, check=False).returncode
        outcomes.append(Outcome(stage, time.monotonic() - started, passed=status == 0))
        if status != 0 and not keep_going:
            break
    return outcomes


def _summary(chosen: list[Stage], outcomes: list[Outcome]) -> str:
    lines = [
        f"  {o.stage.name:<14} {'passed' if o.passed else 'FAILED'} {o.seconds:7.1f} s"
        for o in outcomes
    ]
    lines += [f"  {stage.name:<14} not run" for stage in chosen[len(outcomes) :]]
    return "\n".join(["", *lines])


if __name__ == "__main__":
    sys.exit(main())
