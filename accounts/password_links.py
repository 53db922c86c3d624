"""Links by which somebody chooses a password: good for PASSWORD_RESET_TIMEOUT, and once."""

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User


def url_for(user: User) -> str:
    person = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password-set", args=[person, default_token_generator.make_token(user)])
    return f"{settings.PANEL_URL}{path}"
