"""The cells of the list of servers.

A page has a hundred rows of them: written here, they take a third of the time that templates take.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from html import escape

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import User
from servers import action_words
from servers.models import Action, Address, Label, Server
from servers.templatetags.acting import label_query
from servers.templatetags.reading import Reading, level, read
from servers.templatetags.units import ago, duration, percent, rate, used_of

register = template.Library()

NOTHING = "–"
MOST_LABELS = 4


@lru_cache(maxsize=16)
def words_in(language: str | None) -> dict[str, str]:
    """What stands in each row, translated once for all of them; `language` is the active one."""
    return {
        "cpu": _("CPU"),
        "memory": _("Memory"),
        "disk": _("Disk"),
        "network": _("Network"),
        "in": _("in"),
        "out": _("out"),
        "uptime": _("Uptime"),
        "age": _("Updated"),
        "cpu_line": _("CPU, last hour"),
        "vcpu": _("vCPU"),
        "nobody": _("nobody’s"),
        "not_known": _("Not known"),
        "no_numbers": _("No numbers yet"),
        "last_seen": _("last seen %(ago)s"),
        "locked": _("Locked:"),
        **{f"is_{value}": capfirst(str(label)) for value, label in Server.Status.choices},
        **{f"kind_{value}": capfirst(str(label)) for value, label in Server.Kind.choices},
    }


def words() -> dict[str, str]:
    return words_in(get_language())


@lru_cache(maxsize=64)
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def server_row(
    server: Server, viewer: User, shown: list[str], firing: Mapping[int, int]
) -> SafeString:
    """One row; `firing`: how many alerts fire, by server."""
    reading = read(server, now=datetime.now(UTC))
    count = firing.get(server.pk, 0)
    return filled(
        '<tr class="server" role="row" data-server="{}" data-name="{}" data-status="{}"'
        ' data-status-since="{}" data-taken-at="{}" data-stale="{}">\n'
        '<td class="cell-name" role="cell"><a class="server-link" href="{}">{}</a>\n'
        '<span class="server-about">{}</span>\n{}</td>\n'
        '<td class="cell-status" role="cell">{}<span data-field="alerts">{}</span>{}</td>\n{}</tr>\n',
        str(server.pk),
        server.name,
        server.status,
        server.status_since.isoformat(),
        str(reading.sample.taken_at) if reading.age is not None else "",
        "true" if reading.is_stale else "false",
        reverse("server-detail", args=[server.pk]),
        server.name,
        row_about(server, viewer, shown),
        row_labels(server, shown),
        row_state(server),
        row_alerts(server, count) if count else "",
        row_action(server),
        row_cells(reading, shown),
    )


def row_alerts(server: Server, count: int) -> SafeString:
    return filled(
        '<a class="badge badge-critical row-alert" href="{}">{}{}</a>',
        reverse("server-alerts", args=[server.pk]),
        icon("bell"),
        ngettext("%(count)s alert", "%(count)s alerts", count) % {"count": count},
    )


def row_about(server: Server, viewer: User, shown: list[str]) -> str:
    """198.51.100.7 · Container · 2 vCPU; for staff, whose it is."""
    told = words()
    addresses: list[Address] = getattr(server, "shown_addresses", [])
    first = next(iter(addresses), None) if "address" in shown else None
    parts = [
        first.address if first else "",
        told[f"kind_{server.kind}"],
        f"{server.cpus} {told['vcpu']}" if server.cpus else "",
        (server.owner.email if server.owner else told["nobody"]) if viewer.is_staff else "",
    ]
    return " · ".join(filter(None, parts))


def row_labels(server: Server, shown: list[str]) -> SafeString:
    labels: list[Label] = getattr(server, "shown_labels", []) if "labels" in shown else []
    if not labels:
        return SafeString("")
    more = len(labels) - MOST_LABELS
    return format_html(
        '<span class="row-labels">{}{}</span>',
        format_html_join(
            "",
            '<a class="label" href="?{}">{}</a>',
            ((label_query(label), label) for label in labels[:MOST_LABELS]),
        ),
        format_html('<span class="caption">+{}</span>', str(more)) if more > 0 else "",
    )


def row_state(server: Server) -> SafeString:
    """The state, and the lock, whose place is there also where there is none."""
    told = words()
    return filled(
        '<span class="state" data-field="status" data-status="{}">{}</span>'
        '<span class="badge" data-field="lock"{}>{}<span class="visually-hidden">{} </span>'
        "<span data-text>{}</span></span>",
        server.status,
        told[f"is_{server.status}"],
        "" if server.lock else SafeString(" hidden"),
        icon("lock"),
        told["locked"],
        action_words.lock_name(server.lock) if server.lock else "",
    )


def row_action(server: Server) -> SafeString:
    """What is being done to it; a place for that where nothing is."""
    active: list[Action] = getattr(server, "active_actions", [])
    if not active:
        return no_action(get_language())
    return render_to_string("servers/row_action.html", {"action": active[0]})


@lru_cache(maxsize=16)
def no_action(language: str | None) -> SafeString:
    return render_to_string("servers/row_action.html", {"action": None})


def row_cells(reading: Reading, shown: list[str]) -> SafeString:
    """The columns after name and state, in their order."""
    told = words()
    cells = (CELLS[column](reading, told, column) for column in shown if column in CELLS)
    return SafeString("".join(cells))


Words = dict[str, str]


def line_cell(reading: Reading, told: Words, name: str) -> SafeString:
    return filled(
        '<td class="cell-line" role="cell">{}<svg class="sparkline" data-sparkline'
        ' viewBox="0 0 60 20" preserveAspectRatio="none" aria-hidden="true" focusable="false"></svg>'
        '<span class="visually-hidden" data-sparkline-words></span></td>\n',
        headed(told[name]),
    )


def meter_cell(reading: Reading, told: Words, name: str) -> SafeString:
    text, share = FIGURES[name](reading)
    is_unknown = name == "disk" and reading.disk_is_unknown
    width = 0.0 if share is None else min(max(share, 0.0), 1.0) * 100
    return filled(
        '<td class="cell-meter" role="cell">{}<span class="figure" data-field="{}"{}>{}</span>'
        '<svg class="meter" data-meter="{}" data-level="{}" aria-hidden="true" focusable="false">'
        '<rect class="meter-track" width="100%" height="100%" rx="3"/>'
        '<rect class="meter-fill" width="{}%" height="100%" rx="3"/></svg></td>\n',
        headed(told[name]),
        name,
        SafeString(' data-known="false"') if is_unknown else "",
        told["not_known"] if is_unknown else text or NOTHING,
        name,
        level(share),
        f"{width:.1f}",
    )


FIGURES: dict[str, Callable[[Reading], tuple[str, float | None]]] = {
    "cpu": lambda reading: (percent(reading.sample.cpu), reading.sample.cpu),
    "memory": lambda reading: (
        used_of(reading.sample.memory_used, reading.sample.memory_total),
        reading.memory,
    ),
    "disk": lambda reading: (
        used_of(reading.sample.disk_used, reading.sample.disk_total),
        reading.disk,
    ),
}


def network_cell(reading: Reading, told: Words, name: str) -> SafeString:
    flow = (
        '<span class="figure"><span class="arrow" aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{} </span><span data-field="network_{}">{}</span></span>'
    )
    sample = reading.sample
    return filled(
        f'<td class="cell-network" role="cell">{{}}{flow} {flow}</td>\n',
        headed(told[name]),
        *("↓", told["in"], "in", rate(sample.network_in) or NOTHING),
        *("↑", told["out"], "out", rate(sample.network_out) or NOTHING),
    )


def uptime_cell(reading: Reading, told: Words, name: str) -> SafeString:
    return filled(
        '<td class="cell-uptime" role="cell">{}<span class="figure" data-field="uptime">{}</span>'
        "</td>\n",
        headed(told[name]),
        duration(reading.sample.uptime) or NOTHING,
    )


def age_cell(reading: Reading, told: Words, name: str) -> SafeString:
    if reading.age is None:
        text = told["no_numbers"] if reading.is_measured else ""
    else:
        text = ago(reading.age)
        text = told["last_seen"] % {"ago": text} if reading.is_stale else text
    return filled(
        '<td class="cell-age" role="cell">{}<span class="age" data-field="age">{}</span></td>',
        headed(told[name]),
        text,
    )


def filled(template: str, *values: str) -> SafeString:
    """As Django's format_html, which takes several times as long for each of some thousand values."""
    return SafeString(
        template.format(
            *(value if isinstance(value, SafeString) else escape(value) for value in values)
        )
    )


def headed(word: str) -> SafeString:
    """What a column's head says, where there is no head: in cards."""
    return filled('<span class="cell-label" aria-hidden="true">{}</span>', word)


CELLS: dict[str, Callable[[Reading, Words, str], SafeString]] = {
    "cpu_line": line_cell,
    "cpu": meter_cell,
    "memory": meter_cell,
    "disk": meter_cell,
    "network": network_cell,
    "uptime": uptime_cell,
    "age": age_cell,
}
