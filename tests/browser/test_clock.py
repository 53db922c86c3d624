"""Times that modules write read as those that the server wrote."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from accounts.templatetags.times import brief, exact

pytestmark = pytest.mark.browser

# A module of another address is another module: it takes language and zone anew.
CLOCK = """async ([language, zone, times]) => {
  document.documentElement.lang = language;
  document.documentElement.dataset.timeZone = zone;
  const { localise, timeText } = await import(`/static/js/clock.js?${language}`);
  const titleOf = (at) => {
    const frame = document.createElement("p");
    frame.innerHTML = `<time data-time datetime="${new Date(at * 1000).toISOString()}"></time>`;
    localise(frame);
    return frame.firstChild.title;
  };
  return [times.map(timeText), times.map(titleOf)];
}"""
ZONE = """async (name) => {
  document.documentElement.dataset.timeZone = name;
  return (await import(`/static/js/clock.js?${name}`)).timeZone;
}"""


@pytest.mark.parametrize(("language", "zone"), [("en", "America/New_York"), ("ru", "Asia/Tokyo")])
def test_javascript_writes_times_as_python_does(language, zone, open_page):
    page = open_page("alice@example.com")
    now = datetime.now(UTC)
    times = [
        datetime(year, month, 9, 22, 5, tzinfo=UTC)
        for year in (now.year, now.year - 1)
        for month in range(1, 13)
    ]
    stamps = [int(at.timestamp()) for at in [*times, now]]
    written, titles = page.evaluate(CLOCK, [language, zone, stamps])
    with translation.override(language), timezone.override(ZoneInfo(zone)):
        assert written == [brief(at, now=now) for at in [*times, now]]
        assert titles == [exact(at.replace(microsecond=0)) for at in [*times, now]]


def test_a_zone_that_the_browser_does_not_know_breaks_no_page(open_page):
    page = open_page("alice@example.com")
    assert page.evaluate(ZONE, "Mars/Base") == "UTC"
    assert page.evaluate(ZONE, "Asia/Tokyo") == "Asia/Tokyo"
