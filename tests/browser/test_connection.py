import json
import re
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


PACE = """async () => {
  const { Pace } = await import("/static/js/pace.js");
  const pace = new Pace(30);
  const ask = (newest, isBusy, now) => pace.after({ newest, isBusy, now });
  return [
    ask(1000, false, 1004), // new: when the next are due
    ask(1000, false, 1031), // not yet: soon, then less and less
    ask(1000, false, 1036),
    ask(1000, false, 1080),
    ask(1000, true, 1090), // something is under way
    ask(1090, false, 1200), // due long ago
    pace.afterFailure(),
    pace.afterFailure(),
    pace.afterFailure(77),
    [1, 2, 3, 4, 5].map(() => pace.afterFailure()).at(-1),
    ask(1300, false, 1300),
  ];
}"""


def test_how_soon_it_is_asked_again(open_page):
    page = open_page(ALICE)
    waits = page.evaluate(PACE)
    assert [round(wait, 2) for wait in waits] == [27, 5, 7.5, 11.25, 3, 3, 5, 10, 77, 120, 30]


def test_where_sockets_are_blocked_the_page_lives_all_the_same(open_page, stack):
    def block(page):
        page.route_web_socket("**/ws/", lambda socket: socket.close(code=1006))

    page = open_page(ALICE, before=block, quiet=False)
    expect(page.locator("[data-connection-banner]")).to_be_visible()
    for _ in range(3):
        with page.expect_response(lambda answer: "/api/v1/servers/?" in answer.url) as answer:
            pass
    servers = answer.value.json()["results"]
    taken = max(server["metrics"]["taken_at"] for server in servers if server["metrics"])
    assert time.time() - taken < 30
    expect(row_of(page, "web1")).to_have_attribute("data-stale", "false")


def test_where_sockets_are_blocked_it_asks_at_once_how_an_action_goes_on(open_page):
    def rarely_measured(route):
        reply = route.fetch()
        page = re.sub('data-poll-interval="[0-9]+"', 'data-poll-interval="300"', reply.text())
        route.fulfill(response=reply, body=page)

    def block(page):
        page.route_web_socket("**/ws/", lambda socket: socket.close(code=1006))
        page.route(re.compile("//[^/]+/servers/1/$"), rarely_measured)

    page = open_page(ALICE, "/servers/1/", before=block, quiet=False)
    expect(page.locator("[data-connection-banner]")).to_be_visible()
    page.wait_for_timeout(1000)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(7000)
    assert not any(url.endswith("/api/v1/servers/1/") for url in asked)
    with page.expect_request("**/api/v1/servers/1/", timeout=5000):
        page.evaluate("() => { document.dispatchEvent(new CustomEvent('acted')); }")


def test_an_answer_cut_short_is_asked_for_again(open_page):
    asked = []

    def answer(route):
        asked.append(route.request.url)
        route.fulfill(status=200, content_type="application/json", body='{"results": [')

    def block(page):
        page.route_web_socket("**/ws/", lambda socket: socket.close(code=1006))
        page.route("**/api/v1/servers/?*", answer)

    page = open_page(ALICE, before=block, quiet=False)
    for _ in range(2):
        page.wait_for_event("requestfinished", lambda request: "/servers/?" in request.url)
    assert len(asked) >= 2


def test_a_session_that_ended_leads_back_to_the_same_place(open_page):
    page = open_page(ALICE, before=lambda page: page.route_web_socket("**/ws/", cut), quiet=False)
    page.goto("/?q=web&sort=cpu")
    page.context.clear_cookies()
    page.wait_for_url("**/sign-in/?next=*", timeout=20_000)
    page.get_by_label("Mail address").fill(ALICE)
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/?q=web&sort=cpu")


def cut(socket):
    socket.close(code=1006)
