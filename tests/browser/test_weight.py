"""What a first visit costs: bytes as they go over the line, requests, and to whom."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MOST_BYTES = 100_000


def visit(page, path):
    """The answers to a page and to all that it asks for, with the bytes of each body as sent."""
    answers = []
    page.on("requestfinished", lambda request: answers.append(request))
    page.goto(path, wait_until="networkidle")
    return {
        request.url: request.sizes()["responseBodySize"]
        for request in answers
        if urlsplit(request.url).scheme in {"http", "https"}
    }


@pytest.mark.parametrize(
    ("email", "path", "most"),
    [
        (None, "/sign-in/", 30_000),
        ("alice@example.com", "/", MOST_BYTES),
        ("alice@example.com", "/servers/1/", MOST_BYTES),
        ("staff@example.com", "/admin/", MOST_BYTES),
    ],
)
def test_a_first_visit_is_light_and_asks_nobody_else(email, path, most, open_page, stack):
    page = open_page(email, "about:blank")
    sizes = visit(page, f"{stack.url}{path}")
    # `pytest -rP` shows it.
    print(f"{path}: {sum(sizes.values()) / 1000:.1f} kB in {len(sizes)} requests")  # noqa: T201
    assert {urlsplit(url).netloc for url in sizes} == {urlsplit(stack.url).netloc}
    assert sum(sizes.values()) < most, sorted(sizes.items(), key=lambda item: -item[1])[:8]


@pytest.mark.parametrize(
    "viewport", [{"width": 1280, "height": 900}, {"width": 390, "height": 844}]
)
@pytest.mark.parametrize("path", ["/", "/servers/1/", "/alerts/", "/account/"])
def test_nothing_jumps_while_a_page_loads(path, viewport, open_page):
    """Cumulative layout shift, as browsers count it; 0.1 is called good, 0.02 is the most here."""
    page = open_page("alice@example.com", "about:blank", viewport=viewport)
    page.add_init_script(
        """window.shifted = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.shifted += entry.value;
          }
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(path)
    expect(page.locator("main")).to_be_visible()
    page.wait_for_timeout(2500)
    assert page.evaluate("() => window.shifted") < 0.02


def test_the_theme_that_was_chosen_is_there_from_the_first_paint(open_page, stack):
    page = open_page("bob@example.com", "/account/", color_scheme="light")
    page.get_by_label("Appearance").last.select_option("dark")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    # Another browser: nothing is kept in it, and it runs no script.
    other = page.context.browser.new_context(
        base_url=stack.url,
        storage_state={**page.context.storage_state(), "origins": []},
        java_script_enabled=False,
        color_scheme="light",
    )
    shown = other.new_page()
    shown.goto("/")
    colour = shown.locator("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    assert colour == "rgb(12, 15, 20)"
    other.close()
    page.get_by_label("Appearance").last.select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
