"""A letter, and the pieces that all are made of."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from alerts.models import Alert
from alerts.plain import one_line
from servers.models import Server

# Of servers or alerts in one letter; of the others their number is told.
MOST_LISTED = 50


@dataclass(frozen=True)
class Letter:
    subject: str
    body: str


def letter(subject: str, *blocks: str) -> Letter:
    """`blocks` are divided by blank lines; the first one says again what the subject says."""
    first = subject if subject.endswith((".", "!", "?")) else f"{subject}."
    return Letter(subject, "\n\n".join(filter(None, (first, *blocks))) + "\n")


def facts(*lines: tuple[str, str]) -> str:
    """A line each, of those that are known."""
    return "\n".join(f"{name}: {one_line(value)}" for name, value in lines if value)


def listed(lines: Iterable[str]) -> str:
    every = [f"- {one_line(line)}" for line in lines]
    if len(every) > MOST_LISTED:
        rest = len(every) - MOST_LISTED
        every[MOST_LISTED:] = ["- " + _("and %(count)d more") % {"count": rest}]
    return "\n".join(every)


def name_of(server: Server) -> str:
    return one_line(server.name)


def alert_url(alert: Alert) -> str:
    return f"{settings.PANEL_URL}/alerts/{alert.pk}/"


def alerts_url() -> str:
    return f"{settings.PANEL_URL}/alerts/"


def settings_url() -> str:
    return f"{settings.PANEL_URL}/alerts/preferences/"
