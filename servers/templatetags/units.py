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
    told = numbers()
    return {
        "decimal": told.decimal,
        "binary": [told.units[unit] for unit in BINARY],
        "rates": [told.units[unit] for unit in DECIMAL],
        "days": told.days,
        "hours": told.hours,
        "minutes": told.minutes,
        "seconds": told.seconds,
        "ago": told.ago_words,
    }


@dataclass(frozen=True)
class Numbers:
    """How numbers read in one language. A list writes a thousand: it asks for the language once."""

    decimal: str
    days: str
    hours: str
    minutes: str
    seconds: str
    ago_words: str
    units: dict[str, str]

    def percent(self, fraction: float | None) -> str:
        if fraction is None:
            return ""
        value = fraction * 100
        return self.digits(value, 1 if value < 9.95 else 0) + NO_BREAK + "%"

    def size(self, value: float | None) -> str:
        return "" if value is None else self.quantity(value, 1024, BINARY)

    def rate(self, value: float | None) -> str:
        return "" if value is None else self.quantity(value, 1000, DECIMAL)

    def used_of(self, used: float | None, total: float | None) -> str:
        if used is None:
            return ""
        if total is None:
            return self.size(used)
        whole, index = scaled(total, 1024, BINARY)
        part = used / 1024**index
        decimals = 0 if index == 0 else decimals_of(whole)
        unit = self.units[BINARY[index]]
        return f"{self.digits(part, decimals)} / {self.digits(whole, decimals)}{NO_BREAK}{unit}"

    def duration(self, seconds: float | None) -> str:
        if seconds is None:
            return ""
        whole = max(0, int(seconds))
        if whole >= DAY:
            return f"{with_unit(whole // DAY, self.days)} {with_unit(whole % DAY // HOUR, self.hours)}"
        if whole >= HOUR:
            minutes = whole % HOUR // MINUTE
            return f"{with_unit(whole // HOUR, self.hours)} {with_unit(minutes, self.minutes)}"
        return self.about(whole)

    def about(self, seconds: float) -> str:
        whole = max(0, int(seconds))
        if whole >= DAY:
            return with_unit(whole // DAY, self.days)
        if whole >= HOUR:
            return with_unit(whole // HOUR, self.hours)
        if whole >= MINUTE:
            return with_unit(whole // MINUTE, self.minutes)
        return with_unit(whole, self.seconds)

    def ago(self, seconds: float | None) -> str:
        if seconds is None:
            return ""
        return self.ago_words.format(duration=self.about(seconds)).replace(" ", NO_BREAK)

    def digits(self, value: float, decimals: int) -> str:
        """Half is rounded up, as JavaScript can do it too; Python alone would round to even."""
        scale = 10**decimals
        rounded = int(value * scale + 0.5) / scale
        return f"{rounded:.{decimals}f}".replace(".", self.decimal)

    def quantity(self, value: float, base: int, units: tuple[str, ...]) -> str:
        value, index = scaled(value, base, units)
        decimals = 0 if index == 0 else decimals_of(value)
        return self.digits(value, decimals) + NO_BREAK + self.units[units[index]]


def numbers() -> Numbers:
    """Of the active language."""
    return numbers_in(get_language())


@lru_cache(maxsize=16)
def numbers_in(language: str | None) -> Numbers:
    return Numbers(
        decimal=str(get_format("DECIMAL_SEPARATOR")),
        days=_("d"),
        hours=_("h"),
        minutes=_("min"),
        seconds=_("s"),
        ago_words=_("{duration} ago"),
        units={unit: _(unit) for unit in (*BINARY, *DECIMAL)},
    )


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


def with_unit(number: int, unit: str) -> str:
    return f"{number}{NO_BREAK}{unit}"


@register.filter
def percent(fraction: float | None) -> str:
    """0.12 as 12 %; one decimal below ten, where a small server lives."""
    return numbers().percent(fraction)


@register.filter
def size(value: float | None) -> str:
    """Bytes in KiB, MiB, GiB, as Proxmox shows them."""
    return numbers().size(value)


@register.filter
def rate(value: float | None) -> str:
    """Bytes per second in kB/s, MB/s, as network speeds are told."""
    return numbers().rate(value)


@register.filter
def used_of(used: float | None, total: float | None) -> str:
    """3.1 / 8.0 GiB: both in the total's unit. Without a total, the used alone."""
    return numbers().used_of(used, total)


@register.filter
def duration(seconds: float | None) -> str:
    """3 d 4 h, 4 h 12 min, 12 min, 45 s."""
    return numbers().duration(seconds)


@register.filter
def stopwatch(seconds: float | None) -> str:
    """45 s, 1 min 34 s: how long something takes that one waits for."""
    if seconds is None or seconds < MINUTE or seconds >= HOUR:
        return duration(seconds)
    told, whole = numbers(), int(seconds)
    minutes = with_unit(whole // MINUTE, told.minutes)
    return f"{minutes} {with_unit(whole % MINUTE, told.seconds)}"


@register.filter
def about(seconds: float) -> str:
    """The largest unit alone: 3 d, 4 h, 12 min, 45 s."""
    return numbers().about(seconds)


@register.filter
def ago(seconds: float | None) -> str:
    """In one piece at the end of a line, as `last seen` may stand before it."""
    return numbers().ago(seconds)


@register.filter
def moment(at: datetime | int | None) -> datetime | None:
    """Unix seconds as a time; a time as it is."""
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else at
