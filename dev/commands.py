"""Run other programs quietly; what they said is shown only when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev import ROOT

LINES_SHOWN = 40


class Failure(Exception):
    """Something a person has to know or do; the message is written for them."""


class CommandFailed(Failure):
    """A program ended with an error; the message holds the end of its output."""


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    """The output of the command, errors included. Raises CommandFailed when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{words[0]} does not end within {seconds:.0f} s.") from error
    except OSError as error:
        raise CommandFailed(f"{words[0]} cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise CommandFailed(f"$ {' '.join(words)}\n{_last_lines(done.stdout)}")
    return done.stdout


def works(*command: str | Path) -> bool:
    """Whether the program is there and ends well."""
    try:
        run(command)
    except CommandFailed:
        return False
    return True


def _last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-LINES_SHOWN:])
