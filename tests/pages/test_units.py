import pytest

from servers.templatetags import units
from tests.browser.numbers import TABLE


@pytest.mark.parametrize(("name", "arguments", "expected"), TABLE)
def test_numbers_read_as_the_table_says(name, arguments, expected):
    """tests/browser holds JavaScript to the same table."""
    assert getattr(units, name)(*arguments).replace("\xa0", " ") == expected
