"""Acting on servers as a person does, against the running panel and its simulated Proxmox."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
STAFF = "staff@example.com"
# Proxmox is asked once a second while something runs.
SOON = 20_000


def path_of(page, name):
    """The address of a server by its name in the list."""
    return page.get_by_role("link", name=name, exact=True).get_attribute("href")


@pytest.fixture
def open_server(open_page):
    """A server's page, by the server's name."""

    def open_it(email, name, part="", **options):
        page = open_page(email, "/", **options)
        page.goto(path_of(page, name) + part)
        return page

    return open_it


def bar(page):
    return page.get_by_role("group", name="Power", exact=True)


def state(page):
    return page.locator(".server-head [data-field=status]")


def outcome(page):
    return page.locator("[data-sentence]")


def choose(page, label):
    """From the menu."""
    bar(page).locator("summary").click()
    bar(page).locator(".power-panel").get_by_role("button", name=label).click()


def confirm(page, label):
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name=label).click()
    expect(dialog).to_be_hidden()


def switch_off(page):
    choose(page, "Power off")
    confirm(page, "Power off")
    expect(outcome(page)).to_have_text("Powered off.", timeout=SOON)
    expect(state(page)).to_have_text("Stopped")


def switch_on(page):
    bar(page).get_by_role("button", name="Start").first.click()
    expect(outcome(page)).to_have_text("Started.", timeout=SOON)
    expect(state(page)).to_have_text("Running")


class TestPower:
    def test_two_tabs_and_the_list_follow_without_reload(self, open_server, open_page):
        one = open_server(ALICE, "minecraft-eu")
        other = open_server(ALICE, "minecraft-eu")
        rows = open_page(ALICE)
        for page in (one, other, rows):
            page.evaluate("() => { window.sameDocument = true; }")
        bar(one).get_by_role("button", name="Shut down").first.click()
        expect(one.get_by_role("dialog")).to_contain_text("What runs on it ends.")
        confirm(one, "Shut down")
        row = rows.locator('[data-name="minecraft-eu"]')
        expect(row.locator('[data-field="action"]')).to_contain_text("Shutting down…")
        for page in (one, other):
            expect(page.locator("[data-doing], [data-sentence]")).to_contain_text("Shut")
            expect(outcome(page)).to_have_text("Shut down.", timeout=SOON)
            expect(state(page)).to_have_text("Stopped")
        expect(row.locator('[data-field="action"]')).to_be_hidden()
        expect(row.locator('[data-field="status"]')).to_have_text("Stopped")
        expect(other.locator("[data-announcer]")).to_contain_text("minecraft-eu: Shut down.")
        switch_on(other)
        expect(outcome(one)).to_have_text("Started.")
        for page in (one, other, rows):
            assert page.evaluate("() => window.sameDocument")

    def test_the_second_of_two_is_refused_and_sees_the_first(self, open_server):
        one = open_server(ALICE, "old-forum")
        # Without its socket this tab does not hear of the first, as one that is a moment late.
        late = open_server(
            STAFF,
            "old-forum",
            quiet=False,
            before=lambda page: page.route_web_socket("**/ws/", lambda socket: None),
        )
        bar(one).get_by_role("button", name="Shut down").first.click()
        confirm(one, "Shut down")
        expect(one.locator("[data-doing]")).to_have_text("Shutting down…")
        bar(late).get_by_role("button", name="Restart").first.click()
        expect(late.get_by_role("dialog")).to_contain_text("Not possible now")
        late.get_by_role("dialog").get_by_role("link", name="Cancel").click()
        late.evaluate(
            """() => {
              const form = document.getElementById("power-now");
              const button = document.createElement("button");
              Object.assign(button, { name: "type", value: "reboot" });
              form.append(button);
              form.requestSubmit(button);
            }"""
        )
        expect(late.locator("[data-doing]")).to_have_text("Shutting down…")
        expect(late.locator("[data-doing] + .caption")).to_contain_text(ALICE)
        # The guest ignores it, and the plug is pulled meanwhile.
        switch_off(one)
        switch_on(one)

    def test_the_list_hears_of_it_without_its_socket_too(self, open_server, open_page):
        rows = open_page(
            ALICE,
            quiet=False,
            before=lambda page: page.route_web_socket("**/ws/", lambda socket: socket.close()),
        )
        page = open_server(ALICE, "old-forum")
        bar(page).get_by_role("button", name="Shut down").first.click()
        confirm(page, "Shut down")
        doing = rows.locator('[data-name="old-forum"] [data-field="action"]')
        expect(doing).to_contain_text("Shutting down…", timeout=40_000)
        switch_off(page)
        switch_on(page)
        expect(doing).to_be_hidden(timeout=40_000)

    def test_a_click_beside_a_question_closes_it(self, open_server):
        page = open_server(ALICE, "minecraft-eu")
        bar(page).get_by_role("button", name="Restart").first.click()
        dialog = page.get_by_role("dialog")
        dialog.click(position={"x": 5, "y": 5})
        expect(dialog).to_be_visible()
        page.mouse.click(10, 10)
        expect(dialog).to_be_hidden()

    def test_a_menu_and_a_dialog_by_keyboard(self, open_server):
        page = open_server(ALICE, "minecraft-eu")
        summary = bar(page).locator("summary")
        summary.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator('[data-key="menu-stop"]')).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(summary).to_be_focused()
        expect(state(page)).to_have_text("Running")

    def test_a_button_that_cannot_be_pressed_says_why(self, open_server):
        page = open_server(ALICE, "minecraft-eu")
        start = page.locator('[data-key="bar-start"]')
        start.focus()
        expect(start).to_have_accessible_description("It is running.")
        tip = page.locator("#why-bar-start")
        expect(tip).to_be_visible()
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        expect(state(page)).to_have_text("Running")

    def test_on_a_phone_there_is_one_menu(self, open_server):
        page = open_server(ALICE, "minecraft-eu", viewport=PHONE)
        expect(page.locator('[data-key="bar-shutdown"]')).to_be_hidden()
        bar(page).locator("summary").click()
        for label in ("Start", "Shut down", "Restart", "Power off"):
            button = (
                bar(page).locator(".power-panel").get_by_role("button", name=label, exact=True)
            )
            expect(button).to_be_visible()
        widths = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1]

    def test_without_javascript_by_forms(self, open_server):
        page = open_server(ALICE, "gitlab-runner-1", java_script_enabled=False)
        bar(page).locator("summary").click()
        bar(page).locator(".power-panel").get_by_role("button", name="Power off").click()
        expect(page.get_by_role("main")).to_contain_text("The power is cut at once.")
        page.get_by_role("button", name="Power off").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("gitlab-runner-1")
        until_said(page, "Powered off.")
        bar(page).get_by_role("button", name="Start").first.click()
        until_said(page, "Started.")


def until_said(page, sentence):
    """Reloads, as a person without JavaScript does."""
    for _ in range(20):
        said = outcome(page)
        if said.count() and said.text_content() == sentence:
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(outcome(page)).to_have_text(sentence)


def reload_until_there(page, locator):
    for _ in range(20):
        if locator.count():
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(locator).to_be_visible()


class TestPassword:
    def test_is_shown_once(self, open_server):
        page = open_server(ALICE, "shop-db", "password/")
        page.get_by_label("Your password for this panel").fill("demo", timeout=SOON)
        page.get_by_label("User in the server").fill("root")
        page.get_by_role("button", name="Set the password").click()
        secret = page.locator("[data-secret]").text_content()
        assert re.fullmatch(r"(\w{5}-){3}\w{5}", secret)
        expect(outcome(page)).to_have_text("root has the new password.", timeout=SOON)
        assert secret not in page.url
        page.goto(page.url)
        expect(page.get_by_label("User in the server")).to_be_visible()
        assert secret not in page.content()

    def test_a_wrong_one_of_ones_own_is_refused(self, open_server):
        page = open_server(ALICE, "shop-db", "password/", quiet=False)
        page.get_by_label("Your password for this panel").fill("not it", timeout=SOON)
        page.get_by_role("button", name="Set the password").click()
        expect(page.get_by_text("This is not your password.")).to_be_visible()
        expect(page.get_by_label("Your password for this panel")).to_have_value("")

    def test_a_container_is_sent_to_its_console(self, open_server):
        page = open_server(ALICE, "minecraft-eu", "password/")
        expect(page.get_by_text("Proxmox cannot set the password of a container")).to_be_visible()
        expect(page.get_by_role("link", name="Open the console")).to_be_visible()


class TestSettings:
    def test_a_new_name_and_labels_that_filter(self, open_server):
        page = open_server(ALICE, "redis-cache", "settings/")
        page.get_by_role("textbox", name="Name").fill("the cache")
        page.get_by_role("textbox", name="Labels").fill("env=prod\nteam=shop")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="the cache", level=1)).to_be_visible()
        page.get_by_role("link", name="team=shop").click()
        expect(page).to_have_url("/?label=team%3Dshop")
        expect(page.locator("tr.server")).to_have_count(1)
        page.get_by_role("link", name="Take this filter away").click()
        expect(page).to_have_url("/")
        page.get_by_role("link", name="the cache").click()
        page.get_by_role("link", name="Settings").click()
        page.get_by_role("textbox", name="Name").fill("redis-cache")
        page.get_by_role("textbox", name="Labels").fill("")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="redis-cache", level=1)).to_be_visible()

    def test_deleting_wants_the_protection_off_and_the_name(self, open_server):
        page = open_server(ALICE, "backup-target", "settings/", quiet=False)
        other = open_server(ALICE, "backup-target", quiet=False)
        expect(page.get_by_text("It cannot be deleted now: It is protected.")).to_be_visible()
        page.get_by_label("Protect it from being deleted").uncheck()
        page.get_by_role("button", name="Save").click()
        page.get_by_label("to delete it").fill("backup")
        page.get_by_role("button", name="Delete it for good").click()
        expect(page.get_by_text("exactly as it is shown")).to_be_visible()
        page.get_by_label("to delete it").fill("backup-target")
        page.get_by_label("Power it off first").check()
        page.get_by_role("button", name="Delete it for good").click()
        expect(page.get_by_text("backup-target is being deleted.")).to_be_visible()
        expect(other.get_by_text("This server is not there any more")).to_be_visible(timeout=SOON)
        expect(bar(other)).to_be_hidden()
        page.goto("/?q=backup-target")
        expect(page.get_by_text("Nothing found")).to_be_visible()
