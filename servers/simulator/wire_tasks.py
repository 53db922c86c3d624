"""Tasks: the lists, their status, their log, and stopping one."""

from collections.abc import Callable, Iterable
from itertools import islice

from servers.simulator.parameters import NODE, UPID, VMID, Parameter
from servers.simulator.refusals import forbidden, invalid
from servers.simulator.routes import Call, Listing, Route
from servers.simulator.tasks import INTERRUPTED, Task, looks_like_upid

_RECENT_PER_CLUSTER = 25  # that have ended; those that run are all there
_LIMIT = 50

Row = dict[str, object]


def cluster_tasks(call: Call) -> object:
    allowed = call.may("/", "Sys.Audit")
    seen = [task for task in call.cluster.tasks.everywhere() if allowed or _is_own(call, task)]
    ended = islice((task for task in seen if task.done), _RECENT_PER_CLUSTER)
    return [_recent_row(task) for task in (*(t for t in seen if not t.done), *ended)]


def node_tasks(call: Call) -> object:
    source = call.text("source", "archive")
    allowed = call.may(f"/nodes/{call.node.name}", "Sys.Audit")
    found = [
        task
        for task in call.cluster.tasks.on(call.node.name)
        if (allowed or _is_own(call, task)) and _wanted(call, task, source)
    ]
    found.sort(key=lambda task: task.done)  # stable: those that run first, each newest first
    start, limit = call.number("start"), call.number("limit", _LIMIT)
    rows = [_active_row(task) if not task.done else _ended_row(task) for task in found]
    return Listing(rows[start : start + limit if limit else None], len(rows))


def status(call: Call) -> object:
    task = _task(call, "Sys.Audit")
    row = _identity_row(task) | {"status": "stopped" if task.done else "running"}
    if task.done:
        row["exitstatus"] = task.exitstatus
    return row


def log(call: Call) -> object:
    lines = _task(call, "Sys.Audit").lines or ["no content"]
    start, limit = call.number("start"), call.number("limit", _LIMIT)
    numbered = [{"n": number, "t": text} for number, text in enumerate(lines, start=1)]
    return Listing(numbered[start : start + limit if limit else None], len(lines))


def stop(call: Call) -> object:
    _task(call, "Sys.Modify").end(INTERRUPTED, call.now)
    return None


def _task(call: Call, privilege: str) -> Task:
    """The task that is asked for, if the caller started it or holds this on the node."""
    upid = call.text("upid")
    if not looks_like_upid(upid):
        raise invalid({"upid": "unable to parse worker upid"})
    node = call.node.name
    task = call.cluster.tasks.find(node, upid)
    if task is None:
        raise invalid({"upid": "no such task"})
    if not _is_own(call, task) and not call.may(f"/nodes/{node}", privilege):
        raise forbidden(f"/nodes/{node}", privilege)
    return task


def _is_own(call: Call, task: Task) -> bool:
    return call.identity in (task.identity, task.user)


def _wanted(call: Call, task: Task, source: str) -> bool:
    if source != "all" and task.done != (source == "archive"):
        return False
    filters: Iterable[tuple[str, Callable[[], bool]]] = (
        ("vmid", lambda: task.subject == call.text("vmid")),
        ("typefilter", lambda: task.type == call.text("typefilter")),
        ("userfilter", lambda: call.text("userfilter").lower() in task.user.lower()),
        ("since", lambda: task.started_at >= call.number("since")),
        ("until", lambda: task.started_at <= call.number("until")),
        ("errors", lambda: not call.flag("errors") or not task.succeeded),
        ("statusfilter", lambda: _state(task) in call.text("statusfilter").split(",")),
    )
    return all(fits() for name, fits in filters if name in call.values)


def _state(task: Task) -> str:
    """In the words of `statusfilter`."""
    if not task.done:
        return "unknown"
    if task.exitstatus == "OK":
        return "ok"
    return "warning" if task.succeeded else "error"


def _identity_row(task: Task) -> Row:
    row: Row = {
        "upid": task.upid, "node": task.node, "pid": task.pid, "pstart": task.pstart,
        "starttime": task.started_at, "type": task.type, "id": task.subject, "user": task.user,
    }  # fmt: skip
    if task.token:
        row["tokenid"] = task.token
    return row


def _ended_row(task: Task) -> Row:
    return _identity_row(task) | {"endtime": task.ended_at, "status": task.exitstatus}


def _active_row(task: Task) -> Row:
    """A running task names its token inside `user`, unlike every other list."""
    row = _identity_row(task) | {"user": task.identity, "status": "RUNNING", "saved": "0"}
    row.pop("tokenid", None)
    return row


def _recent_row(task: Task) -> Row:
    row = _identity_row(task)
    del row["pid"], row["pstart"]
    if task.done:
        row |= {"endtime": task.ended_at, "status": task.exitstatus}
    return row | {"saved": str(int(task.done))}


_FILTERS = (
    Parameter("source", enum=("archive", "active", "all")),
    Parameter("limit", "integer", minimum=0),
    Parameter("start", "integer", minimum=0),
    Parameter("since", "integer"),
    Parameter("until", "integer"),
    Parameter("errors", "boolean"),
    Parameter("statusfilter"),
    Parameter("typefilter"),
    Parameter("userfilter"),
    Parameter("vmid", "integer", format=VMID.format, minimum=VMID.minimum, maximum=VMID.maximum),
)
_PAGE = (Parameter("start", "integer", minimum=0), Parameter("limit", "integer", minimum=0))

ROUTES = (
    Route("GET", "/cluster/tasks", cluster_tasks),
    Route("GET", "/nodes/{node}/tasks", node_tasks, (NODE, *_FILTERS)),
    Route("GET", "/nodes/{node}/tasks/{upid}/status", status, (NODE, UPID)),
    Route("GET", "/nodes/{node}/tasks/{upid}/log", log, (NODE, UPID, *_PAGE)),
    Route("DELETE", "/nodes/{node}/tasks/{upid}", stop, (NODE, UPID)),
)
