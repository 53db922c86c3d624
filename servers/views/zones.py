"""Time zones to choose from."""

from functools import cache

from django.utils.html import format_html_join
from django.utils.safestring import SafeString


@cache
def options(zones: frozenset[str]) -> SafeString:
    """By continent, as people look for them; what has none (UTC, EST5EDT) stands below the rest."""
    groups: dict[str, list[str]] = {}
    for zone in sorted(zones):
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
