import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

# Every background that was there when a frame was about to be painted.
RECORD = """
window.painted = [];
const look = () => {
  if (document.body) window.painted.push(getComputedStyle(document.body).backgroundColor);
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
DARK = "rgb(12, 15, 20)"


@pytest.mark.parametrize("email", [None, "alice@example.com"])
def test_a_chosen_theme_is_there_from_the_first_paint_on(email, open_page):
    page = open_page(email, "/" if email else "/sign-in/", color_scheme="light")
    if email:
        page.locator("summary", has_text="Your account").click()
    page.get_by_role("radio", name="Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.add_init_script(RECORD)
    page.reload()
    page.wait_for_timeout(500)
    assert set(page.evaluate("() => window.painted")) == {DARK}
    if email:
        # It is kept with the person, who has other tests to go through.
        page.locator("summary", has_text="Your account").click()
        with page.expect_response("**/account/theme/"):
            page.get_by_role("radio", name="As the system").check()


def test_the_system_decides_until_somebody_else_does(open_page):
    page = open_page(None, "/sign-in/", color_scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == DARK
    page.get_by_role("radio", name="Light").check()
    assert page.evaluate(background) != DARK
    page.get_by_role("radio", name="As the system").check()
    assert page.evaluate(background) == DARK


def test_the_theme_is_chosen_by_keyboard(open_page):
    page = open_page("alice@example.com", color_scheme="light")
    page.locator("summary", has_text="Your account").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Your account")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    with page.expect_response("**/account/theme/"):
        page.keyboard.press("ArrowRight")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
