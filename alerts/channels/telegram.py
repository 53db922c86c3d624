"""Telegram, by a bot of the customer's own."""

import json
import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.channels import wire
from alerts.channels.base import Message, Postponed, Refused, Secret, printable
from servers.operations import Invalid

# As Telegram counts: UTF-16.
LONGEST = 4096
TOKEN = re.compile(r"[0-9]{5,20}:[A-Za-z0-9_-]{30,80}")
CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
LONGEST_WAIT = timedelta(hours=1)


class Telegram:
    kind = "telegram"
    label = gettext_lazy("Telegram")
    target_label = gettext_lazy("Chat (its number, or @name of a channel)")
    must_confirm = False
    secret = Secret.THEIRS
    ends_with_the_day = True
    is_dressed = False

    def checked(self, target: str) -> str:
        chat = target.strip()
        if not CHAT.fullmatch(chat):
            raise Invalid("target", _("A chat is a number, or the @name of a channel."))
        return chat

    def checked_secret(self, secret: str) -> str:
        token = secret.strip()
        if not TOKEN.fullmatch(token):
            raise Invalid("secret", _("This is not a token as BotFather gives it."))
        return token

    def shown(self, target: str) -> str:
        return target

    def send(self, message: Message) -> str:
        body = {
            "chat_id": message.target,
            "text": text_of(message),
            "link_preview_options": {"is_disabled": True},
        }
        # The token stands in the path, which wire.post puts into no error.
        answer = wire.post(
            f"{settings.TELEGRAM_API_URL}/bot{message.secret}/sendMessage",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            may_go=lambda address: True,
        )
        return judged(answer, without=message.secret)


def text_of(message: Message) -> str:
    text = f"{message.notification.subject}\n\n{message.notification.body}".strip()
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - 1)].decode("utf-16-le", errors="ignore") + "…"


def judged(answer: wire.Answer, *, without: str) -> str:
    said = told_by(answer.body)
    words = str(said.get("description") or "").replace(without, "…")
    line = printable(f"{answer.status} {words or answer.words}")
    match answer.status:
        case 200 if said.get("ok") is True:
            return printable(f"200 message {number_of(said)}")
        case 400 | 401 | 403 | 404:
            raise Refused(line)
        case 429:
            raise Postponed(line, wait_of(said))
    raise Postponed(line)


def told_by(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def number_of(said: dict[str, Any]) -> object:
    result = said.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    return number if isinstance(number, int) else "?"


def wait_of(said: dict[str, Any]) -> timedelta | None:
    parameters = said.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if not isinstance(seconds, int) or seconds < 0:
        return None
    return min(timedelta(seconds=min(seconds, 86400)), LONGEST_WAIT)
