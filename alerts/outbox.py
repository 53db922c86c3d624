"""Telling people something: a row now, a mail as soon as a worker gets to it."""

import re
import unicodedata
from datetime import datetime

from django.db import transaction

from accounts.models import User
from alerts.models import Notification
from servers.models import Server
from servers.queue import enqueue

LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000
LONGEST_KEY = 128
CUT = "…"

# Titles and names in it are hostile: controls end a header, turned text shows another word than it
# has, and half a surrogate pair cannot be sent at all.
UNWRITABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def tell(
    user: User,
    *,
    subject: str,
    body: str,
    key: str | None,
    now: datetime,
    server: Server | None = None,
) -> Notification:
    """Have a mail sent to this person, in plain text.

    `key` names what it tells of, in up to 128 ASCII characters, the person with it where several
    are told. The same is told once: whoever comes second gets the notification that is there.
    """
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii()):
        raise ValueError(f"{key!r} cannot be the key of a notification.")
    with transaction.atomic():
        fields = {
            "recipient": user,
            "address": user.email,
            "subject": one_line(subject),
            "body": plain(body),
            "server": server,
            "created_at": now,
            "next_attempt_at": now,
        }
        if key is None:
            notification, made = Notification.objects.create(**fields), True
        else:
            notification, made = Notification.objects.get_or_create(key=key, defaults=fields)
        if made:
            enqueue("alerts.deliver", notification_id=notification.pk)
    return notification


def one_line(text: str) -> str:
    """A subject: no line breaks or controls, and not longer than mailboxes show."""
    words = "".join(letter if is_writable(letter) else " " for letter in text).split()
    return shortened(" ".join(words), LONGEST_SUBJECT)


def plain(text: str) -> str:
    lines = re.split(r"\r\n|\r|\n", text)
    kept = ("".join(filter(is_writable, line.replace("\t", " "))) for line in lines)
    return shortened("\n".join(kept), LONGEST_BODY)


def is_writable(letter: str) -> bool:
    return unicodedata.category(letter) not in UNWRITABLE and letter not in TURNING


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - len(CUT)]}{CUT}"
