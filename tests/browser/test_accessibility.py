import re

import pytest
from playwright.sync_api import expect

from dev import ROOT
from tests.browser.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
ALICE, STAFF = "alice@example.com", "staff@example.com"
PAGES = [
    (None, "/sign-in/"),
    (None, "/password/forgotten/"),
    (None, "/password/set/x/y/"),
    (None, "/console/"),
    (ALICE, "/"),
    (ALICE, "/?q=nothing-like-this"),
    (ALICE, "/servers/1/?range=24h"),
    (ALICE, "/servers/1/history/"),
    (ALICE, "/servers/1/metrics/"),
    (ALICE, "/servers/1/password/"),
    (ALICE, "/servers/1/settings/"),
    (ALICE, "/servers/1/snapshots/"),
    (ALICE, "/servers/1/snapshots/new/"),
    (ALICE, "/servers/1/snapshots/schedules/"),
    (ALICE, "/servers/1/actions/?type=stop"),
    (ALICE, "/servers/1/console/?kind=vnc"),
    (ALICE, "/servers/1/console/?kind=text"),
    (ALICE, "/servers/31/alerts/?why=7"),
    (ALICE, "/alerts/"),
    (ALICE, "/alerts/1/"),
    (ALICE, "/alerts/rules/"),
    (ALICE, "/alerts/rules/7/"),
    (ALICE, "/alerts/rules/7/delete/"),
    (ALICE, "/alerts/channels/"),
    (ALICE, "/alerts/channels/new/webhook/"),
    (ALICE, "/alerts/preferences/"),
    (ALICE, "/account/"),
    (ALICE, "/nowhere/"),
    (STAFF, "/"),
    (STAFF, "/servers/1/"),
    (STAFF, "/setup/"),
    (STAFF, "/setup/cluster/"),
    (STAFF, "/admin/"),
    (STAFF, "/admin/search/?q=web"),
    (STAFF, "/admin/servers/server/"),
    (STAFF, "/admin/servers/server/1/change/"),
    (STAFF, "/admin/servers/cluster/"),
    (STAFF, "/admin/servers/cluster/1/change/"),
    (STAFF, "/admin/servers/action/"),
    (STAFF, "/admin/accounts/user/"),
    (STAFF, "/admin/accounts/user/add/"),
    (STAFF, "/admin/accounts/user/2/change/"),
    (STAFF, "/admin/accounts/auditentry/"),
    (STAFF, "/admin/alerts/alert/"),
    (STAFF, "/admin/alerts/alertrule/add/"),
    (STAFF, "/admin/alerts/maintenancewindow/add/"),
    (STAFF, "/admin/snapshots/snapshot/"),
]
LOOKS = [(theme, viewport) for viewport in (DESKTOP, PHONE) for theme in ("light", "dark")]


@pytest.mark.parametrize(("email", "path"), PAGES)
def test_axe_finds_nothing(email, path, open_page):
    page = open_page(email, path, quiet=path != "/nowhere/", bypass_csp=True)
    if "/console/" in path and email:
        expect(page.locator("[data-status-line]")).to_have_text("Connected")
    elif re.fullmatch(r"/servers/1/(\?range=24h)?", path):
        expect(page.locator("canvas").first).to_be_visible()
    # What is folded away is to be as good as the rest.
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => each.open = true)")
    page.evaluate(AXE.read_text())
    for theme, viewport in LOOKS:
        page.set_viewport_size(viewport)
        # Without motion, colours do not take their time.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        shown = page.evaluate("() => getComputedStyle(document.documentElement).colorScheme")
        assert shown in (theme, "light dark"), "the person's own theme is looked at instead"
        found = page.evaluate("async () => (await axe.run()).violations")
        seen = [(each["id"], each["nodes"][0]["html"]) for each in found]
        assert seen == [], (theme, viewport)


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
