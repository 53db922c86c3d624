"""Passwords for guests: how they are made, and how they travel to the worker.

Nothing keeps them. The message to the worker carries the password sealed, and the action's row the
key, which is wiped as the step is sent: neither the broker nor the database alone holds it.
"""

import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.utils.translation import gettext as _

# Without what is easily taken for something else: 0 O o, 1 l I.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
GENERATED_LENGTH = 20
# Proxmox's own bounds for set-user-password are 5 and 1024; longer ones do not fit crypt(3).
SHORTEST = 8
LONGEST = 128


def generate() -> str:
    """117 bits, in groups of five that are easily typed into a console."""
    while True:
        letters = "".join(secrets.choice(LETTERS) for _ in range(GENERATED_LENGTH))
        if is_mixed(letters):
            return "-".join(letters[at : at + 5] for at in range(0, GENERATED_LENGTH, 5))


def is_mixed(text: str) -> bool:
    """What guests' own rules may ask for (the hyphens are the fourth sort)."""
    sorts = (str.isupper, str.islower, str.isdigit)
    return all(any(is_sort(letter) for letter in text) for is_sort in sorts)


def problem_with(password: str) -> str | None:
    """Why a chosen password cannot be set, None where it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return _("It must have %(least)s to %(most)s characters.") % {
            "least": SHORTEST,
            "most": LONGEST,
        }
    if not password.isprintable() or not password.isascii():
        return _("Letters, digits and signs of the ASCII table alone: a console may lack others.")
    if password != password.strip():
        return _("It must not begin or end with a space.")
    return None


def seal(password: str) -> tuple[str, str]:
    """A fresh key, and the password sealed with it."""
    key = Fernet.generate_key()
    return key.decode(), Fernet(key).encrypt(password.encode()).decode()


def unseal(key: str, sealed: str) -> str | None:
    """None where there is nothing to open, or it was not sealed with this key."""
    if not key or not sealed:
        return None
    try:
        return Fernet(key.encode()).decrypt(sealed.encode()).decode()
    except (InvalidToken, ValueError):
        return None
