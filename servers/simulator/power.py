"""Start, stop and everything between, with the words Proxmox has for each refusal."""

from collections.abc import Callable
from dataclasses import dataclass

from servers.simulator.flows import Order, Stop, begin, check_lock, die, finish, with_lock
from servers.simulator.guests import GIB, Agent, Guest, Kind, Power
from servers.simulator.refusals import failed
from servers.simulator.tasks import INTERRUPTED, Task

START_TAKES = 1.5
STOP_TAKES = 1.0
SHUTDOWN_TAKES = 4.0
MOMENT = 0.5
_SHUTDOWN_TIMEOUT = 60  # QemuServer.pm and API2/LXC/Status.pm, where no other is given
_PING_TIMEOUT = 3.0  # what an agent that does not answer costs first


@dataclass(frozen=True, slots=True)
class Shutdown:
    timeout: int | None = None
    force: bool = False


def start(order: Order) -> str:
    refuse_start(order)

    def work(task: Task, guest: Guest) -> None:
        if guest.running and guest.lock == "backup":
            # A backup runs in the QEMU that is there: start means go on.
            finish(order.cluster, task, guest, MOMENT, lambda: guest.resume(order.cluster.now))
            return
        if guest.template:
            what = "vm" if order.kind is Kind.QEMU else "CT"
            raise Stop(f"you can't start a {what} if it's a template")
        check_lock(guest, "suspended", "mounted")
        if guest.running:
            raise Stop(f"VM {guest.vmid} already running")
        _boot(order, task, guest)

    return begin(order, f"{order.prefix}start", work)


def stop(order: Order, *, overrule_shutdown: bool = False) -> str:
    refuse_stop(order)
    if overrule_shutdown:
        for task in order.cluster.tasks.running(f"{order.prefix}shutdown", str(order.vmid)):
            task.end(INTERRUPTED, order.cluster.now)

    def work(task: Task, guest: Guest) -> None:
        if not guest.running:
            task.end("OK", order.cluster.now)
            return
        check_lock(guest, *(("mounted",) if order.kind is Kind.LXC else ()))
        finish(order.cluster, task, guest, STOP_TAKES, guest.end)

    missing = f"unable to find configuration file for VM {order.vmid} on node '{order.node}'"
    return begin(order, f"{order.prefix}stop", work, missing=missing)


def shutdown(order: Order, wish: Shutdown) -> str:
    refuse_shutdown(order, wish)
    guest = order.guest
    pulled = guest is not None and guest.power is Power.PAUSED

    def work(task: Task, guest: Guest) -> None:
        if not guest.running:
            task.end("OK", order.cluster.now)
            return
        check_lock(guest)
        if pulled:
            finish(order.cluster, task, guest, STOP_TAKES, guest.end)
        else:
            _bring_down(order, task, guest, wish, guest.end)

    missing = f"unable to find configuration file for VM {order.vmid} on node '{order.node}'"
    return begin(order, f"{order.prefix}shutdown", work, missing=missing)


def refuse_start(order: Order) -> None:
    """What Proxmox looks at before it makes a task of a start, or hands it to the HA manager."""
    guest = order.guest
    if order.kind is Kind.LXC and guest is not None and guest.running:
        raise failed(f"CT {order.vmid} already running")


def refuse_stop(order: Order) -> None:
    if order.kind is Kind.LXC:
        _require_running(order)


def refuse_shutdown(order: Order, wish: Shutdown) -> None:
    refuse_stop(order)
    guest = order.guest
    if guest is not None and guest.power is Power.PAUSED and not wish.force:
        raise failed("VM is paused - cannot shutdown")


def reboot(order: Order, timeout: int | None) -> str:
    """A shutdown and a start: a new process, so counters and uptime begin anew."""
    _require_running(order, noun="VM")
    guest = order.guest
    if guest is not None and guest.power is Power.PAUSED:
        raise failed("VM is paused - cannot shutdown")

    def work(task: Task, guest: Guest) -> None:
        check_lock(guest)
        down = Shutdown(timeout=timeout)
        _bring_down(order, task, guest, down, lambda: guest.boot(order.cluster.now))

    return begin(order, f"{order.prefix}reboot", work)


