"""What the end of a task means. Pure.

`OK` and `WARNINGS: n` are success (UPID.pm of pve-common), anything else is what the worker died
of, in free text; the texts below were seen on a real Proxmox VE 9.1.
"""

import re
from dataclasses import dataclass

WARNINGS = re.compile(r"WARNINGS: (\d{1,2000})")
# Any more would not fit its column, and tell nobody anything.
MOST_WARNINGS = 9999

TIMEOUT = re.compile(r"got timeout|timed out|timeout", re.IGNORECASE)
# The first pattern that is found says what kind of failure it was.
KINDS = (
    ("locked", re.compile(r"\b(VM|CT) is locked|is locked \(")),
    ("lock_busy", re.compile(r"can't lock file")),
    ("guest_ignored_it", re.compile(r"powerdown failed - got timeout|container did not stop")),
    ("interrupted", re.compile(r"received interrupt|unexpected status|interrupted by signal")),
    ("already_running", re.compile(r"already running")),
    ("not_running", re.compile(r"\bnot running\b")),
    ("no_snapshot", re.compile(r"snapshot '.*' does not exist")),
    ("name_used", re.compile(r"snapshot name '.*' already used")),
    ("no_snapshots", re.compile(r"snapshot feature is not available")),
    ("not_newest", re.compile(r"is not most recent snapshot")),
    # Not of its bridge, its disk or its storage, which do not exist just as well.
    (
        "moved",
        re.compile(r"onfiguration file '[^']*' does not exist|unable to find configuration"),
    ),
    ("protected", re.compile(r"protection mode enabled")),
    ("agent", re.compile(r"guest agent|Agent error|qga command", re.IGNORECASE)),
    ("timeout", TIMEOUT),
)

# What is said with these names addresses and tokens of the host: it is for staff.
INSIDE = frozenset(("denied", "unreachable", "unreachable_midway", "not_confirmed", "deadline"))


@dataclass(frozen=True)
class Verdict:
    is_success: bool
    warnings: int = 0


def of(exit_text: str) -> Verdict:
    if exit_text == "OK":
        return Verdict(is_success=True)
    if found := WARNINGS.fullmatch(exit_text):
        return Verdict(is_success=True, warnings=min(int(found[1]), MOST_WARNINGS))
    return Verdict(is_success=False)


def kind_of(words: str) -> str:
    """The code of a failure, from Proxmox's words; `refused` where they are none we know."""
    if re.search(r"guest agent is not running", words, re.IGNORECASE):
        return "agent"
    return next((code for code, pattern in KINDS if pattern.search(words)), "refused")


def is_timeout(words: str) -> bool:
    """Proxmox waited in vain for somebody's answer. Not: for a lock, before it asked."""
    return bool(TIMEOUT.search(words)) and kind_of(words) != "lock_busy"
