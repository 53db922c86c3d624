"""/version, /access/permissions, /cluster/resources, /cluster/status and the nodes."""

from collections.abc import Iterator

import msgspec

from servers.simulator.guests import Guest, Measured
from servers.simulator.nodes import Node
from servers.simulator.parameters import NODE, Parameter
from servers.simulator.routes import Call, Needs, Route
from servers.simulator.storages import STORAGES, Storage

VERSION = "9.1.7"
REPOSITORY = "0307225d4bc8b3ed"
CLUSTER_NAME = "simulated"

Row = dict[str, object]


def version(call: Call) -> object:
    return {"version": VERSION, "release": "9.1", "repoid": REPOSITORY}


def permissions(call: Call) -> object:
    access = call.cluster.access
    userid = call.text("userid")
    if userid and userid != call.identity and userid.partition("!")[0] != call.identity:
        call.require("/access", "Sys.Audit")
    identity = userid or call.identity
    path = call.text("path")
    if path:
        return {path: access.privileges(identity, path)}
    return access.effective(identity)


def resources(call: Call) -> object:
    wanted = call.text("type")
    rows: list[Row | msgspec.Raw] = []
    if not wanted:
        rows += _pool_rows(call)
    if wanted in ("", "vm"):
        rows += _guest_rows(call)
    if wanted in ("", "node"):
        for node in call.cluster.nodes.values():
            rows.append(_node_row(call, node) | {"cgroup-mode": 2})
    if wanted in ("", "storage"):
        rows += _storage_rows(call)
    if wanted in ("", "sdn"):
        rows += _network_rows(call)
    return rows


def cluster_status(call: Call) -> object:
    cluster = call.cluster
    alone = len(cluster.nodes) == 1
    rows: list[Row] = []
    if not alone:
        quorate = len(cluster.online()) * 2 > len(cluster.nodes)
        rows.append({
            "type": "cluster", "id": "cluster", "name": CLUSTER_NAME,
            "nodes": len(cluster.nodes), "quorate": int(quorate), "version": len(cluster.nodes),
        })  # fmt: skip
    for number, node in enumerate(cluster.nodes.values(), start=0 if alone else 1):
        rows.append({
            "type": "node", "id": f"node/{node.name}", "name": node.name, "nodeid": number,
            "ip": node.address, "local": int(node.name == call.member),
            "online": int(node.alive), "level": "",
        })  # fmt: skip
    return rows


def nodes(call: Call) -> object:
    return [
        _node_row(call, node) | {"ssl_fingerprint": call.cluster.fingerprint(node.name)}
        for node in call.cluster.nodes.values()
    ]


def node_status(call: Call) -> object:
    node, now = call.node, call.now
    used, disk = node.memory_used(now), node.disk_used()
    cpu = node.cpu(now)
    kernel = "6.14.11-4-pve"
    built = "#1 SMP PREEMPT_DYNAMIC PMX 6.14.11-4"
    return {
        "uptime": int(now - node.booted_at),
        "cpu": cpu,
        "wait": 0.002,
        "idle": 0,
        "loadavg": [f"{cpu * node.cores * share:.2f}" for share in (1.0, 0.97, 0.93)],
        "memory": {
            "total": node.memory,
            "used": used,
            "free": node.memory - used,
            "available": node.memory - used,
        },
        "swap": {"total": 0, "used": 0, "free": 0},
        "ksm": {"shared": 0},
        "rootfs": {
            "total": node.maxdisk,
            "used": disk,
            "free": node.maxdisk - disk,
            "avail": (node.maxdisk - disk) * 19 // 20,
        },
        "cpuinfo": {
            "cores": node.cores // 2, "cpus": node.cores, "sockets": 1, "model": "AMD EPYC 9254",
            "mhz": "2900.000", "flags": "fpu vme de pse tsc msr", "hvm": "1", "user_hz": 100,
            "vendor": "AuthenticAMD", "family": "25",
        },
        "boot-info": {"mode": "efi", "secureboot": 0},
        "current-kernel": {
            "sysname": "Linux", "release": kernel, "version": built, "machine": "x86_64",
        },
        "kversion": f"Linux {kernel} {built}",
        "pveversion": f"pve-manager/{VERSION}/{REPOSITORY}",
    }  # fmt: skip


