import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
SLOW = 40_000


def badge(page):
    return page.locator("[data-alert-badge]")


def count_of(page):
    found = re.search(r"\d+", badge(page).text_content())
    return int(found.group()) if found else 0


def line_of(page, words):
    return page.locator("[data-alert]").filter(has_text=words)


def rule_of(page, sentence):
    return page.locator(".rule-sentence").filter(has_text=sentence)


def make_a_rule(page, threshold):
    """That the processor of web1 does anything at all, which it always does."""
    page.goto("/alerts/rules/new/?server=1")
    page.get_by_label("Threshold").fill(threshold)
    page.get_by_label("For so many minutes").fill("0")


def test_a_rule_is_tried_before_it_is_saved_and_what_it_finds_arrives_live(open_page):
    page = open_page(ALICE)
    watching = open_page(ALICE, "/?q=web1")
    before = count_of(watching)

    make_a_rule(page, "0.3")
    trial = page.locator("[data-trial]")
    expect(trial).to_contain_text("It would have fired once", timeout=SLOW)
    expect(trial.locator("canvas")).to_be_visible()
    page.get_by_label("Threshold").fill("99.9")
    expect(trial).to_contain_text("It would not have fired")
    page.get_by_label("Threshold").fill("101")
    expect(trial).to_contain_text("It must be from 0 to 100 %.")
    page.get_by_label("Threshold").fill("0.3")
    expect(trial).to_contain_text("It would have fired once")
    page.get_by_role("button", name="Save").click()
    expect(rule_of(page, "CPU above 0.3 % on web1")).to_be_visible()

    # On a page that was open all the time: the number, the mark of the row, the title.
    expect(badge(watching)).to_contain_text(f"{before + 1} fire", timeout=SLOW)
    expect(watching.get_by_role("link", name="1 alert", exact=True)).to_be_visible()
    expect(watching).to_have_title(re.compile(r"^\(\d+\) Servers"))

    page.goto("/alerts/")
    line_of(page, "CPU above 0.3 %").get_by_role("link", name="Why?").click()
    expect(page.get_by_text("It fired at once, when it crossed")).to_be_visible()
    expect(page.locator("[data-alert-chart] canvas")).to_be_visible()
    # Whether it was told is decided apart from the cycle, and comes without a reload.
    expect(page.locator('[data-code="told"]')).to_be_visible(timeout=SLOW)

    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("acknowledged by you")).to_be_visible()
    expect(badge(watching)).not_to_contain_text(f"{before + 1} fire", timeout=SLOW)
    page.locator(".mute-menu > summary").click()
    page.get_by_role("button", name="For 1 hour").click()
    expect(page.get_by_role("heading", name="Muted")).to_be_visible()
    page.get_by_role("button", name="Unmute").click()

    page.goto("/alerts/rules/")
    page.get_by_role("link", name="Delete CPU above 0.3 % on web1").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Alert rules")).to_be_visible()
    expect(rule_of(page, "CPU above 0.3 % on web1")).to_have_count(0)


def test_a_list_that_is_pointed_at_waits_with_what_is_new(open_page):
    """Nothing moves under a pointer: what fires is the server's to say, and comes when it left."""
    page = open_page(ALICE, "/alerts/")
    part = page.locator('[data-part="current"]')
    expect(part).to_be_visible()
    part.hover()
    old = part.inner_text()
    page.evaluate(
        """() => {
            const parse = DOMParser.prototype.parseFromString;
            DOMParser.prototype.parseFromString = function (text, type) {
                return parse.call(this, text.replace("data-part", "data-fresh data-part")
                    .replace("<strong>", "<strong>Changed: "), type);
            };
            document.dispatchEvent(new CustomEvent("alertchange"));
        }"""
    )
    notice = page.get_by_role("button", name="What fires has changed: show it")
    expect(notice).to_be_visible()
    assert part.inner_text() == old
    page.mouse.move(2, 400)
    expect(page.locator("[data-fresh]")).to_be_visible()
    expect(notice).to_be_hidden()


def test_without_scripts_a_button_tries_a_rule(open_page):
    page = open_page(ALICE, java_script_enabled=False)
    make_a_rule(page, "0.3")
    page.get_by_label("Tried on").select_option(label="web1")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It would have fired once")).to_be_visible()
    # What was entered is still there.
    expect(page.get_by_label("Threshold")).to_have_value("0.3")


def test_a_test_of_a_channel_shows_what_was_answered(open_page):
    page = open_page(ALICE, "/alerts/channels/")
    page.get_by_role("button", name="Send a test (alice@example.com)").click()
    expect(page.get_by_text("The test got there.")).to_be_visible(timeout=SLOW)
