"""Time zones: which there are, and how they are offered."""

from functools import cache
from zoneinfo import available_timezones

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

# Names among them that are no place: browsers know them not, and each machine has its own `localtime`.
NO_ZONES = frozenset(("Factory", "localtime"))


@cache
def known() -> frozenset[str]:
    return frozenset(available_timezones()) - NO_ZONES


@cache
def options() -> SafeString:
    """By continent, as people look for them; what has none (UTC, EST5EDT) stands below the rest."""
    groups: dict[str, list[str]] = {}
    for zone in sorted(known()):
        continent, slash, _city = zone.partition("/")
        groups.setdefault(continent if slash else "", []).append(zone)
    named = sorted((name, rows) for name, rows in groups.items() if name and name != "Etc")
    rest = [("Etc", [*groups.get("", []), *groups.get("Etc", [])])]
    return format_html_join(
        "",
        '<optgroup label="{}">{}</optgroup>',
        (
            (name, format_html_join("", "<option>{}</option>", ((row,) for row in rows)))
            for name, rows in [*named, *rest]
        ),
    )
