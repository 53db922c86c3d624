import json
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"


class Line:
    """The page's websocket with a pair of scissors."""

    def __init__(self, page):
        self.is_cut = False
        self.opened = 0
        self.sockets = []
        self.heard = []
        page.route_web_socket("**/ws/", self.route)

    def route(self, socket):
        self.opened += 1
        if self.is_cut:
            socket.close(code=1012)
            return
        self.sockets.append(socket)
        server = socket.connect_to_server()
        server.on_message(lambda message: self.pass_on(socket, message))

    def pass_on(self, socket, message):
        self.heard.append(json.loads(message))
        socket.send(message)

    def cut(self):
        self.is_cut = True
        for socket in self.sockets:
            socket.close(code=1012)
        self.sockets.clear()


def row_of(page, name):
    return page.locator("[data-server]").filter(
        has=page.get_by_role("link", name=name, exact=True)
    )


@pytest.fixture
def opened(open_page):
    lines = []
    page = open_page(ALICE, before=lambda page: lines.append(Line(page)), quiet=False)
    row = row_of(page, "web1")
    while not any(
        event.get("server") == int(row.get_attribute("data-server")) for event in heard(lines)
    ):
        page.wait_for_timeout(100)
    return page, lines[0]


def heard(lines):
    return [event for line in lines for event in line.heard]


def test_a_lost_socket_is_told_and_forgotten_when_it_is_back(opened):
    page, line = opened
    banner = page.locator("[data-connection-banner]")
    expect(banner).to_be_hidden()
    with page.expect_request(lambda request: "/api/v1/servers/?" in request.url):
        line.cut()
        expect(banner).to_be_visible()
    expect(banner).to_contain_text("Live updates are interrupted; trying again")
    line.is_cut = False
    expect(banner).to_be_hidden(timeout=40_000)
    rows = page.locator("[data-server]").count()
    until = time.monotonic() + 20
    # Answers come one by one, the banner goes with the first.
    while sum(event["type"] == "subscribed" for event in line.heard) <= rows:
        assert time.monotonic() < until, "nothing was subscribed to anew"
        page.wait_for_timeout(100)


def test_a_short_interruption_is_not_told(opened):
    page, line = opened
    page.evaluate(
        """() => {
          const banner = document.querySelector("[data-connection-banner]");
          window.told = false;
          new MutationObserver(() => { window.told ||= !banner.hidden; })
            .observe(banner, { attributes: true });
        }"""
    )
    before = line.opened
    line.cut()
    line.is_cut = False
    page.wait_for_timeout(4500)
    assert line.opened > before
    assert not page.evaluate("() => window.told")


def test_it_asks_less_and_less_often(opened):
    page, line = opened
    line.cut()
    page.wait_for_timeout(9000)
    assert 2 <= line.opened <= 6


def test_an_older_sample_never_replaces_a_newer_one(opened):
    page, line = opened
    row = row_of(page, "web1")
    server = int(row.get_attribute("data-server"))
    cell = row.locator('[data-field="cpu"]')
    shown = next(
        event["metrics"]
        for event in line.heard
        if event["type"] == "subscribed" and event["server"] == server
    )
    old = {**shown, "taken_at": shown["taken_at"] - 600, "cpu": 0.77}
    new = {**shown, "taken_at": shown["taken_at"] + 600, "cpu": 0.88}
    for metrics in (new, old):
        event = {"type": "metrics", "server": server, "metrics": metrics}
        line.sockets[0].send(json.dumps(event))
    expect(cell).to_have_text("88 %")
    page.wait_for_timeout(300)
    expect(cell).to_have_text("88 %")


def test_a_server_that_comes_back_is_lost_no_more(opened):
    page, line = opened
    row = row_of(page, "web1")
    server = int(row.get_attribute("data-server"))
    age = row.locator('[data-field="age"]')
    state = next(
        event
        for event in line.heard
        if event["type"] == "subscribed" and event["server"] == server
    )
    lost = {"type": "error", "code": "not_found", "message": "", "server": server}
    line.sockets[0].send(json.dumps(lost))
    expect(row).to_have_attribute("data-stale", "true")
    words = age.text_content()
    fresh = {**state["metrics"], "taken_at": int(time.time())}
    line.sockets[0].send(json.dumps({**state, "metrics": fresh}))
    expect(row).to_have_attribute("data-stale", "false")
    expect(age).not_to_have_text(words)


def test_numbers_that_stand_still_look_old(open_page):
    def listen_no_more(page):
        page.clock.install()
        page.route_web_socket("**/ws/", lambda socket: None)

    page = open_page(ALICE, before=listen_no_more)
    row = row_of(page, "web1")
    expect(row).to_have_attribute("data-stale", "false")
    page.clock.fast_forward(60_000)
    expect(row).to_have_attribute("data-stale", "true")
    expect(row.locator('[data-field="age"]')).to_contain_text("last seen 1 min ago")
    page.wait_for_function("() => /^\\(\\d+\\) Servers/.test(document.title)")
