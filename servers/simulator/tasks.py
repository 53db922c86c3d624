"""Worker tasks: what Proxmox starts when it answers a call with a UPID."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# "UPID:" node ":" pid ":" pstart ":" starttime ":" type ":" id ":" user "@" realm ["!" token] ":"
_UPID = re.compile(
    r"^UPID:[A-Za-z][A-Za-z0-9-]*:[0-9A-F]{8,9}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:$"
)
INTERRUPTED = "received interrupt"
VANISHED = "unexpected status"  # of a worker that ended without a last line in its log
_KEPT_PER_NODE = 1000


@dataclass(slots=True)
class Task:
    """One worker. Times are unix seconds; `exitstatus` is None while it runs."""

    node: str
    type: str
    subject: str
    identity: str
    started_at: int
    pid: int
    pstart: int
    on_end: Callable[["Task"], None] | None = None
    warning: str = ""  # what it ends with instead of OK
    lost: bool = False  # its node died: it is neither at work nor ended
    lines: list[str] = field(default_factory=list)
    exitstatus: str | None = None
    ended_at: int | None = None

    @property
    def done(self) -> bool:
        return self.exitstatus is not None

    @property
    def at_work(self) -> bool:
        return not self.done and not self.lost

    @property
    def succeeded(self) -> bool:
        status = self.exitstatus or ""
        return status == "OK" or status.startswith("WARNINGS: ")

    @property
    def user(self) -> str:
        return self.identity.partition("!")[0]

    @property
    def token(self) -> str:
        return self.identity.partition("!")[2]

    @property
    def upid(self) -> str:
        return (
            f"UPID:{self.node}:{self.pid:08X}:{self.pstart:08X}:{self.started_at:08X}"
            f":{self.type}:{self.subject}:{self.identity}:"
        )

    def log(self, line: str) -> None:
        self.lines.append(line)

    def end(self, exitstatus: str, now: float) -> None:
        """Ends once; an end that comes after an interruption is not heard."""
        if not self.at_work:
            return
        if exitstatus == "OK" and self.warning:
            self.log("WARN: something is not as it should be")
            exitstatus = self.warning
        self.exitstatus = exitstatus
        self.ended_at = int(now)
        if self.succeeded:
            self.log(f"TASK {exitstatus}")
        else:
            self.log(f"TASK ERROR: {exitstatus}")
        if self.on_end is not None:
            self.on_end(self)

    def vanish(self, now: float) -> None:
        """Found dead when its node is back: nobody wrote its end, nor took its locks away."""
        self.lost = False
        self.exitstatus = VANISHED
        self.ended_at = int(now)


def looks_like_upid(text: str) -> bool:
    return _UPID.match(text) is not None


class TaskBoard:
    """Every task of the cluster, by UPID, oldest first."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, Task]] = {}
        self._started = 0

    def start(self, *, node: str, type: str, subject: str, identity: str, now: float) -> Task:
        self._started += 1
        task = Task(
            node=node,
            type=type,
            subject=subject,
            identity=identity,
            started_at=int(now),
            pid=2000 + self._started,
            pstart=int(now * 100) % 0x7FFFFFFF,
        )
        kept = self._by_node.setdefault(node, {})
        kept[task.upid] = task
        if len(kept) > _KEPT_PER_NODE:
            ended = next((upid for upid, old in kept.items() if old.done), None)
            if ended is not None:
                del kept[ended]
        return task

    def find(self, node: str, upid: str) -> Task | None:
        return self._by_node.get(node, {}).get(upid)

    def forget(self, task: Task) -> None:
        self._by_node.get(task.node, {}).pop(task.upid, None)

    def on(self, node: str) -> Iterator[Task]:
        """The tasks of a node, newest first."""
        yield from reversed(list(self._by_node.get(node, {}).values()))

    def everywhere(self) -> Iterator[Task]:
        """The tasks of all nodes, newest first."""
        tasks = [task for kept in self._by_node.values() for task in kept.values()]
        yield from sorted(tasks, key=lambda task: (task.started_at, task.pid), reverse=True)

    def running(self, type: str, subject: str) -> Iterator[Task]:
        for task in self.everywhere():
            if not task.done and task.type == type and task.subject == subject:
                yield task
