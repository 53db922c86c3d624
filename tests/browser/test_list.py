import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, sign_in

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
SLOW = 40_000


def rows(page):
    return page.get_by_role("table", name="Servers").locator("tbody").get_by_role("row")


def row_of(page, name):
    return rows(page).filter(has=page.get_by_role("link", name=name, exact=True))


def test_numbers_change_without_a_reload(open_page):
    page = open_page(ALICE)
    page.evaluate("() => { window.sameDocument = true; }")
    cell = row_of(page, "web1").locator('[data-field="network_in"]')
    before = cell.text_content()
    expect(cell).not_to_have_text(before, timeout=SLOW)
    assert page.evaluate("() => window.sameDocument")


def test_ages_tick(open_page):
    page = open_page(ALICE)
    age = row_of(page, "web1").locator('[data-field="age"]')
    seen = set()
    for _ in range(5):
        seen.add(age.text_content())
        page.wait_for_timeout(1000)
    assert len(seen) > 1
    assert all(text.endswith("ago") for text in seen)


def test_a_changed_state_is_shown_told_and_counted_and_no_row_moves(open_page, stack):
    page = open_page(ALICE, "/?sort=status")
    names = rows(page).get_by_role("link").all_text_contents()
    stopped = int(page.locator('[data-count="stopped"]').text_content())
    stack.power("cust-4713", "stop")
    row = row_of(page, "cust-4713")
    expect(row.locator('[data-field="status"]')).to_have_text("Stopped", timeout=SLOW)
    expect(row.locator('[data-field="cpu"]')).to_have_text("–")
    expect(page.locator("[data-announcer]")).to_contain_text("cust-4713: Stopped")
    expect(page.locator('[data-count="stopped"]')).to_have_text(str(stopped + 1))
    assert rows(page).get_by_role("link").all_text_contents() == names
    stack.power("cust-4713", "start")
    expect(row.locator('[data-field="status"]')).to_have_text("Running", timeout=SLOW)
    expect(row.locator('[data-field="cpu"]')).to_contain_text("%", timeout=SLOW)


def test_the_whole_row_is_one_link_and_works_by_keyboard(open_page):
    page = open_page(ALICE)
    row = row_of(page, "web1")
    box = row.bounding_box()
    row.click(position={"x": box["width"] - 30, "y": box["height"] / 2})
    expect(page.get_by_role("heading", name="web1", level=1)).to_be_visible()
    page.go_back()
    row_of(page, "web1").get_by_role("link", name="web1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="web1", level=1)).to_be_visible()


def test_the_first_tab_stop_skips_to_the_content(open_page):
    page = open_page(ALICE)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_layout_order_and_columns_are_remembered_over_sign_ins(chromium, stack):
    """By Bob's own browser, twice: nobody else's list changes."""
    for is_first in (True, False):
        context = chromium.new_context(base_url=stack.url, locale="en-GB", viewport=DESKTOP)
        page = context.new_page()
        sign_in(page, "bob@example.com")
        if is_first:
            page.get_by_role("button", name="Cards").click()
            page.get_by_text("Columns", exact=True).click()
            page.get_by_label("Uptime").uncheck()
            page.get_by_role("button", name="Apply").click()
            page.get_by_label("Sort by").select_option("memory")
        expect(page.get_by_label("Sort by")).to_have_value("memory")
        expect(page.get_by_role("button", name="Cards")).to_have_attribute("aria-pressed", "true")
        expect(page.locator('[data-field="uptime"]')).to_have_count(0)
        expect(page.locator('[data-field="cpu"]').first).to_be_visible()
        context.close()


def test_the_last_hour_is_drawn_into_a_place_that_is_there_before(open_page):
    held = []
    page = open_page(
        ALICE,
        before=lambda page: page.route(
            "**/servers/sparklines/**", lambda asked: held.append(asked)
        ),
    )
    row = row_of(page, "web1")
    expect(row).to_be_visible()
    before = row.bounding_box()
    page.wait_for_timeout(500)
    held[0].continue_()
    line = row.locator("path.sparkline-line")
    expect(line).to_have_attribute("d", re.compile(r"^M\d.*L\d"))
    expect(row.locator("[data-sparkline-words]")).to_have_text(
        re.compile(r"CPU in the last hour: between [\d.]+.% and [\d.]+.%")
    )
    assert row.bounding_box() == before


def test_search_and_sort_stand_in_the_address(open_page):
    page = open_page(ALICE)
    page.get_by_role("searchbox").fill("web")
    page.keyboard.press("Enter")
    expect(row_of(page, "web1")).to_be_visible()
    expect(row_of(page, "erp")).to_have_count(0)
    page.goto("/?q=web&sort=cpu")
    cpu = page.get_by_role("columnheader", name="CPU", exact=True)
    expect(cpu).to_have_attribute("aria-sort", "descending")
    cpu.get_by_role("button").press("Enter")
    expect(page).to_have_url("/?q=web")
    expect(cpu).to_have_attribute("aria-sort", "descending")
    page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    expect(cpu).not_to_have_attribute("aria-sort", "descending")


@pytest.mark.parametrize(
    "path",
    [
        "/", "/servers/1/", "/servers/1/history/", "/servers/1/metrics/", "/servers/1/password/", "/servers/1/settings/",
        "/servers/31/alerts/?why=7", "/alerts/", "/alerts/1/", "/alerts/rules/", "/alerts/rules/7/",
        "/alerts/channels/", "/nowhere/",
    ],
)  # fmt: skip
def test_a_phone_never_scrolls_sideways(path, open_page):
    page = open_page(ALICE, path, viewport=PHONE, quiet=path != "/nowhere/")
    page.wait_for_timeout(500)
    widths = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]


def test_a_lock_is_never_markup(open_page):
    """Whatever Proxmox says comes over the socket too."""
    hostile = '<img src=x onerror="window.hit = true">'

    def answer_with_lock(socket):
        server = socket.connect_to_server()
        server.on_message(lambda message: socket.send(with_lock(message, hostile)))

    page = open_page(ALICE, before=lambda page: page.route_web_socket("**/ws/", answer_with_lock))
    lock = row_of(page, "web1").locator('[data-field="lock"]')
    expect(lock).to_have_text(f"Locked: {hostile}")
    assert page.evaluate("() => document.images.length") == 0


def with_lock(message, text):
    event = json.loads(message)
    if "lock" in event:
        event["lock"] = text
    return json.dumps(event)


def test_words_as_long_as_in_other_languages_break_on_a_phone(open_page):
    page = open_page(ALICE, "/servers/1/password/", viewport=PHONE)
    page.evaluate("""() => {
      for (const each of document.querySelectorAll(".check span")) {
        each.textContent = "Sobald der Gastagent antwortet, und dann sofort";
      }
    }""")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
