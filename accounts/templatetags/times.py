"""Times on a page: by the clock of whoever reads, in their language.

static/js/clock.js writes the same times the same way, for what changes while the page is open.
"""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext, pgettext_lazy

register = template.Library()

MONTHS = (
    pgettext_lazy("short", "Jan"), pgettext_lazy("short", "Feb"), pgettext_lazy("short", "Mar"),
    pgettext_lazy("short", "Apr"), pgettext_lazy("short", "May"), pgettext_lazy("short", "Jun"),
    pgettext_lazy("short", "Jul"), pgettext_lazy("short", "Aug"), pgettext_lazy("short", "Sept"),
    pgettext_lazy("short", "Oct"), pgettext_lazy("short", "Nov"), pgettext_lazy("short", "Dec"),
)  # fmt: skip
WEEKDAYS = (
    pgettext_lazy("short", "Mon"), pgettext_lazy("short", "Tue"), pgettext_lazy("short", "Wed"),
    pgettext_lazy("short", "Thu"), pgettext_lazy("short", "Fri"), pgettext_lazy("short", "Sat"),
    pgettext_lazy("short", "Sun"),
)  # fmt: skip


@register.simple_tag
def when(at: datetime | None, field: str = "") -> SafeString:
    """14:03 today, 12 May, 14:03 on another day; the title says it to the second, with the zone.

    `field` is its name for static/js/server-view.js.
    """
    named = format_html(' data-field="{}"', field) if field else ""
    if not at:
        return format_html('<time{} data-time datetime=""></time>', named)
    return format_html(
        '<time{} data-time datetime="{}" title="{}">{}</time>',
        named, at.isoformat(), exact(at), brief(at, now=timezone.now()),
    )  # fmt: skip


@register.filter
def exact(at: datetime) -> str:
    """Tue, 12 May 2026, 14:03:27, Europe/Berlin."""
    local = timezone.localtime(at)
    zone = timezone.get_current_timezone_name()
    return f"{WEEKDAYS[local.weekday()]}, {day(local)} {local.year}, {local:%H:%M:%S}, {zone}"


def brief(at: datetime, *, now: datetime) -> str:
    local, today = timezone.localtime(at), timezone.localtime(now)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{day(local)}{year}, {local:%H:%M}"


def day(local: datetime) -> str:
    # Translators: a day of a month, like 12 May.
    return pgettext("date", "{day} {month}").format(day=local.day, month=MONTHS[local.month - 1])
