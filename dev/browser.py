"""A Chromium that really starts: one that is there, the distribution's, or Playwright's own."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dev import PYTHON, VENV, apt, node
from dev.commands import CommandFailed, Failure, run, works
from dev.progress import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS_TO_START = 60
NODE = VENV / "node"
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


def environment() -> dict[str, str]:
    """The variables by which the browser tests find what they drive, and what drives it."""
    driver = _driver()
    return {"CHROMIUM": str(find(driver)), **driver}


def find(driver: dict[str, str]) -> Path:
    """Raises Failure with what every source said."""
    if named := os.environ.get("CHROMIUM"):
        return _verified(Path(named))
    said = []
    for source in _sources(driver):
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


def _sources(driver: dict[str, str]) -> Iterator[Source]:
    for name in NAMES:
        if path := shutil.which(name):
            yield Source(path, partial(Path, path))
    if apt.may_install():
        yield Source("The distribution's package", _from_distribution)
    yield Source("Playwright's download", partial(_from_playwright, driver))


def _from_distribution() -> Path:
    say("Installing the distribution's Chromium …")
    apt.install("chromium")
    if path := shutil.which("chromium"):
        return Path(path)
    raise CommandFailed("it brought no program, as where it stands for a snap")


def _from_playwright(driver: dict[str, str]) -> Path:
    say("Downloading Playwright's Chromium …")
    # Its libraries come from the distribution, which only root may ask for them.
    libraries = ["--with-deps"] if apt.may_install() else []
    run([PYTHON, "-m", "playwright", "install", *libraries, "chromium"], env=driver)
    return Path(run([PYTHON, "-c", EXECUTABLE], env=driver).strip())


def _driver() -> dict[str, str]:
    """Playwright's own Node wants libatomic, which a fresh Debian lacks; the wheel's does not."""
    if works(PYTHON, "-m", "playwright", "--version"):
        return {}
    if not node.program(NODE).exists():
        say("Unpacking a Node that runs here, to drive the browser …")
        node.unpack(NODE)
    return {"PLAYWRIGHT_NODEJS_PATH": str(node.program(NODE))}


def _verified(path: Path) -> Path:
    """Ubuntu's package is a stub that wants snap, so only a page that was rendered counts."""
    page = run([path, *PROBE], seconds=SECONDS_TO_START)
    if "<html>" not in page:
        raise CommandFailed(f"{path} shows no page: {page.strip()[-500:]}")
    return path
