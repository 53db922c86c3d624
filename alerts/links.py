"""Links in mails that act without a sign-in: signed, expiring, and good for one thing alone.

A token holds what it is for, and ids. What it may do is looked up when it is used.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from alerts.models import NotificationChannel

SALT = "alerts.links"
GOOD_FOR = timedelta(days=30)

MUTE = "mute"
UNSUBSCRIBE = "unsubscribe"
CONFIRM = "confirm"


class BadLink(Exception):
    """It is not from us, or too old, or not good any more; which of them is nobody's business."""


@dataclass(frozen=True)
class Link:
    """`what` is one of the words above; the numbers are those of its maker below."""

    what: str
    numbers: tuple[int, ...]
    mark: str = ""


def mute(owner_id: int, rule_id: int, server_id: int, hours: int) -> str:
    return url_of(Link(MUTE, (owner_id, rule_id, server_id, hours)))


def unsubscribe(owner_id: int, channel_id: int) -> str:
    return url_of(Link(UNSUBSCRIBE, (owner_id, channel_id)))


def confirm(channel: NotificationChannel) -> str:
    return url_of(Link(CONFIRM, (channel.owner_id, channel.pk), mark_of(channel.target)))


def mark_of(target: str) -> str:
    """So that what was confirmed is this target, and not what it is changed to afterwards."""
    return sha256(target.encode()).hexdigest()[:16]


def url_of(link: Link) -> str:
    return f"{settings.PANEL_URL}{reverse('alert-link', args=[token_of(link)])}"


def token_of(link: Link) -> str:
    return signing.dumps([link.what, list(link.numbers), link.mark], salt=SALT)


def read(token: str) -> Link:
    """Raises BadLink."""
    try:
        said: Any = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except (signing.BadSignature, ValueError) as error:
        raise BadLink from error
    what, numbers, mark = said
    return Link(what, tuple(numbers), mark)