def guest_row(guest: Guest, sample: Measured | None) -> Row:
    """A guest as /cluster/resources shows it; bare where nothing is measured."""
    kind = guest.kind.value
    if sample is None:
        row: Row = {
            "id": f"{kind}/{guest.vmid}", "vmid": guest.vmid, "type": kind, "node": guest.node,
            "status": "unknown",
        }  # fmt: skip
    else:
        (
            status, name, uptime, cpu, maxcpu, mem, memhost, maxmem, disk, maxdisk,
            netin, netout, diskread, diskwrite, template,
        ) = sample  # fmt: skip
        row = {
            "id": f"{kind}/{guest.vmid}", "vmid": guest.vmid, "type": kind, "node": guest.node,
            "status": status, "name": name, "uptime": uptime, "cpu": cpu, "maxcpu": maxcpu,
            "mem": mem, "memhost": memhost, "maxmem": maxmem, "disk": disk, "maxdisk": maxdisk,
            "netin": netin, "netout": netout, "diskread": diskread, "diskwrite": diskwrite,
            "template": template,
        }  # fmt: skip
    if guest.pool:
        row["pool"] = guest.pool
    if guest.lock:
        row["lock"] = guest.lock
    if guest.tags:
        row["tags"] = guest.tags
    if guest.ha is not None:
        row["hastate"] = guest.ha.state.value
    return row


def encoded_guest_row(guest: Guest, sample: Measured | None) -> msgspec.Raw:
    """The same as JSON, made again only when something in it has changed."""
    ha = guest.ha and guest.ha.state
    made_of = (sample, guest.vmid, guest.node, guest.pool, guest.lock, guest.tags, ha)
    if guest.row_made_of != made_of:
        guest.row = msgspec.json.encode(guest_row(guest, sample))
        guest.row_made_of = made_of
    return msgspec.Raw(guest.row)


def _guest_rows(call: Call) -> list[msgspec.Raw]:
    held, identity = call.cluster.access.privileges, call.identity
    return [
        encoded_guest_row(guest, sample)
        for guest, sample in call.cluster.samples()
        if "VM.Audit" in held(identity, f"/vms/{guest.vmid}")
    ]


def _pool_rows(call: Call) -> Iterator[Row]:
    for pool in call.cluster.access.pools:
        if call.may(f"/pool/{pool}", "Pool.Audit"):
            yield {"type": "pool", "id": f"/pool/{pool}", "pool": pool}


def _node_row(call: Call, node: Node) -> Row:
    row: Row = {"id": f"node/{node.name}", "node": node.name, "type": "node"}
    refreshed = call.cluster.node_statistics_at(node)
    if refreshed is None:
        return row | {"status": "unknown" if node.alive else "offline"}
    row["status"] = "online" if node.alive else "offline"
    row["level"] = ""
    if call.may(f"/nodes/{node.name}", "Sys.Audit"):
        row |= {"maxcpu": node.cores, "maxmem": node.memory, "maxdisk": node.maxdisk}
        if node.alive:
            row |= {
                "uptime": int(refreshed - node.booted_at),
                "cpu": node.cpu(refreshed),
                "mem": node.memory_used(refreshed),
                "disk": node.disk_used(),
            }
    return row


def _storage_rows(call: Call) -> Iterator[Row]:
    for node in call.cluster.nodes.values():
        measured = call.cluster.node_statistics_at(node) is not None
        for storage in STORAGES.values():
            if call.may(f"/storage/{storage.name}", "Datastore.Audit"):
                broken = storage.name in call.cluster.broken_storages
                filled = call.cluster.filled_storages.get(storage.name)
                yield _storage_row(node, storage, filled, measured=measured and not broken)


def _storage_row(
    node: Node, storage: Storage, filled: float | None = None, *, measured: bool
) -> Row:
    row: Row = {
        "id": f"storage/{node.name}/{storage.name}", "type": "storage", "node": node.name,
        "storage": storage.name, "plugintype": storage.plugin, "content": storage.content,
        "shared": int(storage.shared), "status": "available" if measured else "unknown",
    }  # fmt: skip
    if measured:
        used = storage.used if filled is None else int(storage.size * filled)
        row |= {"maxdisk": storage.size, "disk": used}
    return row


def _network_rows(call: Call) -> Iterator[Row]:
    if not call.may("/sdn/zones/localnetwork", "SDN.Audit"):
        return
    for node in call.cluster.nodes.values():
        yield {
            "type": "network", "id": f"network/{node.name}/zone/localnetwork",
            "node": node.name, "network": "localnetwork", "network-type": "zone",
            "status": "ok" if node.alive else "unknown",
        }  # fmt: skip


ROUTES = (
    Route("GET", "/version", version),
    Route(
        "GET", "/access/permissions", permissions, (Parameter("path"), Parameter("userid")),
    ),
    Route(
        "GET",
        "/cluster/resources",
        resources,
        (Parameter("type", enum=("vm", "storage", "node", "sdn")),),
    ),
    Route("GET", "/cluster/status", cluster_status, needs=Needs("/", ("Sys.Audit",))),
    Route("GET", "/nodes", nodes),
    Route(
        "GET", "/nodes/{node}/status", node_status, (NODE,), Needs("/nodes/{node}", ("Sys.Audit",))
    ),
)  # fmt: skip
