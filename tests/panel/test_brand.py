"""A company's own name, logo and colour: read from the settings, readable in both themes."""

import colorsys
import re

import pytest

from panel import brand
from tests.pages.test_tokens import blocks

# All hues at three lightnesses, and what has none.
COLOURS = [
    brand.hex_of(*colorsys.hls_to_rgb(hue / 12, light, 0.9))
    for hue in range(12)
    for light in (0.25, 0.5, 0.8)
] + ["#000000", "#ffffff", "#808080", "#ffff00"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", COLOURS)
def test_whatever_colour_is_given_what_comes_of_it_can_be_read(colour, theme):
    ground, made = brand.GROUNDS[theme], brand.tokens(colour, theme)
    for on in (ground["surface"], ground["canvas"], ground["hover"], made["accent-soft"]):
        assert brand.contrast(made["accent"], on) >= 4.5
    for front in ("accent", "accent-hover"):
        assert brand.contrast(made["on-accent"], made[front]) >= 4.5
        assert brand.contrast(made[front], ground["surface"]) >= 4.5
    assert brand.contrast(made["meter-fill"], ground["track"]) >= 3
    assert brand.contrast(made["focus"], ground["canvas"]) >= 3


def test_one_that_can_be_read_stays_as_it_is():
    assert brand.tokens("#2b50c8", "light")["accent"] == "#2b50c8"


def test_the_grounds_are_those_of_the_tokens():
    light, dark, _ = blocks()
    names = {
        "surface": "surface",
        "canvas": "canvas",
        "hover": "surface-hover",
        "track": "meter-track",
    }
    for theme, colours in (("light", light), ("dark", {**light, **dark})):
        assert brand.GROUNDS[theme] == {key: colours[name] for key, name in names.items()}


def test_both_ways_into_the_dark_are_the_same():
    found = re.findall(r":root[^{]*\{([^{}]*)\}", brand.sheet_of("#0a7d4f"))
    assert len(found) == 3
    assert found[1] == found[2] != found[0]


@pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", "url(x)", "#123456;}"])
def test_a_colour_that_is_none(colour):
    with pytest.raises(brand.BadBrand, match="BRAND_COLOR"):
        brand.read("x", colour, "")


@pytest.mark.parametrize(
    ("name", "data"), [("logo.exe", b"x"), ("logo.svg", b""), ("logo.png", b"x" * 100_001)]
)
def test_a_logo_that_is_none(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(brand.BadBrand, match="BRAND_LOGO"):
        brand.read("x", "", str(path))


def test_one_that_is_not_there(tmp_path):
    with pytest.raises(brand.BadBrand, match="cannot be read"):
        brand.read("x", "", str(tmp_path / "logo.svg"))


@pytest.fixture
def branded(settings, tmp_path, client):
    path = tmp_path / "logo.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    settings.BRAND = brand.read("Acme", "#0a7d4f", str(path))
    return client


@pytest.mark.django_db
class TestPages:
    def test_they_bear_it(self, branded, alice):
        page = branded.get("/sign-in/").content.decode()
        assert "Sign in to Acme" in page
        sheet = re.search(r'href="(/brand\.css\?v=\w+)"', page)[1]
        reply = branded.get(sheet)
        assert reply["Content-Type"].startswith("text/css")
        assert "--accent: #0" in reply.content.decode()
        assert "immutable" in reply["Cache-Control"]
        for path in re.findall(r'"(/brand/\w+\?v=\w+)"', page):
            reply = branded.get(path)
            assert reply["Content-Type"] == "image/svg+xml"
            assert "sandbox" in reply["Content-Security-Policy"]
            assert "default-src 'none'" in reply["Content-Security-Policy"]

    def test_the_staff_site_too(self, branded, staff):
        branded.force_login(staff)
        assert "/brand.css?v=" in branded.get("/admin/").content.decode()

    def test_without_one_there_is_none(self, client, alice):
        page = client.get("/sign-in/").content.decode()
        assert "/brand" not in page
        assert client.get("/brand/logo").status_code == 404
        assert client.get("/brand.css").content == b""


def test_links_in_letters_bear_it_too():
    assert brand.Brand("x", "#2b50c8").accents["light"] == "#2b50c8"
    assert brand.Brand("x").accents == {}
