"""Whether it is really the one who is signed in: by the password, asked once more."""

from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.models import User


def is_right(request: HttpRequest, user: User, password: str) -> bool:
    """Whoever sits before an open session may be somebody else. Wrong ones count as sign-ins do.

    Of one of the staff who acts on behalf of `user` it is the own one that is asked for.
    """
    hand: User = getattr(request, "acting_staff", None) or user
    again = authenticate(request, username=hand.email, password=password)
    return again is not None and again.pk == hand.pk
