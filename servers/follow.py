"""Following what was sent, to its end: one pass over a cluster's running actions, every second.

A pass asks for as little as it can. One call gives the latest tasks of the whole cluster; what has
ended there has ended. A node is asked only about actions that this list does not show, or shows
as running for some seconds: the list is what the nodes last told each other.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

from django.db import DatabaseError
from django.db.models import Q

from servers import actions, follow_claim, inventory, live, outcomes, steps, task_logs
from servers.actions import LONGEST_CLAIM, LONGEST_WAIT
from servers.clusters import access_to, gateway_to
from servers.models import Action, Cluster, ClusterToken, Server
from servers.proxmox.errors import (
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxRefused,
    ProxmoxUnreachable,
)
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, GuestState, TaskState
from servers.proxmox.upid import parse

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

SHORTEST_PAUSE = timedelta(seconds=0.2)
# A pass ends early rather than let one node that hangs hold up the others.
PASS_SECONDS = 20.0
# The cluster's list may lag behind a node's own word.
RUNNING_FOR_SURE = timedelta(seconds=3)
NOT_ANSWERED = timedelta(seconds=5)
# Later than the others of its node, which were not asked about for its sake.
HELD_OTHERS_UP = timedelta(seconds=8)
# A task that was taken is there at once; pveproxy itself gives a call up after thirty seconds.
SEARCH_FOR = timedelta(seconds=45)
SEARCH_EVERY = timedelta(seconds=2)
STATE_EVERY = timedelta(seconds=2)
# From so many actions on one node on, its list is one call instead of many.
MANY = 2
# After a gap in looking, by downtime or by a clock that jumped, an outcome gets this much more time.
GAP, GRACE = timedelta(seconds=60), timedelta(seconds=60)


Answer = TypeVar("Answer")


class StillSilent(ProxmoxUnreachable):
    """The node was not asked again: a pass has better to do than wait for it once more."""


@dataclass
class Pass:
    """One pass: what is known of tasks so far, and the means to know more."""

    cluster: Cluster
    access: Access
    clock: Clock
    started: float = field(default_factory=monotonic)
    tasks: dict[str, TaskState] = field(default_factory=dict)
    still_running: list[int] = field(default_factory=list)
    unhappy: list[Action] = field(default_factory=list)
    silent: dict[str, ProxmoxUnreachable] = field(default_factory=dict)

    @property
    def actor(self) -> Gateway:
        return gateway_to(self.access)

    @property
    def reader(self) -> Gateway:
        return gateway_to(access_to(self.cluster, ClusterToken.Purpose.READ))

    @property
    def is_over(self) -> bool:
        return monotonic() - self.started > PASS_SECONDS

    def asked(self, node: str, call: Callable[[], Answer]) -> Answer:
        """The answer, unless the node has left another question of this pass without one."""
        if error := self.silent.get(node):
            raise StillSilent(str(error))
        try:
            return call()
        except ProxmoxUnreachable as error:
            self.silent[node] = error
            raise

    def learn(self, states: Iterable[TaskState]) -> None:
        self.tasks.update({state.upid.text: state for state in states})


def follow(cluster_id: int, *, clock: Clock) -> bool:
    """One pass, unless somebody else is at it. Comes back by itself while anything is running."""
    claim = follow_claim.take(cluster_id, now=clock())
    if claim is None:
        return False
    started = monotonic()
    try:
        due = running(cluster_id, clock())
        if due:
            look_at_all(cluster_id, due, clock=clock)
    finally:
        goes_on = Action.objects.unfinished().filter(
            server__cluster_id=cluster_id, sent_at__isnull=False
        )
        took = timedelta(seconds=monotonic() - started)
        pause = max(follow_claim.INTERVAL - took, SHORTEST_PAUSE) if goes_on.exists() else None
        follow_claim.release(cluster_id, claim, now=clock(), pause=pause)
    return True


def running(cluster_id: int, now: datetime) -> list[Action]:
    """Those that were sent and are due; not what a worker is still busy sending."""
    due = Q(next_look_at=None) | Q(next_look_at__lte=now) | Q(next_look_at__gt=now + LONGEST_WAIT)
    free = (
        Q(claimed_until=None) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + LONGEST_CLAIM)
    )
    return list(
        Action.objects.unfinished()
        .filter(due, free, server__cluster_id=cluster_id, sent_at__isnull=False)
        .select_related("server")
        .order_by("looked_at", "id")
    )


def look_at_all(cluster_id: int, due: list[Action], *, clock: Clock) -> None:
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=cluster_id)
    try:
        look = Pass(cluster, access_to(cluster, ClusterToken.Purpose.ACT), clock)
    except ProxmoxDenied as error:
        not_answered(due, error, now=clock())
        return
    followed = [action for action in due if action.upid and not action.awaited]
    look_at_tasks(look, followed)
    for action in due:
        if not look.is_over:
            alone(look, action, look_without_task)
    actions.looked_at(look.still_running, now=clock())
    for action in look.unhappy:
        if not look.is_over:
            alone(look, action, look_closer)
    for action in task_logs.due(followed, now=clock()):
        if not look.is_over:
            alone(look, action, read_log)


def alone(look: Pass, action: Action, act: Callable[[Pass, Action], None]) -> None:
    """What cannot be stored of one action holds up no other; when its time is up, it is lost."""
    try:
        act(look, action)
    except (DatabaseError, ValueError, OverflowError):
        logger.exception("What became of action %s cannot be noted.", action.pk)
        put_off([action], "The panel could not note what became of it.", now=look.clock())


def read_log(look: Pass, action: Action) -> None:
    task_logs.read(look.actor, action, clock=look.clock)


def look_without_task(look: Pass, action: Action) -> None:
    if action.sent_at is None:
        return  # its next step begins
    if action.step in steps.SYNCHRONOUS:
        outcomes.interrupted(action, now=look.clock())
    elif action.awaited:
        look_at_state(look, action)
    elif not action.upid:
        search(look, action)


def look_closer(look: Pass, action: Action) -> None:
    """After the end was told: what the server does now, and the log that says why."""
    if action.upid:
        read_log(look, action)
    if action.status != Action.Status.SUCCESS or action.step == steps.ROLL_BACK:
        observe(look, action)


# By the task


def look_at_tasks(look: Pass, followed: list[Action]) -> None:
    rest = followed
    if len(followed) >= MANY:
        rest = look_at_cluster(look, followed)
    by_node: dict[str, list[Action]] = defaultdict(list)
    for action in rest:
        by_node[parse(action.upid).node].append(action)
    for node, there in by_node.items():
        if look.is_over:
            return
        look_at_node(look, node, there)


def look_at_cluster(look: Pass, followed: list[Action]) -> list[Action]:
    """Settles what the cluster's list shows as ended. Returns those to ask their nodes about."""
    try:
        look.learn(look.actor.cluster_tasks())
    except ProxmoxError as error:
        logger.info("%s does not list its tasks: %s", look.cluster, error)
        return followed
    settle_known(look, [action for action in followed if has_ended(look, action)])
    now = look.clock()
    return [
        action
        for action in followed
        if action.upid not in look.tasks
        or (not has_ended(look, action) and is_long_ago(action, now))
    ]


