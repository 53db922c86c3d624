"""A company's own name, logo and colour on every page. Pure, but for reading the logo once.

One colour is given; what both themes need of it (links, buttons, focus, meters) is derived, made
darker or lighter until it can be read where it stands: 4.5:1 for text and 3:1 for marks, as WCAG
2.2 wants it (1.4.3, 1.4.11).
"""

import re
from base64 import b64encode
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

HEX = re.compile(r"#[0-9a-fA-F]{6}")
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
LARGEST_LOGO = 100_000
TEXT, MARK = 4.5, 3.0
# Light and dark: what colours of ours stand on, as in static/css/tokens.css.
GROUNDS = {
    "light": {"surface": "#ffffff", "canvas": "#f4f5f8", "hover": "#f6f8fd", "track": "#e3e6ed"},
    "dark": {"surface": "#141920", "canvas": "#0c0f14", "hover": "#191f29", "track": "#2a323e"},
}
WHITE, INK = "#ffffff", "#0b1330"


class BadBrand(ValueError):
    """A setting that cannot be right; `str()` says which, and why."""


@dataclass(frozen=True)
class Logo:
    type: str
    data: bytes

    @property
    def version(self) -> str:
        return sha256(self.data).hexdigest()[:12]

    def with_mark(self) -> str:
        """An SVG of it with a dot that says that something wants attention."""
        uri = f"data:{self.type};base64,{b64encode(self.data).decode()}"
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
            f'<image href="{uri}" width="32" height="32"/>'
            '<circle cx="24" cy="8" r="7.5" fill="#fff"/>'
            '<circle cx="24" cy="8" r="6" fill="#d97706"/></svg>'
        )


@dataclass(frozen=True)
class Brand:
    name: str
    colour: str = ""
    logo: Logo | None = None

    @cached_property
    def accents(self) -> dict[str, str]:
        """Of links in letters, which know no style sheet; empty without a colour."""
        themes = ("light", "dark") if self.colour else ()
        return {theme: tokens(self.colour, theme)["accent"] for theme in themes}

    @cached_property
    def sheet(self) -> str:
        """The style sheet that goes over the tokens; empty without a colour."""
        return sheet_of(self.colour) if self.colour else ""

    @cached_property
    def sheet_version(self) -> str:
        return sha256(self.sheet.encode()).hexdigest()[:12]


def read(name: str, colour: str, logo: str) -> Brand:
    """From the settings. Raises BadBrand."""
    if colour and not HEX.fullmatch(colour):
        raise BadBrand("BRAND_COLOR must be like #2b50c8.")
    return Brand(name, colour.lower(), read_logo(Path(logo)) if logo else None)


def read_logo(path: Path) -> Logo:
    type = TYPES.get(path.suffix.lower())
    if type is None:
        raise BadBrand(f"BRAND_LOGO must be one of {', '.join(TYPES)}: {path}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadBrand(f"BRAND_LOGO cannot be read: {error}") from error
    if not 0 < len(data) <= LARGEST_LOGO:
        raise BadBrand(f"BRAND_LOGO is {len(data)} bytes; it must be from 1 to {LARGEST_LOGO}.")
    return Logo(type, data)


def sheet_of(colour: str) -> str:
    light, dark = (lines_of(tokens(colour, theme)) for theme in ("light", "dark"))
    return (
        f":root {{\n{light}}}\n\n"
        "@media (prefers-color-scheme: dark) {\n"
        f':root:not([data-theme="light"]) {{\n{dark}}}\n}}\n\n'
        f':root[data-theme="dark"] {{\n{dark}}}\n'
    )


def lines_of(values: dict[str, str]) -> str:
    return "".join(f"  --{name}: {value};\n" for name, value in values.items())


def tokens(colour: str, theme: str) -> dict[str, str]:
    """The tokens of one theme that follow from the colour."""
    ground = GROUNDS[theme]
    away = -1 if theme == "light" else 1
    soft = mixed(colour, ground["surface"], 0.10 if theme == "light" else 0.18)
    stands_on = [ground["surface"], ground["canvas"], ground["hover"], soft]
    accent = readable(colour, stands_on, TEXT, away)
    hover = shifted(accent, 0.07 * away)
    return {
        "accent": accent,
        "accent-hover": hover,
        "accent-soft": soft,
        "on-accent": max((WHITE, INK), key=lambda ink: contrast(ink, accent)),
        "focus": accent,
        "brand-ground": colour,
        "meter-fill": readable(colour, [ground["track"], ground["surface"]], MARK, away),
    }


# Colours


def channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    return red, green, blue


def hex_of(red: float, green: float, blue: float) -> str:
    return "#" + "".join(f"{round(255 * min(max(each, 0), 1)):02x}" for each in (red, green, blue))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, ground: str, share: float) -> str:
    return hex_of(
        *(
            share * over + (1 - share) * under
            for over, under in zip(channels(colour), channels(ground), strict=True)
        )
    )


def shifted(colour: str, lightness: float) -> str:
    hue, light, saturation = rgb_to_hls(*channels(colour))
    return hex_of(*hls_to_rgb(hue, min(max(light + lightness, 0), 1), saturation))


def readable(colour: str, grounds: list[str], least: float, away: int) -> str:
    """The nearest one, darker (-1) or lighter (1), that has this contrast on all of them."""
    hundredths = 0
    shown = colour
    while hundredths < 100 and min(contrast(shown, ground) for ground in grounds) < least:
        hundredths += 1
        shown = shifted(colour, away * hundredths / 100)
    return shown
