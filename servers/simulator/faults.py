"""Faults of the transport, of storages, of the answers and of tasks, scripted: what a panel must survive.

They know nothing of nodes and guests. Faults of those are methods of the cluster itself.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from servers.simulator.storages import STORAGES


class Dark(StrEnum):
    """How the whole cluster cannot be reached."""

    REFUSED = "refused"
    TIMEOUT = "timeout"


class Garbage(StrEnum):
    """What a 200 can carry instead of an answer."""

    HTML = "html"  # a login page of something in between
    TRUNCATED = "truncated"  # JSON cut in the middle
    NO_DATA = "no-data"  # an object without `data`
    NULL = "null"  # `data` is null
    STRINGS = "strings"  # words where numbers belong
    MISSING = "missing"  # rows without most of their fields
    SCALAR = "scalar"  # a number where an object or a list belongs


class Silence(StrEnum):
    """How a call ends that gets no answer."""

    TIMEOUT = "timeout"  # nothing comes
    BROKEN = "broken"  # the connection is closed


@dataclass(slots=True)
class Failure:
    """The next `times` calls of this method to a path with this fragment fail."""

    method: str
    fragment: str
    status: int
    reason: str
    times: int


@dataclass(slots=True)
class Unanswered:
    """The next such calls get no answer, whether or not they have their effect."""

    method: str
    fragment: str
    how: Silence
    accepted: bool
    times: int


class TaskFate(StrEnum):
    FAILS = "fail_task"
    WARNS = "warn_task"
    HANGS = "hang_task"


@dataclass(slots=True)
class TaskScript:
    """What the next `times` tasks of this type (`qmstart`) come to."""

    fate: TaskFate
    type: str
    exitstatus: str
    times: int


@dataclass(slots=True)
class Faults:
    """What is wrong at the moment. Seconds by path prefix for `slowness` and `drips`."""

    darkness: Dark | None = None
    slowness: dict[str, float] = field(default_factory=dict)
    drips: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    task_scripts: list[TaskScript] = field(default_factory=list)
    rubbish: dict[str, Garbage] = field(default_factory=dict)
    lists_are_empty: bool = False
    broken_storages: set[str] = field(default_factory=set)
    filled_storages: dict[str, float] = field(default_factory=dict)

    def dark(self, how: Dark = Dark.REFUSED) -> None:
        """Nobody answers any more: connections are refused or time out."""
        self.darkness = Dark(how)

    def light(self) -> None:
        self.darkness = None

    def break_storage(self, name: str) -> None:
        """No node can look at it any more: its state is unknown, as Proxmox calls it."""
        self.broken_storages.add(STORAGES[name].name)

    def fill_storage(self, name: str, fraction: float | None = 0.99) -> None:
        """So much of it is in use; None is as much as it was."""
        if fraction is None:
            self.filled_storages.pop(name, None)
        else:
            self.filled_storages[STORAGES[name].name] = fraction

    def mend_storage(self, name: str) -> None:
        self.broken_storages.discard(name)
        self.filled_storages.pop(name, None)

    def slow(self, seconds: float, prefix: str = "/") -> None:
        """Answers to paths that begin so take this long; 0 ends it."""
        self.slowness[prefix] = float(seconds)

    def drip(self, seconds: float, prefix: str = "/") -> None:
        """Answers begin at once and then trickle for this long; 0 ends it."""
        self.drips[prefix] = float(seconds)

    def fail_next(
        self, method: str, fragment: str, *, status: int = 500, reason: str, times: int = 1
    ) -> None:
        """The next calls fail with this status and these words; 401 and 595 to 599 are bare."""
        self.failures.append(Failure(method.upper(), fragment, status, reason, times))

    def fail_task(self, type: str, exitstatus: str, *, times: int = 1) -> None:
        """The next tasks of this type are taken (200, a UPID) and end with this text."""
        self.task_scripts.append(TaskScript(TaskFate.FAILS, type, exitstatus, times))

    def warn_task(self, type: str, exitstatus: str = "WARNINGS: 1", *, times: int = 1) -> None:
        """The next tasks of this type do their work and end with this text instead of OK."""
        self.task_scripts.append(TaskScript(TaskFate.WARNS, type, exitstatus, times))

    def hang_task(self, type: str, *, times: int = 1) -> None:
        """The next tasks of this type hold their guest and go on, until stopped or released."""
        self.task_scripts.append(TaskScript(TaskFate.HANGS, type, "", times))

    def accept_silently(
        self, method: str, fragment: str, *, times: int = 1, how: Silence = Silence.TIMEOUT
    ) -> None:
        """The next such calls have their full effect, and nobody hears of it."""
        wish = Unanswered(method.upper(), fragment, Silence(how), accepted=True, times=times)
        self.unanswered.append(wish)

    def refuse_silently(
        self, method: str, fragment: str, *, times: int = 1, how: Silence = Silence.TIMEOUT
    ) -> None:
        """The next such calls are lost on the way: seen from outside the same, without effect."""
        wish = Unanswered(method.upper(), fragment, Silence(how), accepted=False, times=times)
        self.unanswered.append(wish)

    def garbage(self, kind: Garbage, prefix: str = "/") -> None:
        """Answers to paths that begin so are rubbish, with status 200."""
        self.rubbish[prefix] = Garbage(kind)

    def empty_lists(self, *, on: bool = True) -> None:
        """Every list is empty, with status 200: what lost rights look like."""
        self.lists_are_empty = on

    def clear_faults(self) -> None:
        """All answers are honest and quick again."""
        self.light()
        self.slowness.clear()
        self.drips.clear()
        self.failures.clear()
        self.unanswered.clear()
        self.task_scripts.clear()
        self.rubbish.clear()
        self.broken_storages.clear()
        self.filled_storages.clear()
        self.lists_are_empty = False

    def delay_of(self, path: str) -> float:
        return _longest(self.slowness, path)

    def drip_of(self, path: str) -> float:
        return _longest(self.drips, path)

    def garbage_of(self, path: str) -> Garbage | None:
        found = [prefix for prefix in self.rubbish if path.startswith(prefix)]
        return self.rubbish[max(found, key=len)] if found else None

    def take_failure(self, method: str, path: str) -> Failure | None:
        fits = (one for one in self.failures if one.method == method and one.fragment in path)
        return _take(self.failures, next(fits, None))

    def take_unanswered(self, method: str, path: str) -> Unanswered | None:
        fits = (one for one in self.unanswered if one.method == method and one.fragment in path)
        return _take(self.unanswered, next(fits, None))

    def take_task_script(self, fate: TaskFate, type: str) -> TaskScript | None:
        fits = (one for one in self.task_scripts if one.fate is fate and one.type == type)
        return _take(self.task_scripts, next(fits, None))


class _Counted(Protocol):
    times: int


Kept = TypeVar("Kept", bound=_Counted)


def _take(scripted: list[Kept], found: Kept | None) -> Kept | None:
    """Use it once; it is gone when it was used as often as was wished."""
    if found is not None:
        found.times -= 1
        if found.times <= 0:
            scripted.remove(found)
    return found


def _longest(seconds: dict[str, float], path: str) -> float:
    return max((value for prefix, value in seconds.items() if path.startswith(prefix)), default=0)