def has_ended(look: Pass, action: Action) -> bool:
    state = look.tasks.get(action.upid)
    return state is not None and not state.is_running


def settle_known(look: Pass, told_of: Iterable[Action]) -> None:
    """Nothing is asked for these, so what they publish can go out together."""
    with live.gathered():
        for action in told_of:
            if not look.is_over:
                alone(look, action, look_at_task)


def is_long_ago(action: Action, now: datetime) -> bool:
    return action.looked_at is None or abs(now - action.looked_at) >= RUNNING_FOR_SURE


def look_at_node(look: Pass, node: str, there: list[Action]) -> None:
    if len(there) >= MANY:
        since = min(parse(action.upid).started_at for action in there)
        try:
            states = look.asked(
                node, lambda: look.actor.node_tasks(node=node, since=since, limit=500)
            )
        except ProxmoxRefused as error:
            logger.info("%s on %s lists no tasks: %s", look.cluster, node, error)
        except ProxmoxError as error:
            not_answered(there, error, now=look.clock())
            return
        else:
            look.learn(states)
    settle_known(look, [action for action in there if action.upid in look.tasks])
    for action in there:
        if action.upid not in look.tasks and not look.is_over:
            alone(look, action, look_at_task)


def look_at_task(look: Pass, action: Action) -> None:
    state = look.tasks.get(action.upid)
    if state is None:
        upid = parse(action.upid)
        try:
            state = look.asked(upid.node, lambda: look.actor.task_state(upid))
        except ProxmoxRefused as error:
            task_is_lost(look, action, error)
            return
        except ProxmoxError as error:
            not_answered([action], error, now=look.clock())
            return
    settle(look, action, state)


