"""The panel's own sentences that are stored, in English, and shown in the language of whoever reads.

What others said is stored in the same places (Proxmox, mail servers, receivers of webhooks). It is
shown as it is.
"""

import re
from collections.abc import Iterable

from django.utils.translation import gettext

PLACE = re.compile(r"%\\?\((\w+)\\?\)s")


class Sentences:
    """`english` are marked with gettext_noop where they stand; `%(name)s` in them is a place."""

    def __init__(self, *english: str) -> None:
        self.plain = frozenset(each for each in english if not PLACE.search(each))
        self.patterns = tuple(patterns(each for each in english if PLACE.search(each)))

    def shown(self, text: str) -> str:
        """The sentence in the language of now; what is none of ours unchanged."""
        if text in self.plain:
            return gettext(text)
        for sentence, pattern in self.patterns:
            if found := pattern.fullmatch(text):
                values = {name: self.shown(value) for name, value in found.groupdict().items()}
                return gettext(sentence) % values
        return text


def patterns(sentences: Iterable[str]) -> Iterable[tuple[str, re.Pattern[str]]]:
    for sentence in sentences:
        places = PLACE.sub(r"(?P<\1>.+)", re.escape(sentence))
        yield sentence, re.compile(places, re.DOTALL)
