"""What a person says of themselves: name, language, time zone, theme."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, zones
from accounts.audit import Actor
from accounts.models import User

FIELDS = ("first_name", "last_name", "language", "time_zone", "theme")
LONGEST_NAME = 150


class BadChoice(ValueError):
    """This cannot be chosen; `str()` says why, `field` which one it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(wish: Mapping[str, object]) -> None:
    """Raises BadChoice."""
    languages = {code for code, _name in User._meta.get_field("language").choices or ()}
    if "language" in wish and wish["language"] not in languages:
        raise BadChoice("language", _("The panel does not speak this language."))
    if "time_zone" in wish and wish["time_zone"] not in zones.known():
        raise BadChoice("time_zone", _("There is no such time zone."))
    if "theme" in wish and wish["theme"] not in User.Theme.values:
        raise BadChoice("theme", _("There is no such theme."))
    for name in ("first_name", "last_name"):
        if len(str(wish.get(name, ""))) > LONGEST_NAME:
            raise BadChoice(name, _("This is too long."))


def change(user: User, wish: Mapping[str, object], *, actor: Actor, now: datetime) -> list[str]:
    """What the wish names of FIELDS is changed. Returns what was. Raises BadChoice."""
    check(wish)
    changed = [name for name in FIELDS if name in wish and getattr(user, name) != str(wish[name])]
    if not changed:
        return []
    values = {name: str(wish[name]) for name in changed}
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(**values)
        audit.record(
            "account.changed",
            actor=actor,
            now=now,
            object_type="user",
            object_id=user.pk,
            details={name: value for name, value in values.items() if not name.endswith("_name")},
        )
    for name, value in values.items():
        setattr(user, name, value)
    return changed
