"""What is pushed to browsers and API clients, and how it gets to every web process.

All changes of one transaction or cycle travel as a few messages on one group of the channel layer.
One listener in each web process (`servers.hub`) hands them to the sockets that subscribed; so the
cost of a push follows web processes, not servers or sockets.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, TypedDict

from asgiref.sync import async_to_sync
from channels.layers import BaseChannelLayer, get_channel_layer
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from redis.exceptions import RedisError

from servers import verdicts
from servers.models import Action, LastSample

logger = logging.getLogger(__name__)

GROUP = "live"
EVENTS_PER_MESSAGE = 1000

METRICS = (
    "cpu",
    "memory_used",
    "memory_total",
    "disk_used",
    "disk_total",
    "network_in",
    "network_out",
    "disk_read",
    "disk_write",
    "uptime",
    "memory_source",
    "disk_source",
    "disk_measured_at",
)

HOST = LastSample.Source.HOST.value

# server id, taken_at, then one value for each of METRICS
MetricsRow = Sequence[int | float | str | None]


class StateEvent(TypedDict):
    type: Literal["state"]
    server: int
    status: str
    status_since: str
    lock: str


class AccessEvent(TypedDict):
    """Who may see a server changed: its subscriptions are to be checked again."""

    type: Literal["access"]
    server: int


class SignOutEvent(TypedDict):
    """A person's sessions or tokens ended: their sockets are to be checked again."""

    type: Literal["sign_out"]
    user: int


class ActionEvent(TypedDict):
    """An action began, went on or ended."""

    type: Literal["action"]
    server: int
    action: dict[str, object]


class SnapshotsEvent(TypedDict):
    """The snapshots of a server, or what can be done with them, are not as they were."""

    type: Literal["snapshots"]
    server: int


class AlertEvent(TypedDict):
    """An alert fired, changed or ended. Its owner hears of it on any page: `user`, which only the
    hub sees; `followers`, too: whether those who follow the server do, as it may be another's now.
    """

    type: Literal["alert"]
    server: int
    user: int | None
    followers: bool
    alert: dict[str, object]


class ConsolesEvent(TypedDict):
    """One of the staff asks for this server's console, or what was asked is answered or over."""

    type: Literal["consoles"]
    server: int


Event = (
    StateEvent
    | AccessEvent
    | SignOutEvent
    | ActionEvent
    | SnapshotsEvent
    | AlertEvent
    | ConsolesEvent
)


def state_event(server: int, status: str, status_since: datetime, lock: str) -> StateEvent:
    return {
        "type": "state",
        "server": server,
        "status": status,
        "status_since": status_since.isoformat(),
        "lock": lock,
    }


def consoles_event(server_id: int) -> ConsolesEvent:
    return {"type": "consoles", "server": server_id}


def action_event(action: Action) -> ActionEvent:
    return {"type": "action", "server": action.server_id, "action": action_of(action)}


def action_of(action: Action) -> dict[str, object]:
    """The JSON form of an action, as customers see it; times in ISO 8601."""
    return {
        "id": action.pk,
        "server": action.server_id,
        "type": action.type,
        "status": action.status,
        "step": action.step,
        "error": error_of(action),
        "warnings": action.warnings,
        "requested_at": action.requested_at.isoformat(),
        "started_at": iso(action.started_at),
        "finished_at": iso(action.finished_at),
        "requested_by": requester_of(action),
        "by_staff": action.by_staff,
        "source": action.source,
    }


def error_of(action: Action) -> dict[str, str] | None:
    if not action.error_code:
        return None
    is_inside = action.error_code in verdicts.INSIDE
    return {
        "code": action.error_code,
        "message": "" if is_inside else action.error_message,
    }


def requester_of(action: Action) -> str | None:
    """The owner's address where it was they: staff and former owners are nobody's business."""
    is_owners = (
        action.requested_by_id is not None
        and action.requested_by_id == action.server.owner_id
        and not action.by_staff
    )
    return action.requested_by_email if is_owners else None


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def metrics_of(last: LastSample | None) -> dict[str, object] | None:
    """The JSON form of a last sample: METRICS, `taken_at` and `sources`."""
    if last is None:
        return None
    row = [last.server_id, last.taken_at, *(getattr(last, name) for name in METRICS)]
    return metrics_of_row(row)


def metrics_of_row(row: MetricsRow) -> dict[str, object]:
    (
        _, taken_at, cpu, memory_used, memory_total, disk_used, disk_total, network_in, network_out,
        disk_read, disk_write, uptime, memory_source, disk_source, disk_measured_at,
    ) = row  # fmt: skip
    return {
        "taken_at": taken_at,
        "cpu": cpu,
        "memory_used": memory_used,
        "memory_total": memory_total,
        "disk_used": disk_used,
        "disk_total": disk_total,
        "network_in": network_in,
        "network_out": network_out,
        "disk_read": disk_read,
        "disk_write": disk_write,
        "uptime": uptime,
        "disk_measured_at": disk_measured_at,
        "sources": {
            "cpu": None if cpu is None else HOST,
            "memory": memory_source or None,
            "disk": disk_source or None,
        },
    }


def signed_out(user_id: int) -> None:
    """Has the person's sockets checked: those whose session ended are closed."""
    publish([{"type": "sign_out", "user": user_id}])


def publish(events: Iterable[Event] = (), metrics: Sequence[MetricsRow] = ()) -> None:
    """Push after commit. Without Redis nothing is pushed and nothing fails: pages reload."""
    listed = list(events)
    if listed or metrics:
        transaction.on_commit(lambda: send(listed, metrics))


# What a thread gathers before it is sent; nothing most of the time.
gathering = threading.local()


@contextmanager
def gathered(most: int = 20) -> Iterator[None]:
    """What this thread publishes in here goes out in twenties, and the rest at the end.

    A message of its own takes milliseconds: the channel layer connects anew for each. Not around
    anything that waits.
    """
    gathering.events, gathering.most = [], most
    try:
        yield
    finally:
        rest, gathering.events = gathering.events, None
        if rest:
            send(rest, ())


def send(events: list[Event], metrics: Sequence[MetricsRow]) -> None:
    waiting: list[Event] | None = getattr(gathering, "events", None)
    if waiting is not None and not metrics:
        waiting += events
        if len(waiting) < gathering.most:
            return
        events, gathering.events = waiting, []
    messages: list[dict[str, object]] = [
        {"type": "live", "events": events[start : start + EVENTS_PER_MESSAGE]}
        for start in range(0, len(events), EVENTS_PER_MESSAGE)
    ]
    messages += [
        {"type": "live", "metrics": list(metrics[start : start + EVENTS_PER_MESSAGE])}
        for start in range(0, len(metrics), EVENTS_PER_MESSAGE)
    ]
    try:
        async_to_sync(send_all)(messages)
    except (RedisError, OSError) as error:
        logger.warning("Nothing was pushed, Redis is away: %s", error)


async def send_all(messages: list[dict[str, object]]) -> None:
    layer = channel_layer()
    for message in messages:
        await layer.group_send(GROUP, message)


def channel_layer() -> BaseChannelLayer:
    layer = get_channel_layer()
    if layer is None:
        raise ImproperlyConfigured("CHANNEL_LAYERS has no default.")
    return layer