def reset(order: Order) -> str:
    """The reset button: QEMU stays, so uptime and counters go on, and what is paused stays so."""
    _require_running(order)

    def work(task: Task, guest: Guest) -> None:
        check_lock(guest)
        finish(order.cluster, task, guest, MOMENT, lambda: None)

    return begin(order, "qmreset", work)


def suspend(order: Order, *, to_disk: bool = False) -> str:
    _require_running(order)
    cluster = order.cluster

    def checkpoint(task: Task, guest: Guest) -> None:
        check_lock(guest)
        raise Stop(
            f"command 'lxc-checkpoint -n {guest.vmid} -s -D /var/lib/vz/dump' failed: exit code 1"
        )

    def pause(task: Task, guest: Guest) -> None:
        check_lock(guest, "backup")
        finish(cluster, task, guest, MOMENT, lambda: guest.pause(cluster.now))

    def hibernate(task: Task, guest: Guest) -> None:
        check_lock(guest)
        with_lock(guest, task, "suspending")

        def sleep() -> None:
            guest.end()
            guest.lock = "suspended"

        finish(cluster, task, guest, 1.5 + guest.memory / GIB / 4, sleep)

    if order.kind is Kind.LXC:
        return begin(order, "vzsuspend", checkpoint)
    return begin(order, "qmsuspend" if to_disk else "qmpause", hibernate if to_disk else pause)


def resume(order: Order) -> str:
    guest = order.guest
    asleep = guest is not None and guest.lock == "suspended"
    if order.kind is Kind.LXC:
        if guest is not None and guest.running:
            raise failed(f"CT {order.vmid} already running")
    elif not asleep:
        _require_running(order)

    def restore(task: Task, guest: Guest) -> None:
        raise Stop(
            f"command 'lxc-checkpoint -n {guest.vmid} -r --foreground -D /var/lib/vz/dump' "
            "failed: exit code 1"
        )

    def work(task: Task, guest: Guest) -> None:
        if asleep:
            _boot(order, task, guest)
            return
        check_lock(guest, "backup")
        finish(order.cluster, task, guest, MOMENT, lambda: guest.resume(order.cluster.now))

    return begin(order, f"{order.prefix}resume", restore if order.kind is Kind.LXC else work)


def _boot(order: Order, task: Task, guest: Guest) -> None:
    def up() -> None:
        if guest.lock == "suspended":
            guest.lock = ""
            guest.begin(order.cluster.now)
        else:
            guest.boot(order.cluster.now)

    if guest.start_warning:
        task.log(f"WARN: {guest.start_warning}")
        finish(order.cluster, task, guest, START_TAKES, up, "WARNINGS: 1")
    else:
        finish(order.cluster, task, guest, START_TAKES, up)


def _bring_down(
    order: Order, task: Task, guest: Guest, wish: Shutdown, effect: Callable[[], None]
) -> None:
    """Ask the guest to go; it has until the timeout, and holds its lock all the while."""
    timeout = _SHUTDOWN_TIMEOUT if wish.timeout is None else wish.timeout
    lost = 0.0
    if guest.kind is Kind.QEMU and guest.agent in (Agent.DEAD, Agent.HANGING):
        command = f"VM {guest.vmid} qga command 'guest-ping' failed - got timeout"
        task.log(f"QEMU Guest Agent is not running - {command}")
        lost = _PING_TIMEOUT
    if not guest.ignores_shutdown and timeout >= SHUTDOWN_TAKES:
        finish(order.cluster, task, guest, lost + SHUTDOWN_TAKES, effect)
    elif wish.force:
        task.log("VM still running - terminating now with SIGTERM")
        finish(order.cluster, task, guest, lost + timeout + STOP_TAKES, effect)
    else:
        is_vm = guest.kind is Kind.QEMU
        text = "VM quit/powerdown failed - got timeout" if is_vm else "container did not stop"
        die(order.cluster, task, guest, lost + timeout, text)


def _require_running(order: Order, *, noun: str | None = None) -> None:
    """What Proxmox looks at before it makes a task at all."""
    guest = order.guest
    if guest is None and order.kind is Kind.QEMU:
        raise failed(
            f"unable to find configuration file for VM {order.vmid} on node '{order.node}'"
        )
    if guest is None or not guest.running:
        raise failed(f"{noun or order.noun} {order.vmid} not running")
