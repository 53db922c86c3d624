"""A Chromium that really starts: one that is there, the distribution's, or Playwright's own."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dev import PYTHON, apt
from dev.commands import CommandFailed, Failure, run
from dev.progress import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS_TO_START = 60
PROBE = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank")
EXECUTABLE = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as driver: print(driver.chromium.executable_path)"
)


@dataclass(frozen=True)
class Source:
    """A place a browser may come from. `look` raises CommandFailed when it has none."""

    name: str
    look: Callable[[], Path]


def find() -> Path:
    """Raises Failure with what every source said."""
    if named := os.environ.get("CHROMIUM"):
        return _verified(Path(named))
    said = []
    for source in _sources():
        try:
            return _verified(source.look())
        except CommandFailed as error:
            said.append(f"{source.name}: {error}")
    raise Failure(
        "No Chromium could be had, and the browser tests are not left out for that.\n\n"
        + "\n\n".join(said)
        + "\n\nInstall one (on Debian: apt-get install chromium), or name it:"
        " CHROMIUM=/path/to/chromium make test"
    )


def _sources() -> Iterator[Source]:
    for name in NAMES:
        if path := shutil.which(name):
            yield Source(path, partial(Path, path))
    if apt.may_install():
        yield Source("The distribution's package", _from_distribution)
    yield Source("Playwright's download", _from_playwright)


def _from_distribution() -> Path:
    say("Installing the distribution's Chromium …")
    apt.install("chromium")
    return Path(shutil.which("chromium") or "chromium")


def _from_playwright() -> Path:
    say("Downloading Playwright's Chromium …")
    # Its libraries come from the distribution, which only root may ask for them.
    libraries = ["--with-deps"] if apt.may_install() else []
    run([PYTHON, "-m", "playwright", "install", *libraries, "chromium"])
    return Path(run([PYTHON, "-c", EXECUTABLE]).strip())


def _verified(path: Path) -> Path:
    """Ubuntu's package is a stub that wants snap, so only a page that was rendered counts."""
    page = run([path, *PROBE], seconds=SECONDS_TO_START)
    if "<html>" not in page:
        raise CommandFailed(f"{path} shows no page: {page.strip()[-500:]}")
    return path
