"""What people are written, as plain text, in their language and their time zone.

A letter is written once, as its notification is put down, and stored; what is added on its way (the
links that act, the picture, the HTML) is in `dressing`.
"""

from alerts.letters.dressing import UNDRESSED, Dress, dress
from alerts.letters.letter import Letter
from alerts.letters.notices import of_confirmation, of_test
from alerts.letters.people import of_invitation, of_password
from alerts.letters.writing import compose

__all__ = [
    "UNDRESSED",
    "Dress",
    "Letter",
    "compose",
    "dress",
    "of_confirmation",
    "of_invitation",
    "of_password",
    "of_test",
]
