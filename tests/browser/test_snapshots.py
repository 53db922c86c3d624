"""Snapshots as a person takes and uses them, against the running panel and its simulated Proxmox."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.test_actions import (
    ALICE,
    SOON,
    STAFF,
    bar,
    open_server,
    outcome,
    reload_until_there,
    until_said,
)

__all__ = ["open_server"]
pytestmark = pytest.mark.browser


@pytest.fixture
def open_snapshots(open_server):
    def open_it(name, part="snapshots/", email=ALICE, **options):
        return open_server(email, name, part, **options)

    return open_it


def titles(page):
    return page.locator(".shot-title")


def row(page, title):
    return page.locator("li[data-snapshot]").filter(
        has=page.locator(".shot-title", has_text=title)
    )


def press(page, key):
    """A button that is there as soon as what was under way is over."""
    button = page.locator(f'[data-key="{key}"]:not([aria-disabled])')
    expect(button).to_be_visible(timeout=SOON)
    button.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page.get_by_role("dialog")


def take(page, title, **boxes):
    dialog = press(page, "take")
    dialog.get_by_label("Title").fill(title)
    for label in boxes.get("check", ()):
        dialog.get_by_label(label).check()
    dialog.get_by_role("button", name="Take a snapshot").click()
    expect(dialog).to_be_hidden()
    expect(outcome(page)).to_have_text(f"The snapshot “{title}” was taken.", timeout=SOON)


def ask(page, title, label):
    """The question of that row's button."""
    row(page, title).get_by_role("button", name=label).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def delete(page, title):
    ask(page, title, "Delete").get_by_role("button", name="Delete").click()
    expect(outcome(page)).to_have_text(f"The snapshot “{title}” was deleted.", timeout=SOON)
    expect(row(page, title)).to_have_count(0, timeout=SOON)


def delete_all(page):
    while page.locator("li[data-snapshot]").count():
        delete(page, titles(page).first.text_content())


class TestTree:
    def test_taken_in_one_tab_seen_in_the_other_and_rolled_back(self, open_snapshots):
        page, other = open_snapshots("shop-app", quiet=False), open_snapshots("shop-app")
        other.evaluate("() => { window.sameDocument = true; }")
        expect(page.get_by_text("There are no snapshots.")).to_be_visible(timeout=SOON)
        take(page, "До обновления")
        take(page, "After it", check=["With its memory"])
        expect(titles(other)).to_have_text(
            ["До обновления", "After it", "You are here"], timeout=SOON
        )
        expect(row(other, "After it")).to_contain_text("with memory")
        dialog = ask(page, "До обновления", "Roll back")
        expect(dialog).to_contain_text("What is lost, and does not come back:")
        dialog.get_by_label("to roll it back").fill("shop")
        dialog.get_by_label("Take a snapshot first").check()
        dialog.get_by_role("button", name="Roll back").click()
        expect(dialog).to_contain_text("exactly as it is shown")
        expect(dialog.get_by_label("Take a snapshot first")).to_be_checked()
        dialog.get_by_label("to roll it back").fill("shop-app")
        dialog.get_by_role("button", name="Roll back").click()
        expect(page.locator("[data-doing]")).to_contain_text("Taking a snapshot first")
        expect(outcome(page)).to_have_text("Rolled back to “До обновления”.", timeout=SOON)
        expect(titles(other)).to_have_text(
            ["До обновления", "After it", "Before: Roll back", "You are here"], timeout=SOON
        )
        expect(row(other, "Before: Roll back")).to_contain_text("deleted in 23 h")
        expect(page.locator(".shot-present")).to_contain_text("gone on from “До обновления”")
        assert other.evaluate("() => window.sameDocument")
        delete_all(page)
        expect(other.get_by_text("There are no snapshots.")).to_be_visible(timeout=SOON)

    def test_what_is_taken_in_proxmox_itself_is_seen(self, open_snapshots, stack):
        guest = stack.guest("web2")
        path = f"nodes/{guest['node']}/{guest['id']}/snapshot?snapname=by-hand"
        stack.proxmox("POST", path)
        page = open_snapshots("web2", email=STAFF)
        # A list that was read right before is believed for a while.
        expect(row(page, "by-hand")).to_contain_text("made in Proxmox", timeout=60_000)
        delete(page, "by-hand")

    def test_the_newest_alone_where_the_storage_is_zfs(self, open_snapshots):
        page = open_snapshots("shop-db")
        take(page, "One")
        take(page, "Two")
        older = row(page, "One").get_by_role("button", name="Roll back")
        expect(older).to_have_accessible_description(re.compile("newest snapshot alone"))
        older.focus()
        expect(row(page, "One").get_by_role("tooltip").first).to_be_visible()
        dialog = ask(page, "Two", "Roll back")
        expect(dialog).to_contain_text("No snapshot can be taken first")
        dialog.get_by_role("link", name="Cancel").click()
        expect(dialog).to_be_hidden()
        expect(row(page, "Two").get_by_role("button", name="Roll back")).to_be_focused()
        delete_all(page)

    def test_on_a_phone_nothing_is_cut_off(self, open_snapshots):
        page = open_snapshots("shop-app", viewport=PHONE)
        take(page, "W" * 64)
        widths = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1]
        delete_all(page)

    def test_without_javascript_by_forms(self, open_snapshots):
        page = open_snapshots("gitlab-runner-1", java_script_enabled=False)
        page.get_by_role("button", name="Take a snapshot").click()
        page.get_by_label("Title").fill("By a form")
        page.get_by_role("button", name="Take a snapshot").click()
        until_said(page, "The snapshot “By a form” was taken.")
        deleting = row(page, "By a form").get_by_role("button", name="Delete", disabled=False)
        reload_until_there(page, deleting)  # Proxmox's list is read a moment later
        deleting.click()
        expect(page.get_by_role("main")).to_contain_text("The server itself stays as it is")
        page.get_by_role("button", name="Delete").click()
        until_said(page, "The snapshot “By a form” was deleted.")


