"""The rows of the list of servers.

A page has a hundred of them. What is alike in all, the words of a language among it, is put together
once; a row then costs one formatting (bench/README.md, Pages).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from html import escape

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import User
from servers import action_words
from servers.listing import Beside
from servers.models import Action, Server
from servers.templatetags.acting import label_query
from servers.templatetags.reading import Reading, level, read
from servers.templatetags.units import Numbers, numbers_in

register = template.Library()

NOTHING = "–"
MOST_LABELS = 4

Words = dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """What the rows of a page have in common. `row` is a format of what `values_of` gives."""

    words: Words
    numbers: Numbers
    columns: tuple[str, ...]
    row: str
    no_action: str


@register.simple_tag
def server_rows(
    servers: Iterable[Server],
    viewer: User,
    shown: Sequence[str],
    beside: Beside,
    firing: Mapping[int, int],
) -> SafeString:
    """All rows of a page; `firing`: how many alerts fire, by server."""
    sheet = sheet_of(get_language(), tuple(shown))
    now = datetime.now(UTC)
    # One look-up of the route for all rows.
    before, after = reverse("server-detail", args=[0]).rsplit("0", 1)
    rows = [
        sheet.row.format(
            *values_of(
                sheet,
                server,
                read(server, now=now),
                address=f"{before}{server.pk}{after}",
                viewer=viewer,
                beside=beside,
                count=firing.get(server.pk, 0),
            )
        )
        for server in servers
    ]
    return SafeString("".join(rows))


# What all rows share


@lru_cache(maxsize=64)
def sheet_of(language: str | None, columns: tuple[str, ...]) -> Sheet:
    """In the active language, which `language` is."""
    words = words_now()
    cells = (CELLS[column].look(words, column) for column in columns if column in CELLS)
    return Sheet(
        words=words,
        numbers=numbers_in(language),
        columns=columns,
        row=row_look(words) + "".join(cells) + "</tr>\n",
        no_action=render_to_string("servers/row_action.html", {"action": None}),
    )


def words_now() -> Words:
    """Escaped, as they stand in the rows."""
    words: Mapping[str, object] = {
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
    return {name: escape(str(word)) for name, word in words.items()}


def literal(text: str) -> str:
    """As it stands in a format."""
    return text.replace("{", "{{").replace("}", "}}")


@lru_cache(maxsize=64)
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


def headed(word: str) -> str:
    """What a column's head says, where there is no head: in cards."""
    return f'<span class="cell-label" aria-hidden="true">{literal(word)}</span>'


def row_look(words: Words) -> str:
    """Name and state, with the lock, whose place is there also where there is none."""
    return (
        '<tr class="server" role="row" data-server="{}" data-name="{}" data-status="{}"'
        ' data-status-since="{}" data-taken-at="{}" data-stale="{}">\n'
        '<td class="cell-name" role="cell"><a class="server-link" href="{}">{}</a>\n'
        '<span class="server-about">{}</span>\n{}</td>\n'
        '<td class="cell-status" role="cell">'
        '<span class="state" data-field="status" data-status="{}">{}</span>'
        '<span class="badge" data-field="lock"{}>'
        f'{literal(icon("lock"))}<span class="visually-hidden">{literal(words["locked"])} </span>'
        "<span data-text>{}</span></span>"
        '<span data-field="alerts">{}</span>{}</td>\n'
    )


# What differs


def values_of(
    sheet: Sheet,
    server: Server,
    reading: Reading,
    *,
    address: str,
    viewer: User,
    beside: Beside,
    count: int,
) -> list[str]:
    """Of one row, as HTML: what people or Proxmox wrote is escaped here."""
    name, status, lock = escape(server.name), server.status, server.lock
    values = [
        str(server.pk),
        name,
        status,
        server.status_since.isoformat(),
        str(reading.sample.taken_at) if reading.age is not None else "",
        "true" if reading.is_stale else "false",
        address,
        name,
        about(sheet, server, viewer, beside),
        labels(beside.labels.get(server.pk, ())) if "labels" in sheet.columns else "",
        status,
        sheet.words[f"is_{status}"],
        "" if lock else " hidden",
        escape(action_words.lock_name(lock)) if lock else "",
        alerts(server, count) if count else "",
        action(sheet, beside.actions.get(server.pk)),
    ]
    for column in sheet.columns:
        if column in CELLS:
            values += CELLS[column].values(sheet, reading)
    return values


def about(sheet: Sheet, server: Server, viewer: User, beside: Beside) -> str:
    """198.51.100.7 · Container · 2 vCPU; for staff, whose it is."""
    parts = [
        escape(beside.addresses.get(server.pk, "")) if "address" in sheet.columns else "",
        sheet.words[f"kind_{server.kind}"],
        f"{server.cpus} {sheet.words['vcpu']}" if server.cpus else "",
    ]
    if viewer.is_staff:
        parts.append(escape(server.owner.email) if server.owner else sheet.words["nobody"])
    return " · ".join(filter(None, parts))


