"""Webhooks: a signed POST of JSON to a receiver of the customer's. docs/alerts.md describes it."""

import hmac
import json
import re
import string
from collections.abc import Callable
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts import failings
from alerts.channels import payload, wire
from alerts.channels.base import Message, Postponed, Refused, Secret
from alerts.channels.networks import Address, is_public, is_within
from servers.operations import Invalid

LONGEST = 500
GONE = 410
SHORTEST_SECRET = 5
# What may stand in an address; all else has to be quoted already (RFC 3986).
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
ALLOWED = frozenset(string.ascii_letters + string.digits + "-._~:/?[]@!$&'()*+,;=%")


class Webhook:
    kind = "webhook"
    label = gettext_lazy("Webhook")
    target_label = gettext_lazy("Address (https://…)")
    must_confirm = False
    secret = Secret.OURS
    ends_with_the_day = True
    is_dressed = False

    def checked(self, target: str) -> str:
        return checked_url(target.strip())

    def checked_secret(self, secret: str) -> str:
        raise Invalid("secret", _("The panel makes the signing key itself."))

    def shown(self, target: str) -> str:
        """Without path and query, in which many receivers have their password."""
        parts = urlsplit(target)
        return f"{parts.scheme}://{parts.netloc}/…"

    def send(self, message: Message) -> str:
        body = json.dumps(payload.of(message), ensure_ascii=False).encode()
        answer = wire.post(
            message.target, body, headers_of(message, body), may_go=may_go_to(message.target)
        )
        said = answer.told(without=secrets_of(message))
        if 200 <= answer.status < 300:
            return said
        if answer.status == GONE:
            raise Refused(said)
        if 300 <= answer.status < 400:
            raise Postponed(failings.REDIRECTS % {"answer": said})
        raise Postponed(said)


def secrets_of(message: Message) -> tuple[str, ...]:
    """What a receiver knows of us, and an answer could repeat."""
    parts = urlsplit(message.target)
    path = parts.path if len(parts.path) > 1 else ""
    return message.secret, parts.query, path, *filter(is_long, path.split("/"))


def is_long(segment: str) -> bool:
    return len(segment) >= SHORTEST_SECRET


def headers_of(message: Message, body: bytes) -> dict[str, str]:
    stamp = str(int(message.now.timestamp()))
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "panel-webhook/1",
        "X-Event-Id": message.event,
        "X-Event-Timestamp": stamp,
        "X-Event-Signature": f"sha256={signature(message.secret, stamp, body)}",
    }


def signature(key: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a dot and the body, in hexadecimal digits."""
    return hmac.new(key.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()


def may_go(address: Address) -> bool:
    return is_public(address) or is_ours(address)


def is_ours(address: Address) -> bool:
    """In a network that the settings allow, in which plain HTTP is allowed as well."""
    return is_within(address, settings.WEBHOOK_ALLOWED_NETWORKS)


def may_go_to(url: str) -> Callable[[Address], bool]:
    return is_ours if urlsplit(url).scheme == "http" else may_go


def checked_url(url: str) -> str:
    if len(url) > LONGEST:
        raise Invalid("target", _("It is too long."))
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        raise Invalid("target", _("This is not a web address.")) from None
    check_parts(parts, host)
    netloc = f"[{host}]" if ":" in host else host
    netloc = f"{netloc}:{port}" if port else netloc
    return urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, ""))


def check_parts(parts: SplitResult, host: str) -> None:
    if parts.scheme.lower() not in schemes():
        raise Invalid("target", _("It must begin with https://."))
    if not HOST.fullmatch(host) or "@" in parts.netloc:
        raise Invalid("target", _("It must name a host, without a user or a password."))
    if not ALLOWED.issuperset(parts.path + parts.query):
        raise Invalid("target", _("It has signs that must be quoted, like %20 for a space."))
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not may_go(address):
        raise Invalid("target", _("This address leads into a network that is not open."))


def schemes() -> set[str]:
    return {"https", "http"} if settings.WEBHOOK_ALLOWED_NETWORKS else {"https"}
