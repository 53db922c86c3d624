"""The account, as its owner goes through it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser

BOB, STAFF = "bob@example.com", "staff@example.com"


def choose_language(page, label, language, button):
    page.goto("/account/")
    page.get_by_label(label, exact=True).select_option(language)
    page.get_by_role("button", name=button, exact=True).click()


def test_another_language_and_back(open_page):
    page = open_page(BOB, "/account/", viewport=PHONE)
    choose_language(page, "Language", "ru", "Save")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.goto("/")
    heading = page.get_by_role("heading", level=1)
    expect(heading).not_to_have_text("Servers")
    assert re.search("[а-я]", heading.inner_text())
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    choose_language(page, "Язык", "en", "Сохранить")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_form_pressed_twice_is_sent_once_and_says_that_it_went_well(open_page):
    page = open_page(BOB, "/account/")
    posts = []
    page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    page.route("**/account/", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.get_by_role("button", name="Save").dblclick()
    toast = page.locator("[data-toast]")
    expect(toast).to_have_text("Saved.")
    assert len(posts) == 1
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)


def test_a_page_that_is_come_back_to_sends_its_forms_again(open_page):
    page = open_page(BOB, "/account/")
    is_held = page.evaluate("""() => {
      const form = document.querySelector("form[action='/account/']");
      form.dataset.sent = "";
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
      return "sent" in form.dataset;
    }""")
    assert not is_held


def test_the_menus_theme_goes_along_to_another_browser(open_page, chromium, stack):
    page = open_page(BOB, "/", color_scheme="light")
    page.locator("summary", has_text="Your account").click()
    with page.expect_response("**/account/theme/"):
        page.get_by_label("Dark").check(force=True)
    other = open_page(BOB, "/", color_scheme="light")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("summary", has_text="Your account").click() if not page.get_by_label(
        "As the system"
    ).is_visible() else None
    with page.expect_response("**/account/theme/"):
        page.get_by_label("As the system").check(force=True)
    other.reload()
    expect(other.locator("html")).not_to_have_attribute("data-theme", "dark")


def test_staff_act_on_behalf_of_a_customer_and_come_back(open_page, chromium, stack):
    context = chromium.new_context(base_url=stack.url, locale="en-GB")
    page = context.new_page()
    page.goto("/sign-in/?next=/admin/accounts/user/")
    page.get_by_label("Mail address").fill(STAFF)
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=BOB).first.click()
    page.get_by_role("button", name="Act on behalf").click()
    bar = page.get_by_role("complementary", name="On behalf of a customer")
    expect(bar).to_contain_text(f"You, {STAFF}, act on behalf of {BOB}.")
    expect(page.get_by_role("heading", name="Servers", exact=True)).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_text("Only the customers themselves").first).to_be_visible()
    bar.get_by_role("button", name="End it").click()
    page.wait_for_url("**/admin/accounts/user/*/change/")
    page.goto("/")
    expect(bar).to_have_count(0)
    context.close()
