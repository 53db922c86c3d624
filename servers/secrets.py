"""Secrets at rest: encrypted with keys from the environment, never with SECRET_KEY.

ENCRYPTION_KEYS lists Fernet keys. The first one encrypts, all of them decrypt; so a new key is
put in front, `manage.py rotate_encryption_key` re-encrypts, and the old one is taken away.
"""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class LostSecret(str):
    """Empty text in the place of a secret that no key in ENCRYPTION_KEYS opens.

    Saving it keeps what is stored, so that the right key can still come back, and the form in
    which a new secret is entered still opens.
    """

    sealed: str

    @classmethod
    def of(cls, sealed: str) -> "LostSecret":
        lost = cls("")
        lost.sealed = sealed
        return lost


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS holds something that is not a Fernet key (32 bytes, base64)."
        ) from error


def box() -> MultiFernet:
    return _box(tuple(settings.ENCRYPTION_KEYS))


def seal(text: str) -> str:
    return box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed; a LostSecret where no key opens it, and nothing of nothing."""
    if not sealed:
        return ""
    try:
        return box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return LostSecret.of(sealed)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and plain in Python."""

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, LostSecret):
            return value.sealed
        plain = super().get_prep_value(value)
        return plain if plain in (None, "") else seal(plain)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return value if value is None else unseal(value)
