import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
CHARTS = ["CPU", "Memory", "Disk", "Network", "Disk I/O"]
SLOW = 60_000

# The share of a canvas that is painted at all.
DRAWN = """canvas => {
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let count = 0;
  for (let index = 3; index < pixels.length; index += 4) if (pixels[index] > 0) count += 1;
  return count / (width * height);
}"""


def chart(page, title):
    return page.get_by_role("region", name=title, exact=True)


def open_server(open_page, name, query=""):
    page = open_page(ALICE)
    link = page.get_by_role("link", name=name, exact=True)
    page.goto(link.get_attribute("href") + query)
    return page


def test_every_chart_is_drawn(open_page):
    page = open_server(open_page, "web1")
    for title in CHARTS:
        canvas = chart(page, title).locator("canvas")
        expect(canvas).to_be_visible()
        assert canvas.evaluate(DRAWN) > 0.02, title


def test_charts_are_extended_live(open_page):
    page = open_server(open_page, "web1")
    page.evaluate("() => { window.sameDocument = true; }")
    table = chart(page, "CPU").locator("details")
    table.locator("summary").click()
    newest = table.locator("tbody tr").first.locator("td").first
    canvas = chart(page, "CPU").locator("canvas")
    before, drawn = newest.text_content(), canvas.evaluate("canvas => canvas.toDataURL()")
    expect(newest).not_to_have_text(before, timeout=SLOW)
    assert canvas.evaluate("canvas => canvas.toDataURL()") != drawn
    assert page.evaluate("() => window.sameDocument")


def test_ranges_by_keyboard_and_in_the_address(open_page):
    page = open_server(open_page, "web1")
    link = page.get_by_role("navigation", name="Range").get_by_role("link", name="7 d")
    expect(page.locator("canvas").first).to_be_visible()
    link.focus()
    with page.expect_response(lambda response: "/metrics/?" in response.url):
        page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/servers/\d+/\?range=7d$"))
    expect(link).to_have_attribute("aria-current", "true")
    expect(link).to_be_focused()
    page.reload()
    expect(link).to_have_attribute("aria-current", "true")
    page.go_back()
    hour = page.get_by_role("navigation", name="Range").get_by_role("link", name="1 h")
    expect(hour).to_have_attribute("aria-current", "true")


def test_one_cursor_reads_all_charts(open_page):
    page = open_server(open_page, "web1", "?range=24h")
    expect(page.locator("canvas").first).to_be_visible()
    moment = page.locator("[data-moment]")
    expect(moment).to_have_text("Latest values")
    box = page.get_by_role("slider", name="CPU:").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(moment).not_to_have_text("Latest values")
    for cursor in page.locator(".u-cursor-x").all():
        assert "u-off" not in cursor.get_attribute("class")
        assert "translate(-10px" not in cursor.get_attribute("style")


def test_the_cursor_moves_by_keys_and_says_what_it_points_at(open_page):
    page = open_server(open_page, "web1")
    slider = page.get_by_role("slider", name="Memory:")
    expect(slider.locator("canvas")).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    first = slider.get_attribute("aria-valuemin")
    expect(slider).to_have_attribute("aria-valuenow", first)
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", str(int(first) + 1))
    assert "GiB" in slider.get_attribute("aria-valuetext")
    page.keyboard.press("Escape")
    expect(page.locator("[data-moment]")).to_have_text("Latest values")


def test_a_chart_can_be_read_as_a_table(open_page):
    page = open_server(open_page, "web1", "?range=7d")
    details = chart(page, "Network").locator("details")
    details.locator("summary").click()
    head = details.locator("thead")
    expect(head).to_contain_text("In, average")
    assert details.locator("tbody tr").count() > 50
    expect(details.locator("tbody tr").nth(3)).to_contain_text("kB/s")


def test_disk_use_nobody_told_is_explained_and_never_drawn_as_zero(open_page):
    page = open_server(open_page, "old-forum")
    expect(page.locator('[data-field="disk_used"]')).to_have_text("Not known")
    expect(page.locator('[data-field="disk_reason"]')).to_contain_text("guest agent")
    expect(chart(page, "Disk").locator("[data-note]")).to_have_text(
        "Disk use was not known in this time."
    )
    expect(chart(page, "Disk").locator("canvas")).to_have_count(0)


def test_a_server_that_never_ran_has_words_instead_of_charts(open_page):
    page = open_server(open_page, "archive")
    expect(page.locator("[data-nothing]")).to_have_text("Nothing was measured in this time.")
    expect(page.locator("[data-chart]:visible")).to_have_count(0)


