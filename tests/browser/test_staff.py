"""A day of the staff: what is wrong, what it is, whose it is; and a console by the owner's word."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_accessibility import AXE

pytestmark = pytest.mark.browser

STAFF = "staff@example.com"
SUPPORT = "support@example.com"
PAGES = (
    "/admin/",
    "/admin/search/?q=web",
    "/admin/servers/server/",
    "/admin/servers/server/1/change/",
    "/admin/servers/server/assign/?_selected_action=1",
    "/admin/accounts/user/2/change/",
    "/admin/accounts/user/2/delete/",
    "/admin/accounts/auditentry/",
    "/admin/servers/cluster/1/change/",
    "/admin/alerts/maintenancewindow/add/",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_the_staff_site(viewport, theme, open_page):
    page = open_page(STAFF, PAGES[0], viewport=viewport, color_scheme=theme, bypass_csp=True)
    for path in PAGES:
        page.goto(path)
        page.evaluate(AXE.read_text())
        found = page.evaluate("async () => (await axe.run()).violations")
        said = [(path, each["id"], each["nodes"][0]["html"]) for each in found]
        assert said == []
        too_wide = page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
        assert not too_wide, path


def test_from_the_start_page_to_what_failed_and_whose_it_is(open_page, stack):
    name = "cust-4712"
    page = open_page(STAFF, "/admin/")
    # Other tests have things fail too.
    counted = page.locator('[data-matter="actions"] [data-count]')
    before = int(counted.text_content()) if counted.count() else 0
    page.goto(f"/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()
    address = page.locator("code.address").first.text_content()
    stack.fault(fault="fail_task", type="qmreset", exitstatus="no quorum")
    page.goto(f"{page.url}actions/?type=reset")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(page.locator('[data-outcome="critical"]').first).to_be_visible(timeout=20_000)

    page.goto("/admin/")
    expect(counted).to_have_text(str(before + 1))
    failed = page.locator('[data-matter="actions"]')
    failed.get_by_role("link", name=name).first.click()
    expect(page.get_by_text("no quorum").first).to_be_visible()
    page.locator(".field-server_link").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    # By its address: one server exactly.
    page.goto("/admin/")
    page.get_by_label("Find anything").fill(address)
    page.get_by_role("button", name="Find", exact=True).click()
    page.locator(".found-exact").get_by_role("link", name=name).click()
    page.get_by_role("link", name="Assign an owner…").click()
    # Offered while one types.
    page.get_by_label("New owner").fill("ali")
    expect(page.locator("#people option[value='alice@example.com']")).to_have_count(1)
    page.get_by_label("New owner").fill("alice@example.com")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("1 server changed hands.")).to_be_visible()
    expect(page.locator(".person-servers").get_by_role("link", name=name)).to_be_visible()


def test_a_console_by_the_owners_word(open_page):
    owner = open_page("alice@example.com", "/?q=web3")
    number = owner.get_by_role("link", name="web3", exact=True).get_attribute("href")
    support = open_page(SUPPORT, f"{number}console/")
    expect(support).to_have_url(f"{number}console/requests/")
    support.get_by_label("Why you need it").fill("It does not answer")
    support.get_by_role("button", name="Ask", exact=True).click()
    expect(support.get_by_text("Its owner has been asked.")).to_be_visible()
    # On the owner's list by itself, and on the server's page.
    owner.locator("#console-banner").get_by_role("link", name="web3").click()
    expect(owner.get_by_text("It does not answer").first).to_be_visible()
    owner.get_by_role("button", name="Allow it for an hour").click()
    expect(owner.get_by_role("button", name="Take it back")).to_be_visible()
    expect(support.get_by_text("You may open the console of this server.")).to_be_visible()
    support.goto(f"{number}console/")
    expect(support.locator("[data-status-line]")).to_have_text("Connected")
    owner.get_by_role("button", name="Take it back").click()
    expect(support.locator("[data-status-line]")).not_to_have_text("Connected")
