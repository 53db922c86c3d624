"""Consoles in a real browser: a real VM's firmware screen, a terminal, and how they end."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import machine
from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
COLOURS = """() => {
  const canvas = document.querySelector('[data-target] canvas');
  // Of a copy: the browser complains of a canvas that is read again and again.
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {
    willReadFrequently: true,
  });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def painted(page):
    """Connected is said before the first picture has come."""
    page.wait_for_function(f"() => ({COLOURS})() > 1", timeout=10_000)


def console_of(open_page, name, kind="", **options):
    page = open_page(ALICE, **options)
    page.get_by_role("link", name=name, exact=True).first.click()
    if kind:
        page.goto(page.url.split("?")[0].rstrip("/") + f"/console/?kind={kind}")
    else:
        page.get_by_role("link", name="Console", exact=True).first.click()
    return page


def connected(page):
    expect(page.locator("[data-status-line]")).to_have_text("Connected", timeout=20_000)
    return page


def says(page, words):
    expect(page.locator("[data-note-text]")).to_contain_text(words, timeout=20_000)


@pytest.fixture
def vm(stack, tmp_path):
    """A machine that is shown as shop-app's screen."""
    guest = stack.guest("shop-app")
    with machine.running(tmp_path) as started:
        stack.fault(fault="attach_vnc", vmid=guest["vmid"], address=started.address)
        yield started
        stack.fault(fault="attach_vnc", vmid=guest["vmid"])


def test_a_real_machine_is_seen_and_typed_into(open_page, vm):
    page = connected(console_of(open_page, "shop-app"))
    vm.shows("Ready.")
    painted(page)
    page.keyboard.type("hello 42", delay=20)
    page.keyboard.press("Shift+KeyA")
    vm.shows("hello 42A")

    page.get_by_role("button", name="Paste").click()
    page.get_by_label("Text to be typed").fill("ls -la ~ | grep '\"X\"' && echo $(A_b)")
    page.get_by_role("button", name="Type it").click()
    vm.shows("ls -la ~ | grep '\"X\"' && echo $(A_b)")
    connected(page)

    page.get_by_role("button", name="Ctrl-Alt-Del").click()
    vm.hides("hello 42A")
    vm.shows("Ready.")


def test_a_console_that_breaks_off_is_tried_again(open_page, stack, vm):
    page = connected(console_of(open_page, "shop-app"))
    # A loss right after the beginning is told and not tried again.
    page.wait_for_timeout(5500)
    # Another viewer that wants the screen for itself has QEMU hang up on us.
    machine.take_over(vm.address)
    expect(page.locator("[data-status-line]")).to_have_text(re.compile("lost"), timeout=10_000)
    connected(page)


def test_the_simulated_screen_wants_a_password(open_page):
    page = connected(console_of(open_page, "web1"))
    painted(page)


@pytest.mark.parametrize("name", ["web1", "wordpress-14", "cust-4711"])
def test_a_terminal(name, open_page):
    page = connected(console_of(open_page, name, "text"))
    rows = page.locator(".xterm-rows")
    expect(rows).to_contain_text("login:")
    page.keyboard.type("root\nhostname\n")
    expect(rows).to_contain_text(re.compile(rf"hostname\s*{re.escape(name)}"))
    page.get_by_role("button", name="Paste").click()
    page.get_by_label("Text to be typed").fill("echo one two\n")
    page.get_by_role("button", name="Type it").click()
    expect(rows).to_contain_text(re.compile(r"one two\s*root@"))
    page.keyboard.type("exit\n")
    says(page, "The session ended.")
    page.get_by_role("button", name="Connect again").click()
    connected(page)


def test_without_a_console_the_page_says_why(open_page):
    page = console_of(open_page, "node-builder", "vnc", quiet=False)
    says(page, "neither a screen nor a serial console")
    page = console_of(open_page, "shop-db", "text", quiet=False)
    says(page, "no serial port")
    page = console_of(open_page, "cust-4711", "vnc", quiet=False)
    says(page, "This server has no screen")
    page.get_by_role("link", name="Text console").click()
    connected(page)


def test_a_server_that_is_switched_off_meanwhile(open_page, stack):
    page = connected(console_of(open_page, "web3"))
    guest = stack.guest("web3")
    try:
        stack.fault(fault="set_power", vmid=guest["vmid"], power="stopped")
        says(page, "The server is switched off. Start it")
        page.get_by_role("button", name="Connect again").click()
        says(page, "The server is switched off. Start it")
        expect(page.get_by_role("link", name="To the server", exact=True)).to_be_visible()
    finally:
        stack.fault(fault="set_power", vmid=guest["vmid"], power="running")


def test_a_ticket_from_the_api(open_page, stack):
    """Its page needs nobody signed in, is good once, and hides the ticket at once."""
    signed_in = open_page(ALICE)
    url = signed_in.evaluate(
        """async () => {
          const list = await (await fetch('/api/v1/servers/?name=web1')).json();
          const token = document.querySelector('[name=csrfmiddlewaretoken]').value;
          const reply = await fetch(`/api/v1/servers/${list.results[0].id}/console/`, {
            method: 'POST', headers: { 'X-CSRFToken': token }
          });
          return (await reply.json()).url;
        }"""
    )
    page = connected(open_page(None, url))
    expect(page.get_by_role("heading", name="web1")).to_be_visible()
    assert page.url.endswith("/console/")
    page.get_by_role("button", name="Reconnect").click()
    says(page, "good once")
    again = open_page(None, url)
    says(again, "This ticket is not good any more")


def test_by_keyboard_alone(open_page):
    page = connected(console_of(open_page, "web1"))
    expect(page.locator("[data-target] canvas")).to_be_focused()
    page.keyboard.press("Control+Shift+F6")
    expect(page.get_by_role("button", name="Reconnect")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "false")


def test_what_the_bar_does(open_page, vm):
    page = connected(console_of(open_page, "shop-app"))
    vm.shows("Ready.")
    ctrl = page.get_by_role("button", name="Ctrl", exact=True)
    ctrl.click()
    expect(ctrl).to_have_attribute("aria-pressed", "true")
    page.keyboard.type("a")
    # The BIOS makes a letter of its own of Ctrl and A.
    vm.shows("Ready. \x01")
    ctrl.click()
    expect(ctrl).to_have_attribute("aria-pressed", "false")

    # A phone's keyboard writes without naming keys.
    page.get_by_role("button", name="Keyboard").click()
    page.keyboard.insert_text("by touch")
    vm.shows("\x01by touch")

    canvas = page.locator("[data-target] canvas")
    fitted = canvas.bounding_box()["width"]
    page.get_by_role("button", name="Fit").click()
    assert canvas.bounding_box()["width"] == 720 != fitted
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement === null")

    page.get_by_role("button", name="Reconnect").click()
    connected(page)
    page.keyboard.type("again")
    vm.shows("by touchagain")


def test_on_a_phone_nothing_is_out_of_reach(open_page):
    page = connected(console_of(open_page, "web1", viewport=PHONE))
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for button in page.get_by_role("toolbar").get_by_role("button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