def labels(borne: Sequence[str]) -> str:
    if not borne:
        return ""
    shown = "".join(
        f'<a class="label" href="?{label_query(text)}">{escape(text)}</a>'
        for text in borne[:MOST_LABELS]
    )
    more = len(borne) - MOST_LABELS
    rest = f'<span class="caption">+{more}</span>' if more > 0 else ""
    return f'<span class="row-labels">{shown}{rest}</span>'


def alerts(server: Server, count: int) -> str:
    return format_html(
        '<a class="badge badge-critical row-alert" href="{}">{}{}</a>',
        reverse("server-alerts", args=[server.pk]),
        icon("bell"),
        ngettext("%(count)s alert", "%(count)s alerts", count) % {"count": count},
    )


def action(sheet: Sheet, active: Action | None) -> str:
    """What is being done to it; a place for that where nothing is."""
    if active is None:
        return sheet.no_action
    return render_to_string("servers/row_action.html", {"action": active})


# Columns


@dataclass(frozen=True)
class Cell:
    """`look` is a format with a place for each of `values`."""

    look: Callable[[Words, str], str]
    values: Callable[[Sheet, Reading], tuple[str, ...]]


def line_look(words: Words, name: str) -> str:
    return (
        f'<td class="cell-line" role="cell">{headed(words[name])}'
        '<svg class="sparkline" data-sparkline viewBox="0 0 60 20" preserveAspectRatio="none"'
        ' aria-hidden="true" focusable="false"></svg>'
        '<span class="visually-hidden" data-sparkline-words></span></td>\n'
    )


def no_values(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    return ()


def meter_look(words: Words, name: str) -> str:
    return (
        f'<td class="cell-meter" role="cell">{headed(words[name])}'
        f'<span class="figure" data-field="{name}"{{}}>{{}}</span>'
        f'<svg class="meter" data-meter="{name}" data-level="{{}}" aria-hidden="true"'
        ' focusable="false"><rect class="meter-track" width="100%" height="100%" rx="3"/>'
        '<rect class="meter-fill" width="{}%" height="100%" rx="3"/></svg></td>\n'
    )


def meter(text: str, share: float | None, known: str = "") -> tuple[str, ...]:
    width = 0.0 if share is None else min(max(share, 0.0), 1.0) * 100
    return known, text or NOTHING, level(share), f"{width:.1f}"


def cpu(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    share = reading.sample.cpu
    return meter(sheet.numbers.percent(share), share)


def memory(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    sample = reading.sample
    return meter(sheet.numbers.used_of(sample.memory_used, sample.memory_total), reading.memory)


def disk(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    if reading.disk_is_unknown:
        return meter(sheet.words["not_known"], reading.disk, ' data-known="false"')
    sample = reading.sample
    return meter(sheet.numbers.used_of(sample.disk_used, sample.disk_total), reading.disk)


def network_look(words: Words, name: str) -> str:
    def flow(arrow: str, way: str) -> str:
        return (
            f'<span class="figure"><span class="arrow" aria-hidden="true">{arrow}</span>'
            f'<span class="visually-hidden">{literal(words[way])} </span>'
            f'<span data-field="network_{way}">{{}}</span></span>'
        )

    ways = f"{flow('↓', 'in')} {flow('↑', 'out')}"
    return f'<td class="cell-network" role="cell">{headed(words[name])}{ways}</td>\n'


def network(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    told, sample = sheet.numbers, reading.sample
    return told.rate(sample.network_in) or NOTHING, told.rate(sample.network_out) or NOTHING


def uptime_look(words: Words, name: str) -> str:
    return (
        f'<td class="cell-uptime" role="cell">{headed(words[name])}'
        '<span class="figure" data-field="uptime">{}</span></td>\n'
    )


def uptime(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    return (sheet.numbers.duration(reading.sample.uptime) or NOTHING,)


def age_look(words: Words, name: str) -> str:
    return (
        f'<td class="cell-age" role="cell">{headed(words[name])}'
        '<span class="age" data-field="age">{}</span></td>'
    )


def age(sheet: Sheet, reading: Reading) -> tuple[str, ...]:
    if reading.age is None:
        return (sheet.words["no_numbers"] if reading.is_measured else "",)
    text = sheet.numbers.ago(reading.age)
    return (sheet.words["last_seen"] % {"ago": text} if reading.is_stale else text,)


CELLS: dict[str, Cell] = {
    "cpu_line": Cell(line_look, no_values),
    "cpu": Cell(meter_look, cpu),
    "memory": Cell(meter_look, memory),
    "disk": Cell(meter_look, disk),
    "network": Cell(network_look, network),
    "uptime": Cell(uptime_look, uptime),
    "age": Cell(age_look, age),
}
