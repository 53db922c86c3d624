"""What stands in the simulated cluster from the start: tokens, and a small hoster's guests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from servers.simulator.chance import fractions, identifier
from servers.simulator.guests import GIB, MIB, Agent, Guest, Kind
from servers.simulator.load import Rhythm, rhythm

if TYPE_CHECKING:
    from servers.simulator.access import Access
    from servers.simulator.world import SimulatedCluster

FULL = "panel@pve!panel"
READ = "panel@pve!read"
ACT = "panel@pve!act"
RESET = "panel@pve!reset"
AUDIT = "audit@pve!audit"
POOL = "reseller@pve!customers"
NOTHING = "nobody@pve!nothing"

FIRST_VMID = 100
BACKUP_EVERY = 1200.0
BACKUP_LASTS = 90.0


@dataclass(frozen=True, slots=True)
class Sort:
    """One line of the hoster's price list, or one odd guest of his. Sizes are GiB."""

    name: str
    kind: Kind = Kind.QEMU
    cores: int = 2
    memory: float = 4
    disk: int = 40
    tags: str = ""
    pool: str = "customers"
    agent: Agent = Agent.UP
    state: str = "running"
    storage: str = "local-lvm"
    system: str = "debian"
    description: str = ""
    template: bool = False
    protection: bool = False
    ignores_shutdown: bool = False
    cloud_init: bool = True
    ha: bool = False
    vga: str = ""
    serial: bool = False
    # The fraction used of its disk; by chance where it is not given.
    disk_level: float | None = None


_LXC = Kind.LXC

# The first guests are ordinary, so that small clusters are too; oddities come from the tenth on.
SORTS = (
    Sort("web1", tags="prod;web", serial=True),
    Sort("web2", tags="prod;web"),
    Sort("shop-db", cores=4, memory=16, disk=200, tags="db;prod", storage="tank"),
    Sort("mail", kind=_LXC, memory=4, disk=80, tags="mail;prod"),
    Sort("shop-app", cores=4, memory=8, disk=60, tags="prod;web"),
    Sort("dns1", kind=_LXC, cores=1, memory=1, disk=10, tags="dns", pool="infrastructure"),
    Sort("vpn-gw", cores=1, memory=1, disk=10, pool="infrastructure", protection=True),
    Sort("git.example.org", cores=4, memory=8, disk=120, tags="dev"),
    Sort("wordpress-14", kind=_LXC, cores=1, memory=2, disk=20, tags="web"),
    Sort("legacy-crm", agent=Agent.NONE, storage="thick", cloud_init=False, tags="legacy"),
    Sort(
        "node-builder", cores=8, memory=16, disk=160, agent=Agent.DEAD, tags="ci;dev", vga="none"
    ),
    Sort("staging", cores=2, memory=4, state="stopped", tags="dev"),
    Sort("win-terminal", cores=8, memory=32, disk=250, system="windows", tags="windows"),
    Sort("nextcloud", cores=4, memory=8, disk=500, storage="ceph", tags="prod"),
    Sort("backup-target", kind=_LXC, cores=2, memory=4, disk=500, pool="infrastructure"),
    Sort("analytics", cores=16, memory=32, disk=400, agent=Agent.SLOW, tags="db"),
    Sort(
        "old-forum",
        agent=Agent.HANGING,
        ignores_shutdown=True,
        tags="legacy",
        description="Hangs since the last upgrade.\nDo not touch before Q3, ask Jörg",
    ),
    Sort("test-lab", cores=2, memory=2, state="paused", tags="dev"),
    Sort("debian-13-template", disk=10, memory=2, template=True, state="stopped", pool=""),
    Sort(
        "cust-4711",
        tags="c+1;it_s.fine",
        vga="serial0",
        serial=True,
        description="<script>alert('guest notes')</script> \"quoted\" & ; DROP TABLE --",
    ),
    Sort("dns2", kind=_LXC, cores=1, memory=1, disk=10, tags="dns", pool="infrastructure"),
    Sort("redis-cache", kind=_LXC, cores=2, memory=8, disk=16, tags="prod"),
    Sort("postgres-replica", cores=8, memory=32, disk=300, storage="tank", tags="db;prod"),
    Sort("minecraft-eu", kind=_LXC, cores=4, memory=8, disk=40, tags="games"),
    Sort("valheim", cores=4, memory=8, disk=30, tags="games"),
    Sort("web3", tags="prod;web", storage="ceph", ha=True),
    Sort("cust-4712", memory=2, disk=20),
    Sort("cust-4713", kind=_LXC, cores=1, memory=1, disk=10),
    Sort("cust-4714", memory=8, cores=4, disk=80),
    Sort("archive", kind=_LXC, cores=1, memory=2, disk=400, state="stopped"),
    Sort("monitoring", cores=4, memory=8, disk=100, pool="infrastructure"),
    # Old images of builds that nobody deletes.
    Sort("gitlab-runner-1", kind=_LXC, cores=8, memory=16, disk=60, tags="ci", disk_level=0.93),
    Sort("gitlab-runner-2", kind=_LXC, cores=8, memory=16, disk=60, tags="ci"),
    Sort("erp", cores=8, memory=32, disk=350, system="windows", storage="ceph", tags="windows"),
    Sort("jumphost", kind=_LXC, cores=1, memory=1, disk=10, pool="infrastructure"),
    Sort("cust-4715", cores=1, memory=1, disk=15),
)
_BACKED_UP = "shop-app"

