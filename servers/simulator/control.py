"""Faults from outside the process: a JSON object with the fault's name and its arguments."""

from collections.abc import Callable, Mapping

from servers.simulator.faults import TaskFate
from servers.simulator.world import SimulatedCluster


def attach_vnc(cluster: SimulatedCluster, vmid: int, address: str | None = None) -> None:
    """What the VNC server at `address` (`127.0.0.1:5901`) shows is this guest's screen."""
    cluster.guest(vmid)
    cluster.consoles.attach(vmid, address)


def console_form(cluster: SimulatedCluster, form: str) -> None:
    """`recorded`, `old`, `new` or `prefixed`: how vncproxy tells the password."""
    cluster.consoles.speak(form)


FAULTS: dict[str, Callable[..., object]] = {
    "node_down": SimulatedCluster.node_down,
    "node_up": SimulatedCluster.node_up,
    "dark": SimulatedCluster.dark,
    "light": SimulatedCluster.light,
    "slow": SimulatedCluster.slow,
    "drip": SimulatedCluster.drip,
    "fail_next": SimulatedCluster.fail_next,
    "fail_task": SimulatedCluster.fail_task,
    "warn_task": SimulatedCluster.warn_task,
    "hang_task": SimulatedCluster.hang_task,
    "release_tasks": SimulatedCluster.release_tasks,
    "forget_tasks": SimulatedCluster.forget_tasks,
    "accept_silently": SimulatedCluster.accept_silently,
    "refuse_silently": SimulatedCluster.refuse_silently,
    "garbage": SimulatedCluster.garbage,
    "empty_lists": SimulatedCluster.empty_lists,
    "create_guest": SimulatedCluster.create_guest,
    "delete_guest": SimulatedCluster.delete_guest,
    "reuse_vmid": SimulatedCluster.reuse_vmid,
    "migrate": SimulatedCluster.migrate,
    "lock_guest": SimulatedCluster.lock_guest,
    "unlock_guest": SimulatedCluster.unlock_guest,
    "set_power": SimulatedCluster.set_power,
    "busy": SimulatedCluster.busy,
    "fill_disk": SimulatedCluster.fill_disk,
    "set_agent": SimulatedCluster.set_agent,
    "agent_null": SimulatedCluster.agent_null,
    "manage_by_ha": SimulatedCluster.manage_by_ha,
    "release_from_ha": SimulatedCluster.release_from_ha,
    "ha_error": SimulatedCluster.ha_error,
    "slow_ha": SimulatedCluster.slow_ha,
    "revoke": SimulatedCluster.revoke,
    "attach_vnc": attach_vnc,
    "console_form": console_form,
    "break_storage": SimulatedCluster.break_storage,
    "fill_storage": SimulatedCluster.fill_storage,
    "mend_storage": SimulatedCluster.mend_storage,
    "freeze_pvestatd": SimulatedCluster.freeze_pvestatd,
    "thaw_pvestatd": SimulatedCluster.thaw_pvestatd,
    "restart_pvestatd": SimulatedCluster.restart_pvestatd,
}


class UnknownFault(ValueError):
    """No such fault, or not with these arguments."""


def inflict(cluster: SimulatedCluster, wish: Mapping[str, object]) -> object:
    """`{"fault": "node_down", "name": "pve2"}`. Answers what is active afterwards."""
    arguments = dict(wish)
    name = str(arguments.pop("fault", ""))
    method = FAULTS.get(name)
    if method is None:
        raise UnknownFault(f"unknown fault '{name}', try one of: {', '.join(FAULTS)}")
    try:
        with cluster.lock:
            method(cluster, **arguments)
    except KeyError as error:
        raise UnknownFault(f"{name}: there is no {error}") from error
    except (TypeError, ValueError) as error:
        raise UnknownFault(f"{name}: {error}") from error
    return active(cluster)


def active(cluster: SimulatedCluster) -> dict[str, object]:
    """What is wrong at the moment, and nothing that is right."""
    with cluster.lock:
        odd = {
            "dark": cluster.darkness,
            "nodes_down": [node.name for node in cluster.nodes.values() if not node.alive],
            "storages_broken": sorted(cluster.broken_storages),
            "storages_filled": dict(cluster.filled_storages),
            "pvestatd_frozen": [
                node.name
                for node in cluster.nodes.values()
                if node.statistics_stopped_at is not None
            ],
            "slow": {prefix: seconds for prefix, seconds in cluster.slowness.items() if seconds},
            "drip": {prefix: seconds for prefix, seconds in cluster.drips.items() if seconds},
            "fail_next": [
                {
                    "method": failure.method, "fragment": failure.fragment,
                    "status": failure.status, "reason": failure.reason, "times": failure.times,
                }
                for failure in cluster.failures
            ],
            **_scripted_tasks(cluster),
            **_unanswered(cluster),
            "hung": [task.upid for task, _ in cluster.hung if task.at_work],
            "ha_error": [
                guest.vmid
                for guest in cluster.guests.values()
                if guest.ha is not None and (guest.ha.breaks or guest.ha.state == "error")
            ],
            "agent_null": [guest.vmid for guest in cluster.guests.values() if guest.agent_null],
            "garbage": dict(cluster.rubbish),
            "empty_lists": cluster.lists_are_empty,
            "busy": [guest.vmid for guest in cluster.guests.values() if guest.busy_cpu is not None],
            "locked": {guest.vmid: guest.lock for guest in cluster.guests.values() if guest.lock},
        }  # fmt: skip
        return {name: value for name, value in odd.items() if value}


def _scripted_tasks(cluster: SimulatedCluster) -> dict[str, object]:
    return {
        fate.value: [
            {"type": one.type, "exitstatus": one.exitstatus, "times": one.times}
            for one in cluster.task_scripts
            if one.fate is fate
        ]
        for fate in TaskFate
    }


def _unanswered(cluster: SimulatedCluster) -> dict[str, object]:
    return {
        name: [
            {"method": one.method, "fragment": one.fragment, "how": one.how, "times": one.times}
            for one in cluster.unanswered
            if one.accepted is accepted
        ]
        for name, accepted in (("accept_silently", True), ("refuse_silently", False))
    }
