"""The colours hold what docs/design-system.md promises of them."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = (Path(settings.BASE_DIR) / "static" / "css" / "tokens.css").read_text()
SURFACES = ("canvas", "surface", "surface-raised", "surface-sunken", "surface-hover")
TEXTS = [(text, on) for text in ("text", "text-muted") for on in SURFACES] + [
    ("text", "segment"),
    ("accent", "surface"),
    ("accent", "canvas"),
    ("accent", "accent-soft"),
    ("accent-hover", "surface"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("good", "good-soft"),
    ("warning", "warning-soft"),
    ("warning", "surface"),
    ("warning", "surface-hover"),
    ("critical", "critical-soft"),
    ("critical", "surface"),
]
MARKS = [
    (mark, on)
    for mark in ("good-mark", "warning-mark", "critical-mark", "calm-mark", "line-strong")
    for on in ("surface", "surface-hover")
] + [
    ("focus", "canvas"),
    ("meter-fill", "meter-track"),
    ("warning-mark", "meter-track"),
    ("critical-mark", "meter-track"),
    *(
        (f"chart-{name}", "surface")
        for name in ["cpu", "memory", "disk", "in", "out", "read", "write"]
    ),
]


def blocks():
    """Names and values of the three blocks: light, dark by the system, dark by choice."""
    found = re.findall(r":root[^{]*\{([^{}]*)\}", TOKENS)
    return [dict(re.findall(r"--([\w-]+):\s*([^;]+);", block)) for block in found]


def luminance(colour):
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_ways_into_the_dark_are_the_same():
    _, by_system, by_choice = blocks()
    assert by_system == by_choice


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [(*pair, 4.5) for pair in TEXTS] + [(*pair, 3.0) for pair in MARKS],
)
def test_contrast(theme, front, back, least):
    light, dark, _ = blocks()
    colours = light if theme == "light" else {**light, **dark}
    assert contrast(colours[front], colours[back]) >= least
