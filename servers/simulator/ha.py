"""Starts and stops of guests under high availability: asked for at once, done later.

The task that answers a call only leaves a note for the cluster resource manager (CRM). It has the
guest's node do the work some seconds later, in a task of root's own.
"""

from collections.abc import Callable

from servers.simulator import power
from servers.simulator.flows import Order, Stop, begin
from servers.simulator.guests import Guest, Ha, HaState, Kind
from servers.simulator.refusals import invalid
from servers.simulator.tasks import Task

REQUEST_TAKES = 1.0
_LOOKS_AGAIN = 0.5
_ROOT = "root@pam"
_SHUTDOWN_TIMEOUT = 60

Act = Callable[[Order], str]


def is_managed(order: Order) -> bool:
    return order.guest is not None and order.guest.ha is not None


def start(order: Order) -> str:
    power.refuse_start(order)
    command = f"set {_service(order)} --state started"
    return _request(order, "hastart", HaState.STARTED, command, power.start)


def stop(order: Order, *, overrule_shutdown: bool = False) -> str:
    power.refuse_stop(order)
    if overrule_shutdown:
        raise invalid({"overrule-shutdown": "Not applicable for HA resources."})
    command = f"crm-command stop {_service(order)} 0"
    return _request(order, "hastop", HaState.STOPPED, command, power.stop)


def shutdown(order: Order, wish: power.Shutdown) -> str:
    """The HA manager pulls the plug of whatever does not listen in time, wished or not."""
    power.refuse_shutdown(order, wish)
    timeout = _SHUTDOWN_TIMEOUT if wish.timeout is None else wish.timeout
    forced = power.Shutdown(timeout=timeout, force=True)
    command = f"crm-command stop {_service(order)} {timeout}"
    return _request(
        order, "hastop", HaState.STOPPED, command, lambda root: power.shutdown(root, forced)
    )


def _request(order: Order, type: str, target: HaState, command: str, act: Act) -> str:
    cluster = order.cluster

    def work(task: Task, guest: Guest) -> None:
        verb = "start" if target is HaState.STARTED else "stop"
        task.log(f"Requesting HA {verb} for {order.noun} {order.vmid}")
        ha = guest.ha
        if ha is None or ha.state is HaState.ERROR:
            service = _service(order)
            task.log(f"service '{service}' in error state, must be disabled and fixed first")
            raise Stop(f"command 'ha-manager {command}' failed: exit code 255")
        cluster.after(REQUEST_TAKES, lambda: _noted(order, task, guest, ha, target, act))

    return begin(order, type, work, locks=False)


def _noted(order: Order, task: Task, guest: Guest, ha: Ha, target: HaState, act: Act) -> None:
    """The request is with the CRM. Whichever came last counts."""
    if not task.at_work:
        return
    task.end("OK", order.cluster.now)
    ha.requests += 1
    number = ha.requests

    def act_on_it() -> None:
        if _stands(order, guest, ha) and ha.requests == number:
            _carry_out(order, guest, ha, target, act)

    order.cluster.after(order.cluster.ha_delay, act_on_it)


def _stands(order: Order, guest: Guest, ha: Ha) -> bool:
    """The guest is there still, looked after, and its node is up."""
    cluster = order.cluster
    is_there = cluster.guests.get(guest.vmid) is guest and cluster.nodes[guest.node].alive
    return is_there and guest.ha is ha and ha.state is not HaState.ERROR


def _carry_out(order: Order, guest: Guest, ha: Ha, target: HaState, act: Act) -> None:
    cluster = order.cluster
    cluster.touch(guest)
    if ha.breaks:
        ha.breaks = False
        ha.state = HaState.ERROR
    elif _is_as_wished(guest, target):
        ha.state = target
    else:
        node = guest.node
        upid = act(Order(cluster, guest.kind, node, guest.vmid, _ROOT))
        task = cluster.tasks.find(node, upid)
        if task is not None:
            _watch(order, guest, ha, target, task)


def _watch(order: Order, guest: Guest, ha: Ha, target: HaState, task: Task) -> None:
    cluster = order.cluster
    if not _stands(order, guest, ha):
        return
    if not task.done:
        cluster.after(_LOOKS_AGAIN, lambda: _watch(order, guest, ha, target, task))
        return
    ha.state = target if _is_as_wished(guest, target) else HaState.ERROR


def _is_as_wished(guest: Guest, target: HaState) -> bool:
    return guest.running == (target is HaState.STARTED)


def _service(order: Order) -> str:
    return f"{'vm' if order.kind is Kind.QEMU else 'ct'}:{order.vmid}"
