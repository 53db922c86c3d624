import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_signing_in_and_out(open_page):
    page = open_page(None, "/sign-in/")
    expect(page.get_by_label("Mail address")).to_be_focused()
    sign_in(page, "bob@example.com")
    page.locator("summary", has_text="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Panel")).to_be_visible()
    page.goto("/")
    expect(page).to_have_url("/sign-in/?next=/")


def test_a_wrong_password_is_told(open_page):
    page = open_page(None, "/sign-in/")
    page.get_by_label("Mail address").fill("bob@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("No such person, or another password.")


def test_who_signs_out_in_one_tab_is_led_to_the_sign_in_in_the_other(open_page, stack, chromium):
    context = chromium.new_context(base_url=stack.url, locale="en-GB")
    first, second = context.new_page(), context.new_page()
    sign_in(first, "bob@example.com")
    second.goto("/?q=a")
    first.locator("summary", has_text="Your account").click()
    first.get_by_role("button", name="Sign out").click()
    expect(second).to_have_url("/sign-in/?next=%2F%3Fq%3Da", timeout=20_000)
    context.close()
