"""Labels: `key` or `key=value`, by which servers are found."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts import audit
from accounts.audit import Actor
from servers.models import Label, Server, ServerQuerySet

MOST = 20
LONGEST = 63
KEY = re.compile(rf"[^\W_][\w.\-/]{{0,{LONGEST - 1}}}")
VALUE = re.compile(rf"[\w.\-/ ]{{0,{LONGEST}}}")


class BadLabel(ValueError):
    """`str()` says what is not right about which label."""


def parse(text: str) -> tuple[str, str]:
    """`env=prod` or `env`. Raises BadLabel."""
    key, _, value = (part.strip() for part in text.partition("="))
    check(key, value)
    return key, value


def parse_all(text: str) -> dict[str, str]:
    """As entered in a form: one a line, or divided by commas. Raises BadLabel."""
    found: dict[str, str] = {}
    for each in re.split(r"[,\n]", text):
        if each.strip():
            key, value = parse(each)
            if key in found:
                raise BadLabel(gettext("“%(key)s” is there twice.") % {"key": key})
            found[key] = value
    check_all(found)
    return found


def check(key: str, value: str) -> None:
    if not KEY.fullmatch(key):
        text = gettext(
            "“%(key)s” cannot be a key: it begins with a letter or digit, then come letters, "
            "digits and . _ - / up to %(most)s characters."
        )
        raise BadLabel(text % {"key": key[:80], "most": LONGEST})
    if not VALUE.fullmatch(value):
        text = gettext(
            "“%(value)s” cannot be a value: letters, digits, spaces and . _ - / up to %(most)s "
            "characters."
        )
        raise BadLabel(text % {"value": value[:80], "most": LONGEST})


def check_all(labels: Mapping[str, str]) -> None:
    if len(labels) > MOST:
        raise BadLabel(gettext("A server has %(most)s labels at most.") % {"most": MOST})
    for key, value in labels.items():
        check(key, value)
    # As MariaDB compares them, on every database.
    if len({alike(key) for key in labels}) < len(labels):
        raise BadLabel(gettext("Two keys differ by case or accents alone."))


def alike(key: str) -> str:
    letters = unicodedata.normalize("NFKD", key.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def replace(server: Server, labels: Mapping[str, str], *, actor: Actor, now: datetime) -> bool:
    """The server has these labels and no others. False where it had them already."""
    check_all(labels)
    with transaction.atomic():
        # Two people at once: the second waits for the first, and replaces what that one wrote.
        Server.objects.select_for_update().only("pk").get(pk=server.pk)
        before = {label.key: label.value for label in Label.objects.filter(server=server)}
        if before == dict(labels):
            return False
        Label.objects.filter(server=server).delete()
        Label.objects.bulk_create(
            [Label(server=server, key=key, value=value) for key, value in labels.items()]
        )
        audit.record(
            "server.labelled",
            actor=actor,
            now=now,
            object_type="server",
            object_id=server.pk,
            details={"from": before, "to": dict(labels)},
        )
    return True


def labelled(servers: ServerQuerySet, text: str) -> ServerQuerySet:
    """Those with this label: `env` with any value, `env=prod` with that one. Raises BadLabel."""
    key, value = parse(text)
    wanted = Label.objects.filter(key=key)
    if "=" in text:
        wanted = wanted.filter(value=value)
    return servers.filter(pk__in=wanted.values("server_id"))
