"""Which time the charts show: what date-time fields hold in one's zone, and what zooming makes of it."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.browser

ALICE = "alice@example.com"
BERLIN = ZoneInfo("Europe/Berlin")

READ = """async (texts) => {
  const { unixOf, wallText } = await import("/static/js/wall-time.js");
  return texts.map((text) => [unixOf(text), Number.isNaN(unixOf(text)) ? "" : wallText(unixOf(text))]);
}"""
WINDOWS = """async ([now]) => {
  const { asAddress, fitting, fromAddress, scaled } = await import("/static/js/window.js");
  const hour = fitting(now - 7200, now - 3600);
  return {
    future: fitting(now - 600, now + 9999),
    short: fitting(now - 5000, now - 4999),
    long: fitting(0, now),
    zoomedIn: scaled(hour, 0.5, hour.from),
    zoomedOut: scaled(hour, 2, hour.from),
    again: fromAddress(asAddress(hour)),
    askedBeyondNow: fromAddress(asAddress({ from: now - 7200, until: now + 36_000 })),
    askedForYears: fromAddress(asAddress({ from: 0, until: now - 3600 })),
    hour,
    nonsense: ["", "?from=x&until=y", "?from=2026-01-02&until=2026-01-01"].map(fromAddress),
  };
}"""


def in_berlin(page):
    def answer(route):
        reply = route.fetch()
        page_there = re.sub(
            'data-time-zone="[^"]*"', 'data-time-zone="Europe/Berlin"', reply.text(), count=1
        )
        route.fulfill(response=reply, body=page_there)

    page.route("**/servers/1/", answer)


def test_fields_hold_the_persons_own_time(open_page):
    page = open_page(ALICE, "/servers/1/", before=in_berlin, quiet=False)
    texts = ["2026-01-15T12:00", "2026-07-15T00:30", "2026-03-29T01:59", "2026-03-29T03:00"]
    for text, (unix, again) in zip(texts, page.evaluate(READ, texts), strict=True):
        assert unix == datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
        assert again == text
    # Clocks pass over it, or show it twice: some time then is meant, and no other.
    (passed_over, _), (twice, _), (nothing, _) = page.evaluate(
        READ, ["2026-03-29T02:30", "2026-10-25T02:30", ""]
    )
    assert abs(passed_over - datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()) <= 3600
    assert abs(twice - datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp()) <= 1800
    assert nothing != nothing


def test_a_window_is_neither_too_short_nor_too_long_nor_of_the_future(open_page):
    page = open_page(ALICE, "/servers/1/")
    now = int(datetime.now(UTC).timestamp())
    found = page.evaluate(WINDOWS, [now])

    def length(name):
        return found[name]["until"] - found[name]["from"]

    assert found["future"]["until"] <= now + 30
    assert (length("short"), length("long")) == (60, 7 * 86400)
    assert (length("hour"), length("zoomedIn"), length("zoomedOut")) == (3600, 1800, 7200)
    assert found["zoomedIn"]["from"] == found["hour"]["from"]
    assert found["again"] == found["hour"]
    # What was asked for begins where it was asked for; of too much, the end is shown.
    assert found["askedBeyondNow"]["from"] == now - 7200
    assert found["askedBeyondNow"]["until"] <= now + 30
    assert length("askedForYears") == 7 * 86400
    assert found["askedForYears"]["until"] == now - 3600
    assert found["nonsense"] == [None, None, None]
