"""`make screenshots`: pictures of the pages of the running demo, for README and docs.

Every page in both themes and both widths goes to `var/screenshots/`; those that the documentation
shows are also put into `docs/images/`.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

from dev import ROOT, browser, config
from dev.commands import Failure
from dev.progress import say

WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
PASSWORD = "demo"  # noqa: S105 — the demo's
SHOWN = (
    "servers-light-wide.png",
    "server-dark-wide.png",
    "console-light-wide.png",
    "rule-light-wide.png",
    "alert-dark-wide.png",
    "servers-dark-phone.png",
)


@dataclass(frozen=True)
class Look:
    theme: str
    width: str

    def page(self, chromium: Browser, address: str) -> Page:
        context = chromium.new_context(
            base_url=address,
            color_scheme="dark" if self.theme == "dark" else "light",
            viewport=WIDE if self.width == "wide" else PHONE,  # type: ignore[arg-type]
            device_scale_factor=1,
        )
        return context.new_page()


LOOKS = [Look(theme, width) for theme in ("light", "dark") for width in ("wide", "phone")]


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")


def pictures(chromium: Browser, look: Look, address: str) -> Iterator[tuple[str, bytes]]:
    """(name, PNG) of each page as this look shows it."""
    page = look.page(chromium, address)
    page.goto("/sign-in/")
    yield "sign-in", page.screenshot()
    sign_in(page, "alice@example.com")
    page.wait_for_timeout(1000)
    yield "servers", page.screenshot()
    page.get_by_role("link", name="shop-db").first.click()
    page.wait_for_url("**/servers/*/")
    page.goto(f"{page.url}?range=24h")
    page.wait_for_timeout(2000)
    yield "server", page.screenshot(full_page=True)
    server = page.url.partition("?")[0]
    for part in ("password", "settings", "history", "snapshots", "snapshots/schedules"):
        page.goto(f"{server}{part}/")
        page.wait_for_timeout(1000)
        yield part.replace("/", "-"), page.screenshot(full_page=True)
    page.goto(f"{server}console/")
    page.wait_for_timeout(3000)
    yield "console", page.screenshot()
    yield from of_alerts(page)
    page.context.close()
    page = look.page(chromium, address)
    sign_in(page, "staff@example.com")
    for path in ("cluster", "server", "action"):
        page.goto(f"/admin/servers/{path}/")
        yield f"admin-{path}s", page.screenshot()
    page.context.close()


def of_alerts(page: Page) -> Iterator[tuple[str, bytes]]:
    """The demo has one that fires, and a server whose week a rule can be tried on."""
    for part in ("", "rules/", "channels/", "preferences/"):
        page.goto(f"/alerts/{part}")
        page.wait_for_timeout(1000)
        yield f"alerts-{part.rstrip('/')}".rstrip("-"), page.screenshot(full_page=True)
    page.goto("/alerts/")
    page.get_by_role("link", name="Why?").first.click()
    page.wait_for_timeout(1000)
    yield "alert", page.screenshot(full_page=True)
    page.goto("/alerts/rules/new/")
    page.get_by_label("Tried on").select_option("web1")
    page.get_by_label("Threshold").fill("30")
    page.get_by_label("Recovers at").fill("20")
    page.get_by_role("button", name="Try it").click()
    page.wait_for_timeout(1500)
    yield "rule", page.screenshot(full_page=True)


def main() -> int:
    folder = ROOT / "var" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    address = config.read().address
    try:
        os.environ.update(browser.environment())
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(
                executable_path=os.environ["CHROMIUM"],
                args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            )
            for look in LOOKS:
                for name, picture in pictures(chromium, look, address):
                    (folder / f"{name}-{look.theme}-{look.width}.png").write_bytes(picture)
            chromium.close()
    except (BrowserError, Failure) as error:
        say(f"No pictures were taken: {error}")
        say(f"They are taken of the running demo: is `make run` up at {address}?")
        return 1
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        shutil.copy(folder / name, images / name)
    say(f"Pictures are in {folder.relative_to(ROOT)}, those of the documentation in docs/images.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