def settle(look: Pass, action: Action, state: TaskState) -> None:
    now = look.clock()
    step = action.step
    if not state.is_running:
        outcomes.ended(action, state, now=now)
        outcomes.make_room(action)
    elif outcomes.is_late(action, now=now, gap=GAP, grace=GRACE):
        outcomes.too_late(
            action, "Proxmox is still at it, for longer than it should take.", now=now
        )
    else:
        look.still_running.append(action.pk)
    is_unclear = step == steps.ROLL_BACK and not state.is_running
    if (
        action.status in (Action.Status.FAILED, Action.Status.LOST)
        or action.warnings
        or is_unclear
    ):
        look.unhappy.append(action)


def task_is_lost(look: Pass, action: Action, error: ProxmoxRefused) -> None:
    """Proxmox does not know the task any more. What the server does now is said with it."""
    observe(look, action)
    action.server.refresh_from_db(fields=["status"])
    outcomes.task_lost(action, str(error), now=look.clock())


def observe(look: Pass, action: Action) -> None:
    server = action.server
    node = server.node.name if server.node else action.node
    try:
        state = state_of(look, server, node)
    except ProxmoxError as error:
        logger.info("The state of server %s cannot be seen: %s", server.pk, error)
        return
    inventory.observe(server.pk, state.status, lock=state.lock, now=look.clock())


def state_of(look: Pass, server: Server, node: str) -> GuestState:
    kind = server.guest_kind
    return look.asked(
        node, lambda: look.reader.guest_state(node=node, kind=kind, vmid=server.vmid)
    )


def not_answered(asked: Sequence[Action], error: ProxmoxError, *, now: datetime) -> None:
    is_to_blame = len(asked) == 1 and not isinstance(error, StillSilent)
    again = HELD_OTHERS_UP if is_to_blame else NOT_ANSWERED
    put_off(asked, str(error), now=now, again=again)


def put_off(
    asked: Sequence[Action], why: str, *, now: datetime, again: timedelta = NOT_ANSWERED
) -> None:
    """Whoever is past the deadline ends with that; the others are asked about again later."""
    for action in asked:
        if outcomes.is_late(action, now=now, gap=GAP, grace=GRACE):
            outcomes.too_late(action, why, now=now)
        else:
            actions.looked(action, now=now, next_look_at=now + again)


# Without a task


def search(look: Pass, action: Action) -> None:
    """No answer came to the call. If Proxmox took it, there is a task that was not there before."""
    now = look.clock()
    try:
        tasks = look.asked(
            action.node,
            lambda: look.actor.guest_tasks(node=action.node, vmid=action.server.vmid),
        )
    except ProxmoxError as error:
        not_answered([action], error, now=now)
        return
    ours = [
        task
        for task in reversed(tasks)
        if task.upid.text not in action.known_upids
        and task.upid.identity == look.access.token_id
        and task.upid.type in steps.task_types(action.step)
    ]
    if ours:
        actions.note_task(action, ours[0].upid)
        settle(look, action, ours[0])
    elif action.sent_at is not None and now - action.sent_at >= SEARCH_FOR:
        observe(look, action)
        action.server.refresh_from_db(fields=["status"])
        outcomes.no_trace(action, now=now)
    else:
        actions.looked(action, now=now, next_look_at=now + SEARCH_EVERY)


def look_at_state(look: Pass, action: Action) -> None:
    """Under HA the task only takes the wish: it is fulfilled when the guest has changed."""
    now = look.clock()
    server = action.server
    node = server.node.name if server.node else action.node
    try:
        state = state_of(look, server, node)
    except ProxmoxError as error:
        not_answered([action], error, now=now)
        return
    inventory.observe(server.pk, state.status, lock=state.lock, now=now)
    if state.status == action.awaited:
        outcomes.arrived(action, now=now)
    elif state.ha_state == "error":
        actions.fail(action, "ha_error", "HA has put this server into the state error.", now=now)
    elif outcomes.is_late(action, now=now, gap=GAP, grace=GRACE):
        outcomes.too_late(action, f"HA has not acted: the server is {state.status}.", now=now)
    else:
        actions.looked(action, now=now, next_look_at=now + STATE_EVERY)
