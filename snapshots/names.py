"""What a snapshot is called: its title for people, its name for Proxmox. Pure."""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime

from anyascii import anyascii

# Proxmox's own rule, `pve-configid` with a length, which the code of its API adds to.
VALID = re.compile(r"[A-Za-z][A-Za-z0-9_-]+", re.ASCII)
LONGEST = 40
RESERVED = frozenset(("current", "pending"))

LONGEST_TITLE = 64
LONGEST_MARK = 12
UNTITLED = "snapshot"
SCHEDULED = re.compile(r"auto-[a-z]+-\d{8}-\d{4}(-\d+)?", re.ASCII)
SAFETY = re.compile(r"before-[a-z0-9]+-\d{8}-\d{6}(-\d+)?", re.ASCII)

# Controls, halves of surrogate pairs, line and paragraph ends. Joiners (Cf) are part of emoji and
# of Persian words, but those that turn the direction of what follows are not part of any word.
UNWRITABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = frozenset(("Cf", "Zs", "Mn"))


# Marks what is translated where it is shown.
noop = str
NO_TITLE = noop("It needs a title.")
TOO_LONG = noop("It must have at most %(most)s characters.")
UNWRITABLE_TITLE = noop("Control characters and line breaks cannot be part of it.")


def problem_with(title: str) -> str | None:
    """Why a title cannot be taken, None where it can. Spaces around it do not count."""
    title = title.strip()
    if all(unicodedata.category(letter) in INVISIBLE for letter in title):
        return NO_TITLE
    if len(title) > LONGEST_TITLE:
        return TOO_LONG % {"most": LONGEST_TITLE}
    if any(unicodedata.category(letter) in UNWRITABLE or letter in TURNING for letter in title):
        return UNWRITABLE_TITLE
    return None


def is_valid(name: str) -> bool:
    """Whether Proxmox takes it for a new snapshot."""
    return (
        VALID.fullmatch(name) is not None and len(name) <= LONGEST and name.lower() not in RESERVED
    )


def proxmox_name(title: str, taken: Collection[str], *, mark: str) -> str:
    """A name for a snapshot that somebody called `title`, in any script, that ends in `mark`.

    `taken` are names that are in use; case makes no difference. It never looks like one that a
    schedule or a change made. `mark` tells that it is ours: 1 to 12 letters, digits or `_`.
    """
    if not re.fullmatch(rf"[A-Za-z0-9_]{{1,{LONGEST_MARK}}}", mark, re.ASCII):
        raise ValueError(f"{mark!r} cannot be the mark of a snapshot's name.")
    words = readable(title)
    used = {name.lower() for name in taken}
    # One more than can be in use, and one that may look like a schedule's.
    for number in range(1, len(used) + 3):
        ending = f"-{mark}" if number == 1 else f"-{number}-{mark}"
        name = f"{shortened(words, LONGEST - len(ending))}{ending}"
        if name.lower() not in used and not is_scheduled_name(name) and not is_safety_name(name):
            return name
    raise AssertionError(f"{taken!r} leave no name for {title!r}.")


def scheduled_name(kind: str, at_local: datetime, taken: Collection[str] = ()) -> str:
    """Like `auto-daily-20261120-0300`, by the wall clock of the schedule's zone.

    The second time that the clock shows the same, in the hour that is put back, is told by a number.
    """
    base = f"auto-{kind}-{at_local:%Y%m%d-%H%M}"
    return numbered(base, taken, first=2 if at_local.fold else 1)


def is_scheduled_name(name: str) -> bool:
    return SCHEDULED.fullmatch(name) is not None


def safety_name(change: str, at_local: datetime, taken: Collection[str] = ()) -> str:
    """Like `before-resize-20261120-030000`, for the one that is taken before a change."""
    word = readable(change).replace("-", "").replace("_", "")[:12]
    return numbered(f"before-{word}-{at_local:%Y%m%d-%H%M%S}", taken)


def is_safety_name(name: str) -> bool:
    return SAFETY.fullmatch(name) is not None


def readable(title: str) -> str:
    """Its words in small ASCII letters, with hyphens between them; it begins with a letter."""
    plain = re.sub(r"[^a-z0-9_]+", "-", anyascii(title).lower(), flags=re.ASCII).strip("-_")
    if not plain:
        return UNTITLED
    return plain if plain[0].isalpha() else f"s-{plain}"


def shortened(words: str, room: int) -> str:
    """Cut to `room`, between words unless too little would be left."""
    if len(words) <= room:
        return words
    cut = words[: room + 1].rpartition("-")[0]
    return (cut if len(cut) >= room // 2 else words[:room]).rstrip("-_")


def numbered(base: str, taken: Collection[str], *, first: int = 1) -> str:
    """`base`, or `base-2` and so on where it is in use."""
    used = {name.lower() for name in taken}
    for number in range(first, first + len(used) + 1):
        name = base if number == 1 else f"{base}-{number}"
        if is_valid(name) and name.lower() not in used:
            return name
    raise ValueError(f"{base!r} cannot become the name of a snapshot.")
