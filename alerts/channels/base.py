"""What a way to tell people is: the protocol that each file of this package fulfils."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from django.utils.functional import Promise

from alerts.models import Notification

LONGEST_ANSWER = 255


class Secret(Enum):
    """Whether a channel has a secret, and who makes it."""

    NONE = "none"
    # A signing key, shown once.
    OURS = "ours"
    # A bot's token, never shown.
    THEIRS = "theirs"


@dataclass(frozen=True)
class Message:
    """One notification on its way.

    `event` names it, alike for each attempt, so that whoever gets it twice can tell; `answers`
    names the one that it follows upon. What only a channel that `is_dressed` shows, is given to
    that alone: `footer` and `html` hold links that act without a sign-in.
    """

    notification: Notification
    event: str
    target: str
    secret: str
    now: datetime
    answers: str = ""
    footer: str = ""
    html: str = ""
    picture: bytes = b""
    unsubscribe: str = ""


class Hopeless(Exception):
    """It will not get through, however often it is sent; `str()` says why, without any secret."""


class Refused(Hopeless):
    """Nothing will ever get through there: the channel is at fault, not this message."""


class Postponed(Exception):
    """Not now. `wait` is how long whoever refused it wants to be left alone."""

    def __init__(self, why: str, wait: timedelta | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Channel(Protocol):
    """One way to tell people. A channel has no state: what it needs is in the message."""

    kind: str
    # Whether whoever reads there has to agree first.
    must_confirm: bool
    secret: Secret
    # It is switched off when nothing got through for a day. Never where one server of ours
    # carries everything, as with mail: that may have been away.
    ends_with_the_day: bool
    # It shows HTML, pictures and links of the person's own.
    is_dressed: bool

    @property
    def label(self) -> Promise: ...

    @property
    def target_label(self) -> Promise:
        """What to enter as the target, for a form."""

    def checked(self, target: str) -> str:
        """The target as it is stored. Raises Invalid with the field."""

    def checked_secret(self, secret: str) -> str:
        """A secret that was entered, as it is stored. Raises Invalid with the field."""

    def shown(self, target: str) -> str:
        """Where it goes to, for lists and logs: a target may hold secrets."""

    def send(self, message: Message) -> str:
        """What was answered. Raises Hopeless, Postponed, or OSError where it may work later."""


def printable(said: bytes | str) -> str:
    """A short piece of what a stranger answered, on one line."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line.strip()[:LONGEST_ANSWER]
