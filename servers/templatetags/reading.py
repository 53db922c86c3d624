"""What a page shows of a server: which numbers, how old, told by whom.

static/js/reading.js decides the same for live updates.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django import template
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from servers import troubles
from servers.action_words import DOING, LOCK_NAMES, lock_name
from servers.models import LastSample, Server
from servers.templatetags.units import ago, percent, size, unit_words

register = template.Library()

WARNING = 0.65
CRITICAL = 0.90
# Proxmox refreshes its own numbers every ten seconds: shorter cycles find the same ones again.
LEAST_STALE_SECONDS = 30
# States in which a server is measured, or was until we lost sight of it.
MEASURED = {Server.Status.RUNNING, Server.Status.UNKNOWN}


@dataclass(frozen=True)
class Reading:
    """A server's numbers as they may be shown now; without an age there are none."""

    sample: LastSample
    age: int | None
    is_measured: bool
    is_stale: bool

    @property
    def memory(self) -> float | None:
        return fraction(self.sample.memory_used, self.sample.memory_total)

    @property
    def disk(self) -> float | None:
        return fraction(self.sample.disk_used, self.sample.disk_total)

    @property
    def disk_is_unknown(self) -> bool:
        return self.age is not None and self.sample.disk_used is None


def read(server: Server, *, now: datetime) -> Reading:
    """A stopped server has no numbers. Of one out of sight the last ones are shown, as old."""
    is_measured = server.status in MEASURED
    is_unknown = server.status == Server.Status.UNKNOWN
    sample = getattr(server, "last_sample", None)
    if sample is None or not is_measured or is_of_earlier_run(server, sample):
        return Reading(LastSample(), None, is_measured, is_unknown)
    age = max(0, int(now.timestamp()) - sample.taken_at)
    return Reading(sample, age, is_measured, is_unknown or age > stale_seconds())


def is_of_earlier_run(server: Server, sample: LastSample) -> bool:
    """Taken well before the server was started: its numbers say nothing of this run."""
    begun = server.status_since.timestamp() - settings.POLL_INTERVAL
    return server.status == Server.Status.RUNNING and sample.taken_at < begun


def stale_seconds() -> int:
    return max(3 * settings.POLL_INTERVAL, LEAST_STALE_SECONDS)


def fraction(used: int | None, total: int | None) -> float | None:
    return used / total if used is not None and total else None


def level(value: float | None) -> str:
    if value is None:
        return "none"
    if value >= CRITICAL:
        return "critical"
    return "warning" if value >= WARNING else "fine"


@register.simple_tag
def reading_of(server: Server) -> Reading:
    return read(server, now=datetime.now(UTC))


@register.simple_tag
def problems(servers: list[Server]) -> int:
    """How many of these servers want attention: unknown, or with numbers that stand still."""
    now = datetime.now(UTC)
    return sum(read(server, now=now).is_stale for server in servers)


@register.simple_tag
def share_of(file_system: dict[str, int]) -> float | None:
    return fraction(file_system["used"], file_system["total"])


@register.simple_tag
def share_note(share: float | None, total: int | str | None) -> str:
    """38 % of 8.0 GiB; without a share the size alone."""
    if not isinstance(total, int):
        return ""
    if share is None:
        return _("{size} in all").format(size=size(total))
    return _("{share} of {size}").format(share=percent(share), size=size(total))


@register.inclusion_tag("partials/meter.html")
def meter(name: str, value: float | None) -> dict[str, object]:
    width = 0.0 if value is None else min(max(value, 0.0), 1.0) * 100
    return {"name": name, "level": level(value), "width": f"{width:.1f}%"}


@register.simple_tag
def disk_age(reading: Reading) -> str:
    """, 2 min ago: the guest agent is asked less often than the host."""
    sample = reading.sample
    if sample.disk_source != LastSample.Source.AGENT or sample.disk_measured_at is None:
        return ""
    return f", {ago(max(0, int(datetime.now(UTC).timestamp()) - sample.disk_measured_at))}"


@register.simple_tag
def stale_after() -> int:
    return stale_seconds()


@register.simple_tag
def poll_interval() -> int:
    return settings.POLL_INTERVAL


@register.filter
def trouble(words: str) -> str:
    """What is wrong with a cluster."""
    return troubles.shown(words)


@register.filter
def locked(lock: str) -> str:
    return lock_name(lock)


@register.simple_tag
def words() -> dict[str, object]:
    """The texts that modules write, in the page's language."""
    return {
        **unit_words(),
        "statuses": {value: capfirst(label) for value, label in Server.Status.choices},
        "sources": {value: capfirst(label) for value, label in LastSample.Source.choices},
        "locks": dict(LOCK_NAMES),
        "doing": {type: _("{doing}…").format(doing=doing) for type, doing in DOING.items()},
        "notSent": _("The panel did not answer. Whether it was done, a reload of the page shows."),
        "notKnown": _("Not known"),
        "noNumbers": _("No numbers yet"),
        "lastSeen": _("last seen {ago}"),
        "shareOf": _("{share} of {size}"),
        "sizeAlone": _("{size} in all"),
        "changed": _("{name}: {status}"),
        "manyChanged": _("{count} servers changed their state"),
        "lost": _("Not available any more"),
        "average": _("Average"),
        "least": _("Least"),
        "most": _("Most"),
        "time": _("Time"),
        "used": _("Used"),
        "size": _("Size"),
        "in": _("In"),
        "out": _("Out"),
        "read": _("Read"),
        "write": _("Write"),
        "copied": _("Copied: {text}"),
        "cpuLine": _("CPU in the last hour: between {least} and {most}"),
        "cpuLineNone": _("CPU in the last hour: not measured"),
        "latest": _("Latest values"),
        "lastValues": _("Last values of this time"),
        "until": _("Until"),
        "event": _("Event"),
        "lasts": _("lasts"),
        "eventAt": _("{time}: {event}"),
        "noEvents": _("Nothing happened in this time."),
        "eventsCut": _("There were more events: choose less time to see them all."),
        "eventsFailed": _("The events could not be loaded."),
        "noHistory": _("No history yet. The first points come with the next measurements."),
        "noData": _("Nothing was measured in this time."),
        "diskUnknown": _("Disk use was not known in this time."),
        "cursor": _("{chart}: the value at a time; arrow keys move through it"),
        "cursorZoom": _(
            "{chart}: the value at a time; arrow keys move through it, + and − zoom, 0 is live"
        ),
    }
