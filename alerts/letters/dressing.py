"""What is put on a letter as it is sent by mail: links that act, a chart, and HTML.

The links are nowhere stored, as whoever has one may do what it says. Without a chart or HTML the
text goes out all the same.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from css_inline import CSSInliner, InlineError
from django.conf import settings
from django.db import DatabaseError
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from accounts import password_links
from accounts.models import User
from alerts import links, pictures, wording
from alerts.judge import thresholds
from alerts.metrics import MEASURED, Metric
from alerts.models import Alert, Notification

logger = logging.getLogger(__name__)

Kind = Notification.Kind
Made = TypeVar("Made")
PICTURED = (Kind.FIRED, Kind.REMINDER, Kind.RECOVERED)
ENTERING = (Kind.INVITATION, Kind.PASSWORD)
MUTABLE = (Kind.FIRED, Kind.REMINDER, Kind.FLAPPING)
HOURS = (1, 24, 168)
BEFORE = timedelta(minutes=30)
LONGEST = timedelta(days=7)
# Whatever a chart or a page may fail with; each is told in the log.
FAILURES = (
    ArithmeticError, AttributeError, DatabaseError, ImportError, InlineError, LookupError, OSError,
    TemplateDoesNotExist, TemplateSyntaxError, TypeError, ValueError,
)  # fmt: skip
# Media queries cannot be inlined: the style sheet stays as well, for those who read it.
INLINER = CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True)
class Dress:
    footer: str = ""
    html: str = ""
    picture: bytes = b""
    unsubscribe: str = ""


UNDRESSED = Dress()


@dataclass(frozen=True)
class Button:
    words: str
    url: str


@dataclass(frozen=True)
class Block:
    """A piece of the text as HTML has it: paragraphs, a list, facts by name, or links."""

    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()


def dress(notification: Notification) -> Dress:
    person = notification.recipient
    if person is None:
        return UNDRESSED
    with translation.override(person.language):
        alert = only_alert(notification)
        buttons = entering(notification) or confirming(notification) or muting(notification, alert)
        unsubscribe = unsubscribing(notification)
        picture = tried(lambda: picture_of(notification, alert), b"")
        html = tried(lambda: html_of(notification, alert, buttons, unsubscribe, picture), "")
        footer = footer_of(buttons, unsubscribe)
    return Dress(footer, html, picture, unsubscribe)


def tried(make: Callable[[], Made], otherwise: Made) -> Made:
    try:
        return make()
    except FAILURES as error:
        logger.warning("A mail goes out without a part of it: %s", type(error).__name__)
        return otherwise


def only_alert(notification: Notification) -> Alert | None:
    """The alert of a letter that is about a single one."""
    found = list(notification.alerts.select_related("server", "rule")[:2])
    return found[0] if len(found) == 1 else None


# Links that act


def entering(notification: Notification) -> Sequence[Button]:
    """Made as it is sent, and nowhere kept: whoever has it gets in."""
    if notification.kind not in ENTERING or notification.recipient is None:
        return ()
    return (Button(_("Choose a password"), password_links.url_for(notification.recipient)),)


def confirming(notification: Notification) -> Sequence[Button]:
    channel = notification.channel
    if notification.kind != Kind.NOTICE or channel is None or channel.confirmed_at:
        return ()
    return (Button(_("Yes, send alerts here"), links.confirm(channel)),)


def muting(notification: Notification, alert: Alert | None) -> Sequence[Button]:
    if notification.kind not in MUTABLE or alert is None or alert.rule_id is None:
        return ()
    if notification.recipient_id is None or alert.owner_id != notification.recipient_id:
        return ()
    return [
        Button(
            _("Mute for %(duration)s") % {"duration": wording.duration(hours * 3600)},
            links.mute(notification.recipient_id, alert.rule_id, alert.server_id, hours),
        )
        for hours in HOURS
    ]


def unsubscribing(notification: Notification) -> str:
    channel = notification.channel
    if channel is None or channel.confirmed_at is None or notification.kind == Kind.TEST:
        return ""
    return links.unsubscribe(channel.owner_id, channel.pk)


def footer_of(buttons: Sequence[Button], unsubscribe: str) -> str:
    lines = [f"{button.words}: {button.url}" for button in buttons]
    if unsubscribe:
        lines.append(_("No more alerts to this address") + f": {unsubscribe}")
    return "\n".join(lines) + "\n" if lines else ""


# The chart


def picture_of(notification: Notification, alert: Alert | None) -> bytes:
    if alert is None or notification.kind not in PICTURED or alert.metric not in MEASURED:
        return b""
    if alert.kind != Alert.Kind.THRESHOLD or notification.recipient is None:
        return b""
    start, end = span(alert, notification.created_at)
    samples = import_string(settings.ALERT_SAMPLES)(
        alert.server_id,
        alert.metric,
        start,
        end,
        mountpoint=alert.mountpoint or file_system_of(alert),
    )
    if all(value is None for _at, value in samples):
        return b""
    return pictures.png(chart_of(alert, samples, (start, end), notification.recipient))


def file_system_of(alert: Alert) -> str:
    """Of a rule on any file system, the one that the alert is about."""
    return alert.detail if alert.metric == Metric.DISK and alert.detail.startswith("/") else ""


def span(alert: Alert, told_at: datetime) -> tuple[int, int]:
    """From a while before it crossed until it was told, or was over."""
    end = max(told_at, alert.ended_at or told_at)
    lasted = end - alert.since
    start = max(alert.since - max(BEFORE, lasted / 2), end - LONGEST)
    return int(start.timestamp()), int(end.timestamp())


def chart_of(
    alert: Alert, samples: Sequence[pictures.Sample], over: tuple[int, int], person: User
) -> pictures.Chart:
    metric = Metric(alert.metric)
    threshold, _clear_at = thresholds(metric, alert.threshold, alert.clear_at)
    start, end = over
    crossed_until = int(alert.ended_at.timestamp()) if alert.ended_at else end
    return pictures.Chart(
        metric,
        samples,
        start,
        end,
        threshold,
        (int(alert.since.timestamp()), crossed_until),
        ZoneInfo(person.time_zone),
    )


# HTML


def html_of(
    notification: Notification,
    alert: Alert | None,
    buttons: Sequence[Button],
    unsubscribe: str,
    picture: bytes,
) -> str:
    page = render_to_string(
        "alerts/mail/letter.html",
        {
            "brand_name": settings.BRAND_NAME,
            "accents": settings.BRAND.accents,
            "panel_url": settings.PANEL_URL,
            "subject": notification.subject,
            "tone": tone_of(notification, alert),
            "blocks": blocks_of(notification),
            "buttons": buttons,
            "unsubscribe": unsubscribe,
            "picture": bool(picture),
            "language": translation.get_language(),
            "width": pictures.WIDTH,
            "height": pictures.HEIGHT,
        },
    )
    return INLINER.inline(page)


def tone_of(notification: Notification, alert: Alert | None) -> str:
    match notification.kind:
        case Kind.RECOVERED | Kind.FAULT_OVER | Kind.INCIDENT_OVER:
            return "good"
        case Kind.FIRED | Kind.REMINDER | Kind.FLAPPING:
            return alert.severity if alert else "warning"
        case Kind.FAULT | Kind.INCIDENT:
            return "critical"
    return "info"


def blocks_of(notification: Notification) -> list[Block]:
    """Without the first, where it says what stands in the heading."""
    texts = [text for text in re.split(r"\n{2,}", notification.body.strip()) if text]
    if texts and texts[0].rstrip(".") == notification.subject.rstrip("."):
        texts = texts[1:]
    return [block_of(text.split("\n")) for text in texts]


def block_of(lines: Sequence[str]) -> Block:
    if all(line.startswith("- ") for line in lines):
        return Block(items=tuple(line[2:] for line in lines))
    made = [button_of(line) for line in lines]
    if all(made):
        return Block(buttons=tuple(button for button in made if button))
    pairs = [line.partition(": ") for line in lines]
    if all(name and colon and value for name, colon, value in pairs):
        return Block(facts=tuple((name, value) for name, _colon, value in pairs))
    return Block(lines=tuple(lines))


def button_of(line: str) -> Button | None:
    """Of a line that ends in an address of ours; any other stays text."""
    words, _colon, url = line.rpartition(": ")
    if not url.startswith(f"{settings.PANEL_URL}/") or " " in url:
        return None
    return Button(words or url, url)
