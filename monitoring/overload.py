"""Overload: whether a cluster's cycles keep up with their interval, and what is put off if not.

A cycle is late where it takes longer than the interval, or begins long after it was due: then Proxmox,
the database or the workers have too much to do. What people feel least is put off first:

level 1   guest agents are asked of disks only when what they said is about to be too old to judge by,
          addresses are looked up hourly
level 2   besides, live figures go to open pages every second cycle only

Never put off: the cycle itself, last values, samples, states, who a guest is, judging, telling.

Pure: a pace, and what a cycle was like, to the next pace.
"""

from datetime import timedelta

import msgspec

HIGHEST = 2
# So many late cycles bring the next level. What level 1 puts off may still be under way for a minute.
LATE_CYCLES = (2, 3)
# A start is late by this much of the interval, seconds at least: beat and workers are not exact.
LATE_START = 0.5
LATE_START_SECONDS = 2.0
# A cycle is good that leaves a fifth of the interval free; one in between says nothing.
GOOD = 0.8
# So many good cycles in a row take a level back. Where it is needed again soon after, twice as many do
# the next time, up to so many.
CALM = 5
LONGEST_CALM = 40
SOON = 60

# How long a guest's disks, and addresses, may be overdue at level 1 and above. An answer about disks
# counts for 15 minutes and is due after two: this leaves time for slow cycles and a slow round.
DISKS_WAIT = timedelta(minutes=8)
ADDRESSES_WAIT = timedelta(hours=1)


class Pace(msgspec.Struct, frozen=True):
    """What is remembered from one good cycle to the next."""

    level: int = 0
    # Late cycles, with no two others in a row since.
    late: int = 0
    # Good cycles in a row.
    good: int = 0
    # So many of them take the level back.
    calm: int = CALM
    # Cycles since a level was taken back last, SOON at most.
    since_fall: int = SOON
    # Whether the last cycle kept its live figures to itself.
    was_quiet: bool = False


def next_pace(pace: Pace, *, lag: float, took: float, interval: float) -> Pace:
    """The pace after a cycle that began `lag` seconds after it was due, and took `took`.

    After a gap, or with a clock that jumped, one cycle is late by any amount: that alone is nothing.
    """
    quiet = is_quiet(pace)
    since_fall = min(pace.since_fall + 1, SOON)
    if took > interval or is_late_start(lag, interval):
        return raised(msgspec.structs.replace(
            pace, late=pace.late + 1, good=0, since_fall=since_fall, was_quiet=quiet,
        ))  # fmt: skip
    is_good = took <= GOOD * interval
    good = pace.good + 1 if is_good else 0
    late = 0 if good >= 2 else pace.late
    calm = CALM if since_fall == SOON and pace.level == 0 else pace.calm
    following = Pace(pace.level, late, good, calm, since_fall, quiet)
    return lowered(following)


def is_late_start(lag: float, interval: float) -> bool:
    return lag > max(LATE_START * interval, LATE_START_SECONDS)


def raised(pace: Pace) -> Pace:
    if pace.level == HIGHEST or pace.late < LATE_CYCLES[pace.level]:
        return pace
    is_relapse = pace.since_fall < SOON
    calm = min(pace.calm * 2, LONGEST_CALM) if is_relapse else pace.calm
    return Pace(pace.level + 1, 0, 0, calm, pace.since_fall, pace.was_quiet)


def lowered(pace: Pace) -> Pace:
    if pace.level == 0 or pace.good < pace.calm:
        return pace
    return Pace(pace.level - 1, 0, 0, pace.calm, 0, was_quiet=pace.was_quiet)


def is_quiet(pace: Pace) -> bool:
    """Whether this cycle keeps its live figures to itself: never two in a row."""
    return pace.level >= 2 and not pace.was_quiet


def disks_wait(level: int) -> timedelta:
    """For how long the question for a guest's disks is put off once it is due."""
    return DISKS_WAIT if level else timedelta(0)


def addresses_wait(level: int) -> timedelta:
    return ADDRESSES_WAIT if level else timedelta(0)
