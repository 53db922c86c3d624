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
    "staff-light-wide.png",
    "setup-cluster-light-wide.png",
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
            locale="en-GB",
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
    yield from each(page, {"sign-in": "/sign-in/", "password-forgotten": "/password/forgotten/"})
    sign_in(page, "alice@example.com")
    page.wait_for_timeout(1000)
    yield "servers", page.screenshot()
    yield from of_a_server(page)
    yield from of_alerts(page)
    yield from each(page, {"account": "/account/", "nowhere": "/nowhere/"})
    page.context.close()
    yield from of_staff(look.page(chromium, address))


def each(page: Page, paths: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_timeout(1000)
        yield name, page.screenshot(full_page=True)


def of_a_server(page: Page) -> Iterator[tuple[str, bytes]]:
    page.get_by_role("link", name="shop-db").first.click()
    page.wait_for_url("**/servers/*/")
    server = page.url
    page.goto(f"{server}?range=24h")
    page.wait_for_timeout(2000)
    yield "server", page.screenshot(full_page=True)
    parts = ("password", "settings", "history", "snapshots", "snapshots/schedules", "alerts")
    yield from each(
        page, {f"server-{part.replace('/', '-')}": f"{server}{part}/" for part in parts}
    )
    page.goto(f"{server}console/")
    page.wait_for_timeout(3000)
    yield "console", page.screenshot()


def of_alerts(page: Page) -> Iterator[tuple[str, bytes]]:
    """The demo has one that fires, and a server whose week a rule can be tried on."""
    parts = ("", "rules/", "channels/", "preferences/")
    yield from each(
        page, {f"alerts-{part.rstrip('/')}".rstrip("-"): f"/alerts/{part}" for part in parts}
    )
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


def of_staff(page: Page) -> Iterator[tuple[str, bytes]]:
    sign_in(page, "staff@example.com")
    yield from each(page, {"staff": "/admin/", "staff-search": "/admin/search/?q=web"})
    lists = {
        "servers": "servers/server",
        "clusters": "servers/cluster",
        "actions": "servers/action",
        "people": "accounts/user",
        "audit": "accounts/auditentry",
        "alerts": "alerts/alert",
    }
    yield from each(page, {f"staff-{name}": f"/admin/{path}/" for name, path in lists.items()})
    page.goto("/admin/accounts/user/?q=alice")
    page.get_by_role("link", name="alice@example.com").first.click()
    yield "staff-person", page.screenshot(full_page=True)
    steps = ("cluster", "servers", "mail", "customer")
    yield from each(page, {f"setup-{step}": f"/setup/{step}/" for step in steps})
    page.context.close()


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
