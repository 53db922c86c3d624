"""A Proxmox VE cluster that lives: time moves it, calls and faults change it.

Nothing here knows HTTP or JSON. Time is handed in (`advance(now)`), so a test owns it, and equal
seeds and times give equal clusters.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import count
from threading import RLock

from servers.simulator import demo
from servers.simulator.access import Access
from servers.simulator.chance import digest, identifier
from servers.simulator.consoles import Consoles
from servers.simulator.faults import Faults
from servers.simulator.guests import (
    GIB,
    Agent,
    AgentNull,
    Guest,
    Ha,
    HaState,
    Kind,
    Measured,
    Power,
)
from servers.simulator.load import rhythm
from servers.simulator.nodes import Node
from servers.simulator.tasks import INTERRUPTED, Task, TaskBoard

REFRESH = 10.0  # pvestatd.pm: seconds between two measurements
FORGOTTEN_AFTER = 300.0  # status.c of pve-cluster: how long the last measurement is handed out
HA_DELAY = 12.0  # the CRM looks every ten seconds, and its node's manager somewhat later
NEW_YEAR_2026 = 1_767_225_600.0


class SimulatedCluster(Faults):
    """Nodes, guests, tasks, tokens and faults of one cluster.

    `started_at` and every other time is unix seconds. `guests=0` gives an empty cluster to fill
    with `create_guest`.
    """

    def __init__(
        self,
        seed: int = 1,
        nodes: int = 3,
        guests: int = 36,
        started_at: float = NEW_YEAR_2026,
        *,
        refusal_delay: float = 0.0,
    ) -> None:
        """`refusal_delay`: seconds before a 401 (the real one takes 3)."""
        super().__init__()
        self.seed = seed
        self.started_at = started_at
        self.now = started_at
        self.refusal_delay = refusal_delay
        self.lock = RLock()
        self.calls = 0
        self.tasks = TaskBoard()
        self.access = Access(seed)
        self.consoles = Consoles()
        self.ha_delay = HA_DELAY
        self.hung: list[tuple[Task, Callable[[], None]]] = []
        self.guests: dict[int, Guest] = {}
        self.nodes: dict[str, Node] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for number in range(1, nodes + 1):
            self._add_node(number)
        demo.tokens(self.access)
        demo.settle(self, guests)

    # Time

    def advance(self, now: float) -> None:
        """Let everything happen that is due by now. Time never runs backwards."""
        while self._events and self._events[0][0] <= now:
            at, _, happen = heapq.heappop(self._events)
            self.now = max(self.now, at)
            happen()
        self.now = max(self.now, now)

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), happen))

    # What is measured

    def node_statistics_at(self, node: Node) -> float | None:
        """When this node last measured itself; None where that is forgotten."""
        ends = (node.died_at, node.statistics_stopped_at)
        horizon = min((end for end in ends if end is not None), default=self.now)
        steps = (min(horizon, self.now) - self.started_at) // REFRESH
        refreshed = self.started_at + steps * REFRESH
        return None if self.now - refreshed > FORGOTTEN_AFTER else refreshed

    def guest_statistics_at(self, node: Node) -> float | None:
        """When this node last measured its guests; None where that is lost or forgotten."""
        refreshed = self.node_statistics_at(node)
        return None if refreshed is None or refreshed <= node.void_until else refreshed

    def samples(self) -> Iterator[tuple[Guest, Measured | None]]:
        """Every guest with its last measurement, None where Proxmox has none."""
        times = {name: self.guest_statistics_at(node) for name, node in self.nodes.items()}
        for guest in self.guests.values():
            yield guest, _sample(guest, times[guest.node])

    def sample(self, guest: Guest) -> Measured | None:
        return _sample(guest, self.guest_statistics_at(self.nodes[guest.node]))

    def touch(self, guest: Guest) -> None:
        """Call before a guest changes: what was measured before must not see the change."""
        self.sample(guest)
        guest.revision += 1

    # Nodes

    def node_down(self, name: str, reason: str = "No route to host") -> None:
        """The node loses power. Its guests' last numbers stay for five minutes.

        `reason` is what calls passed on to it end with; `Connection refused` is the other.
        """
        node = self.nodes[name]
        node.silence = reason
        if node.alive:
            node.died_at = self.now
            for task in self.tasks.on(name):
                task.lost = not task.done

    def node_up(self, name: str) -> None:
        """The node boots, and with it the guests that ran and start on boot.

        Its tasks are found dead, and the locks that they had put on guests stay.
        """
        node = self.nodes[name]
        if node.alive:
            return
        for guest in self.on_node(name):
            if guest.running:
                self.touch(guest)
                guest.end()
                if guest.onboot and not guest.lock:
                    guest.boot(self.now)
        for task in self.tasks.on(name):
            if task.lost:
                task.vanish(self.now)
        node.died_at = None
        node.booted_at = self.now
        node.void_until = self._refreshed()

    def freeze_pvestatd(self, name: str | None = None) -> None:
        """Values stop being refreshed, on one node or on all; the nodes stay online."""
        for node in self._some(name):
            node.statistics_stopped_at = self.now

    def thaw_pvestatd(self, name: str | None = None) -> None:
        for node in self._some(name):
            node.statistics_stopped_at = None

    def restart_pvestatd(self, name: str | None = None) -> None:
        """All guests are unknown until the next refresh."""
        for node in self._some(name):
            node.statistics_stopped_at = None
            node.void_until = self._refreshed()

    def online(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.alive]

    def on_node(self, name: str) -> list[Guest]:
        return [guest for guest in self.guests.values() if guest.node == name]

    # Guests

    def guest(self, vmid: int) -> Guest:
        return self.guests[vmid]

    def create_guest(
        self,
        vmid: int | None = None,
        *,
        kind: str = "qemu",
        name: str | None = None,
        node: str | None = None,
        cores: int = 2,
        memory: int = 2 * GIB,
        maxdisk: int = 20 * GIB,
        running: bool = True,
        pool: str = "",
        tags: str = "",
        agent: str = "up",
        uptime: float | None = None,
        cloud_init: bool = False,
    ) -> Guest:
        """A guest that appears now, unknown until it is measured.

        With `uptime` (seconds) it has been there that long and was measured. The lowest free
        VMID and the first node are taken unless given. Sizes are bytes.
        """
        vmid = vmid or next(free for free in count(100) if free not in self.guests)
        if vmid in self.guests:
            raise ValueError(f"VM {vmid} already exists")
        since = self.now if uptime is None else self.now - uptime
        guest = Guest(
            vmid=vmid,
            kind=Kind(kind),
            name=name or f"guest{vmid}",
            node=node or next(iter(self.nodes)),
            uuid=identifier("uuid", self.seed, vmid, next(self._order)),
            rhythm=rhythm(self.seed, vmid),
            created_at=self.now if uptime is None else since - 1,
            cores=cores,
            memory=memory,
            maxdisk=maxdisk,
            tags=tags,
            agent=Agent(agent) if kind == "qemu" else Agent.NONE,
            cloud_init_drive=cloud_init and kind == "qemu",
        )
        if running:
            guest.boot(since)
        self.guests[vmid] = guest
        if pool:
            self.put_into_pool(pool, vmid)
        return guest

    def put_into_pool(self, pool: str, vmid: int) -> None:
        self.guests[vmid].pool = pool
        self.access.put_into_pool(pool, [vmid])

    def delete_guest(self, vmid: int) -> None:
        """Gone at once, whatever it was doing."""
        del self.guests[vmid]
        self.access.forget_guest(vmid)

    def reuse_vmid(self, vmid: int) -> Guest:
        """Somebody deletes the guest and makes another of this kind with its VMID."""
        old = self.guests[vmid]
        self.delete_guest(vmid)
        return self.create_guest(
            vmid, kind=old.kind, name=f"new-{vmid}", node=old.node, pool=old.pool
        )

    def migrate(self, vmid: int, node: str) -> None:
        """Moved live: a new process on the other node, so counters and uptime begin anew."""
        guest = self.guests[vmid]
        self.touch(guest)
        guest.node = self.nodes[node].name
        if guest.power is Power.RUNNING:
            guest.begin(self.now)

    def lock_guest(self, vmid: int, lock: str = "backup") -> None:
        guest = self.guests[vmid]
        self.touch(guest)
        guest.lock = lock

    def unlock_guest(self, vmid: int) -> None:
        self.lock_guest(vmid, "")

    def set_power(self, vmid: int, power: str) -> None:
        """Change the state behind Proxmox's back: `running`, `paused` or `stopped`."""
        guest = self.guests[vmid]
        self.touch(guest)
        match Power(power):
            case Power.STOPPED:
                guest.end()
            case Power.PAUSED:
                guest.pause(self.now)
            case Power.RUNNING if guest.power is Power.PAUSED:
                guest.resume(self.now)
            case Power.RUNNING if not guest.running:
                guest.boot(self.now)

    def busy(self, vmid: int, cpu: float | None = 0.97) -> None:
        """Hold the guest's CPU at this fraction of its vCPUs from the next refresh; None ends."""
        self.touch(self.guests[vmid])
        self.guests[vmid].busy_cpu = cpu

    def fill_disk(self, vmid: int, fraction: float | None = 0.96) -> None:
        """Hold the guest's disk this full from the next refresh; None ends it."""
        self.touch(self.guests[vmid])
        self.guests[vmid].full_disk = fraction

    def set_agent(self, vmid: int, agent: str, error: str = "") -> None:
        """`none`, `up`, `dead`, `slow` or `hanging`; with `error` it answers in those words."""
        guest = self.guests[vmid]
        guest.agent = Agent(agent)
        guest.agent_error = error
        guest.agent_null = None

    def agent_null(self, vmid: int, *, applied: bool = False, form: str = "data") -> None:
        """Its agent answers a change of a password with null, having made it or not.

        `form`: `data` is null or `result` in it; `set_agent` ends it.
        """
        guest = self.guests[vmid]
        guest.agent_null = AgentNull(form)
        guest.agent_null_applies = applied

    # High availability

    def manage_by_ha(self, vmid: int, group: str = "") -> None:
        """From now on the HA manager starts and stops this guest, in its own time."""
        guest = self.guests[vmid]
        guest.ha = Ha(HaState.STARTED if guest.running else HaState.STOPPED, group)

    def release_from_ha(self, vmid: int) -> None:
        self.guests[vmid].ha = None

    def ha_error(self, vmid: int, *, later: bool = False) -> None:
        """The HA manager has given the guest up: it stays as it is, and requests fail.

        `later`: the next request is still taken and ends well; only then is it in this state.
        """
        guest = self.guests[vmid]
        ha = guest.ha = guest.ha or Ha(HaState.STARTED if guest.running else HaState.STOPPED)
        if later:
            ha.breaks = True
        else:
            ha.state = HaState.ERROR

    def slow_ha(self, seconds: float = HA_DELAY) -> None:
        """The HA manager acts so long after it was asked."""
        self.ha_delay = float(seconds)

    # Tasks

    def forget_tasks(self, vmid: int | None = None, *, undo: bool = False) -> None:
        """Nobody knows of these tasks any more: all, or those of one guest.

        What still runs goes on unseen, or with `undo` never happens.
        """
        for task in self.tasks.everywhere():
            if vmid is None or task.subject == str(vmid):
                self.tasks.forget(task)
                if undo:
                    task.end(INTERRUPTED, self.now)

    def release_tasks(self) -> None:
        """Tasks that hang go on."""
        hung, self.hung = self.hung, []
        for task, go_on in hung:
            if task.at_work:
                go_on()

    def revoke(self, token_id: str) -> None:
        """The token still signs in and may nothing any more."""
        self.access.revoke(token_id)
        token = self.access.tokens[token_id]
        if not token.privsep:
            self.access.add_token(token_id, secret=token.secret, privsep=True)

    def calm(self) -> None:
        """Every fault ends: nodes are up, measured and reachable, and answers are honest."""
        self.clear_faults()
        self.release_tasks()
        self.slow_ha()
        for guest in self.guests.values():
            guest.agent_null = None
            if guest.ha is not None and (guest.ha.breaks or guest.ha.state is HaState.ERROR):
                self.manage_by_ha(guest.vmid, guest.ha.group)
        for name in self.nodes:
            self.node_up(name)
        self.thaw_pvestatd()

    def fingerprint(self, node: str) -> str:
        """The SHA-256 of a node's certificate, as `ssl_fingerprint` shows it."""
        pairs = (digest("ssl", self.seed, node) + digest("ssl", node)).upper()[:64]
        return ":".join(pairs[i : i + 2] for i in range(0, 64, 2))

    def _refreshed(self) -> float:
        return self.started_at + (self.now - self.started_at) // REFRESH * REFRESH

    def _some(self, name: str | None) -> list[Node]:
        return list(self.nodes.values()) if name is None else [self.nodes[name]]

    def _add_node(self, number: int) -> None:
        name = f"pve{number}"
        self.nodes[name] = Node(
            name=name,
            address=f"192.0.2.{number}",
            rhythm=rhythm(self.seed, name),
            booted_at=self.started_at - 86_400 * (11 + number),
        )


def _sample(guest: Guest, refreshed: float | None) -> Measured | None:
    if refreshed is None or refreshed <= guest.created_at:
        return None
    if guest.sampled_at != refreshed:
        guest.sample = guest.measure(refreshed)
        guest.sampled_at = refreshed
    return guest.sample
