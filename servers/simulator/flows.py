"""What is common to everything Proxmox does to a guest in a worker task."""

from collections.abc import Callable
from dataclasses import dataclass

from servers.simulator.faults import TaskFate
from servers.simulator.guests import Guest, Kind
from servers.simulator.refusals import missing_config
from servers.simulator.tasks import Task
from servers.simulator.world import SimulatedCluster

LOCK_TIMEOUT = 10.0  # seconds a worker waits for the lock file of a configuration
_RETRY = 0.5


class Stop(Exception):
    """The worker dies of this text; it becomes the exit status of its task."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks for something to be done to which guest. The guest may not exist."""

    cluster: SimulatedCluster
    kind: Kind
    node: str
    vmid: int
    identity: str

    @property
    def guest(self) -> Guest | None:
        guest = self.cluster.guests.get(self.vmid)
        fits = guest is not None and guest.node == self.node and guest.kind is self.kind
        return guest if fits else None

    @property
    def prefix(self) -> str:
        """Of task types: `qmstart` and `vzstart`."""
        return "qm" if self.kind is Kind.QEMU else "vz"

    @property
    def noun(self) -> str:
        return "VM" if self.kind is Kind.QEMU else "CT"

    @property
    def lock_file(self) -> str:
        if self.kind is Kind.QEMU:
            return f"/var/lock/qemu-server/lock-{self.vmid}.conf"
        return f"/run/lock/lxc/pve-config-{self.vmid}.lock"

    @property
    def missing(self) -> str:
        folder = "qemu-server" if self.kind is Kind.QEMU else "lxc"
        return missing_config(self.node, folder, self.vmid)


# The body of a worker: raises Stop, or ends its task by `finish`, now or later.
Work = Callable[[Task, Guest], None]


def begin(
    order: Order, type: str, work: Work, *, missing: str | None = None, locks: bool = True
) -> str:
    """Start a worker and answer its UPID. What it finds wrong ends the task, not the call.

    `locks`: it waits for the lock file of the guest's configuration.
    """
    cluster = order.cluster
    task = cluster.tasks.start(
        node=order.node, type=type, subject=str(order.vmid), identity=order.identity,
        now=cluster.now,
    )  # fmt: skip
    guest = order.guest
    failure = cluster.take_task_script(TaskFate.FAILS, type)
    warning = cluster.take_task_script(TaskFate.WARNS, type)
    task.warning = warning.exitstatus if warning else ""
    if failure is not None:
        task.end(failure.exitstatus, cluster.now)
    elif guest is None:
        task.end(missing or order.missing, cluster.now)
    else:
        if cluster.take_task_script(TaskFate.HANGS, type):
            work = _stalled(cluster, work)
        if locks:
            _when_unlocked(order, task, guest, work)
        else:
            _run(cluster, task, guest, work)
    return task.upid


def finish(
    cluster: SimulatedCluster,
    task: Task,
    guest: Guest,
    seconds: float,
    effect: Callable[[], None],
    exitstatus: str = "OK",
) -> None:
    """Hold the guest for these seconds, then change it and end the task, unless interrupted."""
    guest.holder = task

    def end() -> None:
        if not task.at_work:
            return
        if cluster.guests.get(guest.vmid) is not guest:
            # Somebody deleted it meanwhile, and another may have its number.
            folder = "qemu-server" if guest.kind is Kind.QEMU else "lxc"
            task.end(missing_config(task.node, folder, guest.vmid), cluster.now)
            return
        cluster.touch(guest)
        effect()
        task.end(exitstatus, cluster.now)

    cluster.after(seconds, end)


def die(cluster: SimulatedCluster, task: Task, guest: Guest, seconds: float, text: str) -> None:
    """Hold the guest for these seconds and then fail with this text."""
    guest.holder = task
    cluster.after(seconds, lambda: task.end(text, cluster.now))


def check_lock(guest: Guest, *but: str) -> None:
    if guest.lock and guest.lock not in but:
        raise Stop(f"{guest.noun} is locked ({guest.lock})")


def with_lock(guest: Guest, task: Task, lock: str) -> None:
    """Put this lock on the guest until the task ends, however it ends."""
    guest.lock = lock

    def release(_: Task) -> None:
        if guest.lock == lock:
            guest.lock = ""

    task.on_end = release


def _when_unlocked(order: Order, task: Task, guest: Guest, work: Work) -> None:
    cluster = order.cluster
    deadline = cluster.now + LOCK_TIMEOUT

    def attempt() -> None:
        if not task.at_work:
            return
        if guest.holder is None or guest.holder.done:
            if task.lines:
                task.log(" OK")
            _run(cluster, task, guest, work)
        elif cluster.now >= deadline:
            task.end(f"can't lock file '{order.lock_file}' - got timeout", cluster.now)
        else:
            if not task.lines:
                task.log("trying to acquire lock...")
            cluster.after(_RETRY, attempt)

    attempt()


def _stalled(cluster: SimulatedCluster, work: Work) -> Work:
    """The same work, held up before it does anything until hung tasks are released."""

    def stall(task: Task, guest: Guest) -> None:
        guest.holder = task
        cluster.hung.append((task, lambda: _run(cluster, task, guest, work)))

    return stall


def _run(cluster: SimulatedCluster, task: Task, guest: Guest, work: Work) -> None:
    try:
        work(task, guest)
    except Stop as stop:
        task.end(str(stop), cluster.now)
