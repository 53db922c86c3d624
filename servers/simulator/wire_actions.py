"""Power and snapshot calls: what is asked, by whom, and the UPID that answers."""

from collections.abc import Callable

from servers.simulator import ha, power, snapshots
from servers.simulator.guests import Kind
from servers.simulator.parameters import NODE, SNAPNAME, VMID, Parameter
from servers.simulator.routes import Call, Needs, Route
from servers.simulator.wire_config import config_of

_TIMEOUT = Parameter("timeout", "integer", minimum=0)
_FORCE_STOP = Parameter("forceStop", "boolean")
_OVERRULE = Parameter("overrule-shutdown", "boolean")
_SKIPLOCK = Parameter("skiplock", "boolean")


def start(call: Call) -> object:
    order = call.order
    return ha.start(order) if ha.is_managed(order) else power.start(order)


def stop(call: Call) -> object:
    overrules = call.flag("overrule-shutdown")
    stopping = ha.stop if ha.is_managed(call.order) else power.stop
    return stopping(call.order, overrule_shutdown=overrules)


def shutdown(call: Call) -> object:
    wish = power.Shutdown(timeout=_timeout(call), force=call.flag("forceStop"))
    order = call.order
    return ha.shutdown(order, wish) if ha.is_managed(order) else power.shutdown(order, wish)


def reboot(call: Call) -> object:
    return power.reboot(call.order, _timeout(call))


def reset(call: Call) -> object:
    return power.reset(call.order)


def suspend(call: Call) -> object:
    to_disk = call.flag("todisk")
    if to_disk:
        call.require(f"/vms/{call.vmid}", "VM.Config.Disk")
    return power.suspend(call.order, to_disk=to_disk)


def resume(call: Call) -> object:
    return power.resume(call.order)


def take_snapshot(call: Call) -> object:
    guest = call.order.guest
    return snapshots.take(
        call.order,
        call.text("snapname"),
        description=call.text("description"),
        memory=call.flag("vmstate"),
        config={} if guest is None else _remembered(config_of(guest)),
    )


def delete_snapshot(call: Call) -> object:
    return snapshots.delete(call.order, call.text("snapname"), force=call.flag("force"))


def roll_back(call: Call) -> object:
    if call.flag("start"):
        call.require(f"/vms/{call.vmid}", "VM.PowerMgmt")
    return snapshots.roll_back(call.order, call.text("snapname"), start=call.flag("start"))


def _timeout(call: Call) -> int | None:
    return call.number("timeout") if "timeout" in call.values else None


def _remembered(config: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in config.items() if name not in ("digest", "lock")}


def _power_routes(kind: Kind) -> tuple[Route, ...]:
    verbs: dict[str, tuple[Callable[[Call], object], tuple[Parameter, ...]]]
    if kind is Kind.QEMU:
        verbs = {
            "start": (start, (_SKIPLOCK, _TIMEOUT)),
            "stop": (stop, (_SKIPLOCK, _TIMEOUT, _OVERRULE)),
            "shutdown": (shutdown, (_SKIPLOCK, _TIMEOUT, _FORCE_STOP)),
            "reboot": (reboot, (_TIMEOUT,)),
            "reset": (reset, (_SKIPLOCK,)),
            "suspend": (suspend, (_SKIPLOCK, Parameter("todisk", "boolean"))),
            "resume": (resume, (_SKIPLOCK,)),
        }
    else:
        verbs = {
            "start": (start, (_SKIPLOCK,)),
            "stop": (stop, (_SKIPLOCK, _OVERRULE)),
            "shutdown": (shutdown, (_TIMEOUT, _FORCE_STOP)),
            "reboot": (reboot, (_TIMEOUT,)),
            "suspend": (suspend, ()),
            "resume": (resume, ()),
        }
    needs = Needs("/vms/{vmid}", ("VM.PowerMgmt",))
    base = f"/nodes/{{node}}/{kind}/{{vmid}}/status"
    return tuple(
        Route("POST", f"{base}/{verb}", answer, (NODE, VMID, *parameters), needs, kind)
        for verb, (answer, parameters) in verbs.items()
    )


def _snapshot_routes(kind: Kind) -> tuple[Route, ...]:
    base = f"/nodes/{{node}}/{kind}/{{vmid}}/snapshot"
    one = f"{base}/{{snapname}}"
    snapshot = Needs("/vms/{vmid}", ("VM.Snapshot",))
    either = Needs("/vms/{vmid}", ("VM.Snapshot", "VM.Snapshot.Rollback"), any=True)
    named = (NODE, VMID, SNAPNAME)
    taking: tuple[Parameter, ...] = (*named, Parameter("description"))
    if kind is Kind.QEMU:
        taking += (Parameter("vmstate", "boolean"),)
    return (
        Route("POST", base, take_snapshot, taking, snapshot, kind),
        Route(
            "DELETE", one, delete_snapshot, (*named, Parameter("force", "boolean")), snapshot, kind
        ),
        Route(
            "POST", f"{one}/rollback", roll_back, (*named, Parameter("start", "boolean")), either,
            kind,
        ),
    )  # fmt: skip


ROUTES = tuple(route for kind in Kind for route in (*_power_routes(kind), *_snapshot_routes(kind)))
