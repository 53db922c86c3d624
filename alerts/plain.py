"""Text that is fit to be sent: nothing in it that ends a header or turns words around. Pure."""

import re
import unicodedata

LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000
CUT = "…"

# Titles and names in it are hostile: controls end a header, turned text shows another word than it
# has, and half a surrogate pair cannot be sent at all.
UNWRITABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """A subject: no line breaks or controls, and not longer than mailboxes show."""
    words = "".join(letter if is_writable(letter) else " " for letter in text).split()
    return shortened(" ".join(words), LONGEST_SUBJECT)


def plain(text: str) -> str:
    lines = re.split(r"\r\n|\r|\n", text)
    kept = ("".join(filter(is_writable, line.replace("\t", " "))) for line in lines)
    return shortened("\n".join(kept), LONGEST_BODY)


def is_writable(letter: str) -> bool:
    return unicodedata.category(letter) not in UNWRITABLE and letter not in TURNING


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - len(CUT)]}{CUT}"
