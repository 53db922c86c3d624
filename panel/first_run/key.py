"""The way in for the first administrator: a link that only the machine's own console can make."""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts import roles
from accounts.models import User

SALT = "panel.first_run"
GOOD_FOR = timedelta(days=1)


class NotGood(Exception):
    """It is not from us, too old, or somebody is there already."""


def is_wanted() -> bool:
    """Whether there is nobody yet who could make others administrators."""
    return not User.objects.filter(role=roles.ADMIN, is_active=True).exists()


def is_first_run() -> bool:
    """Whether there is nobody at all."""
    return not User.objects.exists()


def link() -> str:
    path = reverse("setup-begin", args=[signing.dumps("begin", salt=SALT)])
    return f"{settings.PANEL_URL}{path}"


def check(key: str) -> None:
    """Raises NotGood."""
    if not is_wanted():
        raise NotGood
    try:
        signing.loads(key, salt=SALT, max_age=GOOD_FOR)
    except signing.BadSignature as error:
        raise NotGood from error
