import pytest

from tests.browser.numbers import TABLE

pytestmark = pytest.mark.browser

# Names differ as the languages' habits do.
NAMES = {"used_of": "usedOf"}
FORMAT = """async (rows) => {
  const { formats } = await import("/static/js/format.js");
  const words = JSON.parse(document.getElementById("words").textContent);
  const format = formats(words);
  return rows.map(([name, values]) => format[name](...values));
}"""


def test_javascript_writes_numbers_as_python_does(open_page):
    page = open_page("alice@example.com")
    rows = [[NAMES.get(name, name), list(values)] for name, values, _ in TABLE]
    written = page.evaluate(FORMAT, rows)
    expected = [text for _, _, text in TABLE]
    assert [text.replace("\xa0", " ") for text in written] == expected
