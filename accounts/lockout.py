"""Whose wrong passwords are counted together."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User


def username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """The mail address as sign-in looks it up: each spelling that lets in counts as the same one.

    axes asks with credentials where somebody signs in, and without where only a form came. None,
    as from axes itself, where neither names anybody.
    """
    told = credentials if credentials else getattr(request, "data", request.POST)
    name = told.get(settings.AXES_USERNAME_FORM_FIELD)
    return User.objects.normalize_email(str(name)) if name else None