def test_charts_follow_the_theme(open_page):
    page = open_server(open_page, "web1")
    canvas = chart(page, "CPU").locator("canvas")
    expect(canvas).to_be_visible()
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert canvas.evaluate("canvas => canvas.toDataURL()") != light
    assert canvas.evaluate(DRAWN) > 0.02


def zoomed(page):
    """The window in the address, seconds."""
    query = parse_qs(urlsplit(page.url).query)
    begun, over = (datetime.fromisoformat(query[name][0]) for name in ("from", "until"))
    return (over - begun).total_seconds()


def test_dragging_over_a_chart_zooms_all_and_a_reload_shows_the_same(open_page):
    page = open_server(open_page, "web1", "?range=24h")
    over = chart(page, "Memory").locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=5)
    with page.expect_response(lambda response: "/metrics/?" in response.url) as asked:
        page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?from=.+&until=.+"))
    length = zoomed(page)
    assert 2 * 3600 < length < 3 * 3600
    assert asked.value.json()["step"] < 300
    expect(page.get_by_role("button", name="Back to live")).to_be_enabled()
    page.reload()
    assert zoomed(page) == length
    expect(page.locator("[data-moment]")).to_have_text("Last values of this time")
    page.get_by_role("button", name="Back to live").click()
    expect(page).not_to_have_url(re.compile("from="))
    expect(page.locator("[data-moment]")).to_have_text("Latest values")
    # That button is of no use now: the focus is beside it, and not lost.
    ranges = page.get_by_role("navigation", name="Range")
    expect(ranges.locator("[aria-current]")).to_be_focused()


def test_zooming_by_keys_and_by_entering_a_time(open_page):
    page = open_server(open_page, "web1", "?range=6h")
    slider = page.get_by_role("slider", name="CPU:")
    expect(slider.locator("canvas")).to_be_visible()
    slider.focus()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("from="))
    assert zoomed(page) == pytest.approx(3 * 3600, abs=60)
    page.keyboard.press("-")
    page.wait_for_function("() => document.querySelector('[data-live-again]:enabled')")
    expect(slider).to_be_focused()
    # The browser's own zoom is the browser's.
    shown = page.url
    page.keyboard.press("Control+0")
    page.keyboard.press("Control++")
    assert page.url == shown
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("from="))
    until = page.get_by_label("until", exact=True)
    shown = page.get_by_label("From", exact=True).input_value()
    until.fill(shown)
    page.get_by_role("button", name="Show", exact=True).click()
    assert until.evaluate("input => input.validationMessage")
    later = datetime.fromisoformat(shown) + timedelta(minutes=30)
    until.fill(later.isoformat(timespec="minutes"))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile("from="))
    assert zoomed(page) == 1800


def test_what_happened_is_marked_listed_and_read_at_its_time(open_page):
    page = open_server(open_page, "gitlab-runner-1", "?range=24h")
    events = page.get_by_role("region", name=re.compile("Events in this time")).first
    row = events.locator("tbody tr").filter(has_text="Alert: Disk")
    expect(row).to_be_visible(timeout=SLOW)
    row.locator("a").focus()
    expect(page.locator("[data-happening]")).to_contain_text("Alert: Disk")
    # Something happens meanwhile: the list is written anew, and the focus stays.
    with page.expect_response("**/events/?*"):
        page.evaluate("() => { document.dispatchEvent(new CustomEvent('alertchange')); }")
    page.wait_for_timeout(300)
    expect(row.locator("a")).to_be_focused()
    expect(page.locator("[data-happening]")).to_contain_text("Alert: Disk")
    spoken = page.get_by_role("slider", name="CPU:").get_attribute("aria-valuetext")
    assert "Alert: Disk" in spoken


def test_the_window_can_be_downloaded(open_page):
    page = open_server(open_page, "web1", "?range=6h")
    expect(page.locator("canvas").first).to_be_visible()
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download as CSV").click()
    name = begun.value.suggested_filename
    assert re.fullmatch(r"web1-\d{8}T\d{4}Z\.csv", name)
    head, *lines = Path(begun.value.path()).read_text().splitlines()
    assert head.startswith("time_utc,cpu_average_percent")
    assert len(lines) > 150


def test_an_address_is_copied_by_keyboard_and_said(open_page):
    page = open_server(open_page, "web1")
    button = page.locator(".addresses > .copy")
    expect(button).to_be_visible(timeout=SLOW)
    address = page.locator(".address").first.text_content()
    expect(page.locator("canvas").first).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_contain_text("Copied")
    expect(page.locator("[data-announcer]")).to_contain_text(f"Copied: {address}")
    assert page.evaluate("() => navigator.clipboard.readText()") == address