class TestWhatCannotBe:
    def test_a_container_has_no_memory_to_save(self, open_snapshots):
        page = open_snapshots("minecraft-eu")
        dialog = press(page, "take")
        expect(dialog).to_contain_text("A container's memory cannot be saved.")
        expect(dialog.get_by_label("With its memory")).to_have_count(0)

    def test_thick_lvm_says_which_disk_is_in_the_way(self, open_snapshots):
        page = open_snapshots("legacy-crm", email=STAFF)
        expect(page.locator("[data-refused]")).to_contain_text(
            "No snapshots can be taken where these disks are: scsi0.", timeout=SOON
        )
        button = page.get_by_role("button", name="Take a snapshot")
        expect(button).to_have_attribute("aria-disabled", "true")
        page.get_by_role("link", name="Schedules").click()
        expect(page.get_by_role("main")).to_contain_text("A schedule would fail each time.")

    def test_the_limit_says_which_one_goes_first(self, open_snapshots, open_page):
        page = open_snapshots("erp")
        expect(page.get_by_text("There are no snapshots.")).to_be_visible(timeout=SOON)
        number = re.search(r"/servers/(\d+)/", page.url)[1]
        admin = open_page(STAFF, f"/admin/snapshots/serversnapshots/{number}/change/")
        admin.get_by_label("Snapshots at most").fill("1")
        admin.get_by_role("button", name="Save", exact=True).click()
        page.reload()
        take(page, "The only one")
        expect(page.locator("[data-refused]")).to_contain_text("Delete “The only one” first.")
        dialog = press(page, "make-room")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.locator("[data-refused]")).to_have_count(0, timeout=SOON)
        admin.goto(f"/admin/snapshots/serversnapshots/{number}/change/")
        admin.get_by_label("Snapshots at most").fill("")
        admin.get_by_role("button", name="Save", exact=True).click()


class TestSchedules:
    def test_in_ones_own_zone_with_the_next_run(self, open_snapshots):
        page = open_snapshots("erp", "snapshots/schedules/", quiet=False)
        card = page.locator('[data-schedule="daily"]')
        expect(card.get_by_label("Time zone")).to_have_value("Europe/Berlin")
        card.get_by_label("On", exact=True).check()
        card.get_by_label("Time", exact=True).fill("03:30")
        card.get_by_label("Keep the last").fill("99")
        card.get_by_role("button", name="Save").click()
        expect(card).to_contain_text("together keep at most 9")
        expect(card.get_by_label("Time", exact=True)).to_have_value("03:30")
        card.get_by_label("Keep the last").fill("2")
        card.get_by_role("button", name="Save").click()
        expect(card.locator("[data-next]")).to_contain_text("03:30 (Europe/Berlin), in ")
        page.get_by_role("link", name="Snapshots", exact=True).first.click()
        expect(page.locator(".snapshots-summary")).to_contain_text("Next by schedule")
        page.get_by_role("link", name="Schedules").click()
        card.get_by_role("button", name="Remove").click()
        expect(card.locator("[data-next]")).to_have_text("Not set.")


class TestBeforeAChange:
    def test_a_restart_with_a_snapshot_first(self, open_server):
        page = open_server(ALICE, "win-terminal")
        bar(page).get_by_role("button", name="Restart").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Take a snapshot first, deleted after 24 h").check()
        dialog.get_by_role("button", name="Restart").click()
        expect(page.locator("[data-doing]")).to_contain_text("Taking a snapshot first")
        expect(outcome(page)).to_have_text("Restarted.", timeout=SOON)
        page.get_by_role("link", name="Snapshots", exact=True).click()
        expect(row(page, "Before: Restart")).to_contain_text("deleted in 23 h")
        delete(page, "Before: Restart")
