import re

import pytest
from playwright.sync_api import expect

from dev import ROOT
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAGES = [
    (None, "/sign-in/"),
    ("alice@example.com", "/"),
    ("alice@example.com", "/?q=nothing-like-this"),
    ("alice@example.com", "/servers/1/?range=24h"),
    ("alice@example.com", "/servers/1/history/"),
    ("alice@example.com", "/servers/1/password/"),
    ("alice@example.com", "/servers/1/settings/"),
    ("alice@example.com", "/servers/1/snapshots/"),
    ("alice@example.com", "/servers/1/snapshots/new/"),
    ("alice@example.com", "/servers/1/snapshots/schedules/"),
    ("alice@example.com", "/servers/1/actions/?type=stop"),
    ("alice@example.com", "/servers/31/alerts/?why=7"),
    ("alice@example.com", "/alerts/"),
    ("alice@example.com", "/alerts/1/"),
    ("alice@example.com", "/alerts/rules/7/"),
    ("alice@example.com", "/alerts/channels/"),
    ("staff@example.com", "/"),
    ("staff@example.com", "/servers/1/"),
    ("alice@example.com", "/servers/1/console/?kind=vnc"),
    ("alice@example.com", "/servers/1/console/?kind=text"),
    (None, "/console/"),
    ("alice@example.com", "/nowhere/"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize(("email", "path"), PAGES)
def test_axe_finds_nothing(email, path, viewport, theme, open_page):
    page = open_page(
        email,
        path,
        quiet=path != "/nowhere/",
        viewport=viewport,
        color_scheme=theme,
        bypass_csp=True,
    )
    if "/console/" in path and email:
        expect(page.locator("[data-status-line]")).to_have_text("Connected")
    elif re.fullmatch(r"/servers/1/(\?range=24h)?", path):
        expect(page.locator("canvas").first).to_be_visible()
    # What is folded away is to be as good as the rest.
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => each.open = true)")
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nor_does_it_in_a_question(theme, open_page):
    page = open_page("alice@example.com", "/servers/1/", color_scheme=theme, bypass_csp=True)
    page.locator('[data-key="bar-reboot"]').click()
    expect(page.get_by_role("dialog", name="Restart: web1")).to_be_visible()
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run()).violations")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nor_does_it_in_a_tree_of_snapshots_and_its_questions(theme, open_page):
    page = open_page("alice@example.com", "/", color_scheme=theme, bypass_csp=True)
    server = page.get_by_role("link", name="wordpress-14", exact=True).get_attribute("href")
    page.goto(f"{server}snapshots/")
    if not page.locator("li[data-snapshot]").count():
        page.locator('[data-key="take"]').click()
        page.get_by_label("Title").fill("Before the upgrade")
        page.get_by_role("dialog").get_by_role("button", name="Take a snapshot").click()
    page.evaluate(AXE.read_text())
    button = page.get_by_role("button", name="Roll back “Before the upgrade”")
    expect(button).not_to_have_attribute("aria-disabled", "true", timeout=20_000)
    for name in ("Roll back “Before the upgrade”", "Delete “Before the upgrade”"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found = page.evaluate("async () => (await axe.run()).violations")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        page.keyboard.press("Escape")
