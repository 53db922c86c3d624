"""Faults of the transport and of the answers, scripted: what a panel must survive.

They know nothing of nodes and guests. Faults of those are methods of the cluster itself.
"""

from dataclasses import dataclass, field
from enum import StrEnum


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


@dataclass(slots=True)
class Failure:
    """The next `times` calls of this method to a path with this fragment fail."""

    method: str
    fragment: str
    status: int
    reason: str
    times: int


@dataclass(slots=True)
class TaskFailure:
    """The next `times` tasks of this type (`qmstart`) end with this text, and do nothing."""

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
    task_failures: list[TaskFailure] = field(default_factory=list)
    rubbish: dict[str, Garbage] = field(default_factory=dict)
    lists_are_empty: bool = False

    def dark(self, how: Dark = Dark.REFUSED) -> None:
        """Nobody answers any more: connections are refused or time out."""
        self.darkness = Dark(how)

    def light(self) -> None:
        self.darkness = None

    def slow(self, seconds: float, prefix: str = "/") -> None:
        """Answers to paths that begin so take this long; 0 ends it."""
        self.slowness[prefix] = float(seconds)

    def drip(self, seconds: float, prefix: str = "/") -> None:
        """Answers begin at once and then trickle for this long; 0 ends it."""
        self.drips[prefix] = float(seconds)

    def fail_next(
        self, method: str, fragment: str, *, status: int = 500, reason: str, times: int = 1
    ) -> None:
        """The next calls fail with this status and these words."""
        self.failures.append(Failure(method.upper(), fragment, status, reason, times))

    def fail_task(self, type: str, exitstatus: str, *, times: int = 1) -> None:
        """The next tasks of this type are taken (200, a UPID) and end with this text."""
        self.task_failures.append(TaskFailure(type, exitstatus, times))

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
        self.task_failures.clear()
        self.rubbish.clear()
        self.lists_are_empty = False

    def delay_of(self, path: str) -> float:
        return _longest(self.slowness, path)

    def drip_of(self, path: str) -> float:
        return _longest(self.drips, path)

    def garbage_of(self, path: str) -> Garbage | None:
        found = [prefix for prefix in self.rubbish if path.startswith(prefix)]
        return self.rubbish[max(found, key=len)] if found else None

    def take_failure(self, method: str, path: str) -> Failure | None:
        for failure in self.failures:
            if failure.method == method and failure.fragment in path:
                failure.times -= 1
                if failure.times <= 0:
                    self.failures.remove(failure)
                return failure
        return None

    def take_task_failure(self, type: str) -> str | None:
        for failure in self.task_failures:
            if failure.type == type:
                failure.times -= 1
                if failure.times <= 0:
                    self.task_failures.remove(failure)
                return failure.exitstatus
        return None


def _longest(seconds: dict[str, float], path: str) -> float:
    return max((value for prefix, value in seconds.items() if path.startswith(prefix)), default=0)
