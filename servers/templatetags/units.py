"""How numbers read on a page.

static/js/format.js writes the same numbers the same way, so that a live update never changes more
than the digits; a browser test holds the two to one table.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django import template
from django.utils.formats import get_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

register = template.Library()

NO_BREAK = "\u00a0"
BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
DECIMAL = ("B/s", "kB/s", "MB/s", "GB/s", "TB/s")
MINUTE, HOUR, DAY = 60, 3600, 86400


def unit_words() -> dict[str, object]:
    """What the formats take from the language, for JavaScript."""
    told = marks()
    return {
        "decimal": told.decimal,
        "binary": [told.units[unit] for unit in BINARY],
        "rates": [told.units[unit] for unit in DECIMAL],
        "days": told.days,
        "hours": told.hours,
        "minutes": told.minutes,
        "seconds": told.seconds,
        "ago": told.ago,
    }


@dataclass(frozen=True)
class Marks:
    """What numbers take from a language."""

    decimal: str
    days: str
    hours: str
    minutes: str
    seconds: str
    ago: str
    units: dict[str, str]


def marks() -> Marks:
    """Of the active language. Looked up once: a list writes a thousand numbers."""
    return marks_of(get_language())


@lru_cache(maxsize=16)
def marks_of(language: str | None) -> Marks:
    return Marks(
        decimal=str(get_format("DECIMAL_SEPARATOR")),
        days=_("d"),
        hours=_("h"),
        minutes=_("min"),
        seconds=_("s"),
        ago=_("{duration} ago"),
        units={unit: _(unit) for unit in (*BINARY, *DECIMAL)},
    )


def digits(value: float, decimals: int) -> str:
    """Half is rounded up, as JavaScript can do it too; Python alone would round to even."""
    scale = 10**decimals
    rounded = int(value * scale + 0.5) / scale
    return f"{rounded:.{decimals}f}".replace(".", marks().decimal)


def decimals_of(value: float) -> int:
    """One decimal up to 99.9, none from there."""
    return 1 if value < 99.95 else 0


def scaled(value: float, base: int, units: tuple[str, ...]) -> tuple[float, int]:
    """The value in the unit it is best read in, and that unit's index."""
    index = 0
    while index < len(units) - 1 and value + 0.5 >= base:
        value /= base
        index += 1
    return value, index


def quantity(value: float, base: int, units: tuple[str, ...]) -> str:
    value, index = scaled(value, base, units)
    decimals = 0 if index == 0 else decimals_of(value)
    return digits(value, decimals) + NO_BREAK + marks().units[units[index]]


@register.filter
def percent(fraction: float | None) -> str:
    """0.12 as 12 %; one decimal below ten, where a small server lives."""
    if fraction is None:
        return ""
    value = fraction * 100
    return digits(value, 1 if value < 9.95 else 0) + NO_BREAK + "%"


@register.filter
def size(value: float | None) -> str:
    """Bytes in KiB, MiB, GiB, as Proxmox shows them."""
    return "" if value is None else quantity(value, 1024, BINARY)


@register.filter
def rate(value: float | None) -> str:
    """Bytes per second in kB/s, MB/s, as network speeds are told."""
    return "" if value is None else quantity(value, 1000, DECIMAL)


@register.filter
def used_of(used: float | None, total: float | None) -> str:
    """3.1 / 8.0 GiB: both in the total's unit. Without a total, the used alone."""
    if used is None:
        return ""
    if total is None:
        return size(used)
    whole, index = scaled(total, 1024, BINARY)
    part = used / 1024**index
    decimals = 0 if index == 0 else decimals_of(whole)
    return f"{digits(part, decimals)} / {digits(whole, decimals)}{NO_BREAK}{marks().units[BINARY[index]]}"


@register.filter
def duration(seconds: float | None) -> str:
    """3 d 4 h, 4 h 12 min, 12 min, 45 s."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole >= DAY:
        return (
            with_unit(whole // DAY, marks().days)
            + " "
            + with_unit(whole % DAY // HOUR, marks().hours)
        )
    if whole >= HOUR:
        return (
            with_unit(whole // HOUR, marks().hours)
            + " "
            + with_unit(whole % HOUR // MINUTE, marks().minutes)
        )
    return about(whole)


@register.filter
def stopwatch(seconds: float | None) -> str:
    """45 s, 1 min 34 s: how long something takes that one waits for."""
    if seconds is None or seconds < MINUTE or seconds >= HOUR:
        return duration(seconds)
    whole = int(seconds)
    return (
        with_unit(whole // MINUTE, marks().minutes)
        + " "
        + with_unit(whole % MINUTE, marks().seconds)
    )


@register.filter
def about(seconds: float) -> str:
    """The largest unit alone: 3 d, 4 h, 12 min, 45 s."""
    whole = max(0, int(seconds))
    for length, unit in ((DAY, marks().days), (HOUR, marks().hours), (MINUTE, marks().minutes)):
        if whole >= length:
            return with_unit(whole // length, unit)
    return with_unit(whole, marks().seconds)


@register.filter
def ago(seconds: float | None) -> str:
    """In one piece at the end of a line, as `last seen` may stand before it."""
    if seconds is None:
        return ""
    return marks().ago.format(duration=about(seconds)).replace(" ", NO_BREAK)


@register.filter
def moment(at: datetime | int | None) -> datetime | None:
    """Unix seconds as a time; a time as it is."""
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else at


def with_unit(number: int, unit: str) -> str:
    return f"{number}{NO_BREAK}{unit}"