_MORE_NAMES = ("web", "db", "app", "mail", "shop", "vps", "api", "cache")
_MORE_SIZES = ((1, 1, 15), (1, 2, 20), (2, 4, 40), (4, 8, 80), (8, 16, 160), (16, 32, 320))


def tokens(access: Access) -> None:
    """One token for everything, three that share it out, and some that lack what they need."""
    access.pools.update(customers=set(), infrastructure=set())
    access.grant("/", "panel@pve", "Panel")
    for token_id, role in (
        (FULL, "Panel"),
        (READ, "PanelRead"),
        (ACT, "PanelAct"),
        (RESET, "PanelReset"),
    ):
        access.add_token(token_id)
        access.grant("/", token_id, role)
    access.grant("/", "audit@pve", "PVEAuditor")
    access.add_token(AUDIT, privsep=False)
    access.grant("/pool/customers", "reseller@pve", "Panel")
    access.add_token(POOL, privsep=False)
    # Privilege separation without an ACL of its own: the token of a user who may everything
    # and that may nothing.
    access.grant("/", "nobody@pve", "Panel")
    access.add_token(NOTHING)


def settle(cluster: SimulatedCluster, guests: int) -> None:
    """Create the guests that are there when the cluster begins."""
    if not cluster.nodes:
        return
    for index in range(guests):
        _move_in(cluster, index, SORTS[index] if index < len(SORTS) else _more(cluster, index))
    if guests > len(SORTS) // 2:
        backed_up = next(guest for guest in cluster.guests.values() if guest.name == _BACKED_UP)
        cluster.after(BACKUP_EVERY / 2, lambda: _back_up(cluster, backed_up))


def _more(cluster: SimulatedCluster, index: int) -> Sort:
    chance = fractions(cluster.seed, "sort", index)
    cores, memory, disk = _MORE_SIZES[int(chance[0] * len(_MORE_SIZES))]
    agent = Agent.NONE if chance[1] < 0.05 else Agent.DEAD if chance[1] < 0.07 else Agent.UP
    return Sort(
        f"{_MORE_NAMES[index % len(_MORE_NAMES)]}-{index:05d}",
        kind=_LXC if chance[2] < 0.3 else Kind.QEMU,
        cores=cores,
        memory=memory,
        disk=disk,
        agent=agent,
        state="stopped" if chance[3] < 0.04 else "running",
    )


def _move_in(cluster: SimulatedCluster, index: int, sort: Sort) -> None:
    vmid = FIRST_VMID + index
    chance = fractions(cluster.seed, "guest", vmid)
    names = list(cluster.nodes)
    since = cluster.started_at - 3_600 - chance[0] * 86_400 * 60
    guest = Guest(
        vmid=vmid,
        kind=sort.kind,
        name=sort.name,
        node=names[index % len(names)],
        uuid=identifier("uuid", cluster.seed, vmid),
        rhythm=_rhythm_of(cluster, vmid, sort),
        created_at=since - 86_400 * (1 + 300 * chance[1]),
        cores=sort.cores,
        memory=int(sort.memory * 1024) * MIB,
        maxdisk=sort.disk * GIB,
        storage=sort.storage,
        ostype="win11" if sort.system == "windows" else "l26",
        system=sort.system,
        description=sort.description,
        tags=sort.tags,
        agent=sort.agent if sort.kind is Kind.QEMU else Agent.NONE,
        vga=sort.vga,
        serial=sort.serial,
        template=sort.template,
        protection=sort.protection,
        ignores_shutdown=sort.ignores_shutdown,
    )
    if sort.cloud_init and guest.kind is Kind.QEMU and sort.system != "windows":
        guest.cloud_init["ciuser"] = "debian"
        guest.cloud_init_drive = True
        guest.cloud_init_image = guest.cloud_init_read = {"ciuser": "debian"}
    if sort.state != "stopped":
        guest.begin(since)
    if sort.state == "paused":
        guest.pause(cluster.started_at - 600)
    cluster.guests[vmid] = guest
    if sort.ha:
        cluster.manage_by_ha(vmid)
    if sort.pool:
        guest.pool = sort.pool
        cluster.access.pools[sort.pool].add(vmid)


def _rhythm_of(cluster: SimulatedCluster, vmid: int, sort: Sort) -> Rhythm:
    made = rhythm(cluster.seed, vmid)
    return made if sort.disk_level is None else replace(made, disk_level=sort.disk_level)


def _back_up(cluster: SimulatedCluster, guest: Guest) -> None:
    """Every twenty minutes a backup holds this guest's lock for a minute and a half."""
    cluster.after(BACKUP_EVERY, lambda: _back_up(cluster, guest))
    if cluster.guests.get(guest.vmid) is not guest or guest.lock:
        return
    task = cluster.tasks.start(
        node=guest.node, type="vzdump", subject=str(guest.vmid), identity="root@pam",
        now=cluster.now,
    )  # fmt: skip
    task.log(f"INFO: Starting Backup of VM {guest.vmid} ({guest.kind})")
    guest.lock = "backup"

    def finish() -> None:
        if guest.lock == "backup":
            guest.lock = ""
        task.end("OK", cluster.now)

    cluster.after(BACKUP_LASTS, finish)
