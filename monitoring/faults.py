"""Which hosts are at fault by what a cycle was told, or was not."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from alerts import failings, incidents
from alerts.incidents import Fault
from alerts.models import Incident
from servers.models import Cluster, Node, Server
from servers.proxmox.types import Resources, StorageState

Kind = Incident.Kind
# A thin pool that is full pauses every machine that writes to it.
FULL = 0.98


def note(cluster: Cluster, resources: Resources, *, now: datetime) -> None:
    """The cluster answers; of its nodes and storages these are at fault."""
    ids = dict(Node.objects.filter(cluster=cluster).values_list("name", "pk"))
    faults = [*down(resources, ids), *of_storages(cluster, resources)]
    incidents.observe(cluster, faults, kinds=Kind.values, now=now)


def note_silence(cluster: Cluster, why: str, *, now: datetime) -> None:
    """The cluster has not answered for some cycles. Of its nodes nothing is known."""

    def servers() -> Iterable[int]:
        return Server.objects.filter(cluster=cluster, present=True).values_list("pk", flat=True)

    fault = Fault(Kind.CLUSTER, "", why, None, servers)
    incidents.observe(cluster, [fault], kinds=(), now=now)


def down(resources: Resources, ids: dict[str, int]) -> Iterator[Fault]:
    for state in resources.nodes:
        if state.status == Node.Status.OFFLINE and state.node in ids:
            yield node_fault(state.node, ids[state.node])


def node_fault(name: str, pk: int) -> Fault:
    def servers() -> Iterable[int]:
        return Server.objects.filter(node=pk, present=True).values_list("pk", flat=True)

    return Fault(Kind.NODE, name, failings.NODE_OFFLINE, pk, servers)


def of_storages(cluster: Cluster, resources: Resources) -> Iterator[Fault]:
    """A storage that is full, or that no collector can look at where it looks at others.

    One that nodes share is one fault, where it is so on all of them.
    """
    online = {node.node for node in resources.nodes if node.status != Node.Status.OFFLINE}
    rows = [row for row in resources.storages if row.node in online]
    looked_at = {row.node for row in rows if row.status == "available"}
    by_name: dict[str, list[StorageState]] = defaultdict(list)
    for row in rows:
        if row.node in looked_at:
            by_name[row.storage].append(row)
    for name, of_name in by_name.items():
        bad = [row for row in of_name if what_is_wrong(row)]
        if bad and len(bad) == len(of_name) and bad[0].shared:
            yield storage_fault(cluster, name, name, what_is_wrong(bad[0]), None)
        else:
            for row in bad:
                where = f"{row.node}/{name}"
                yield storage_fault(cluster, where, name, what_is_wrong(row), row.node)


def what_is_wrong(row: StorageState) -> str:
    if row.status != "available":
        return failings.NOT_LOOKED_AT
    if row.used is not None and row.total and row.used / row.total >= FULL:
        return failings.STORAGE_FULL % {"share": f"{row.used / row.total:.0%}"}
    return ""


def storage_fault(cluster: Cluster, where: str, storage: str, why: str, node: str | None) -> Fault:
    def servers() -> Sequence[int]:
        of_cluster = Server.objects.filter(cluster=cluster, present=True)
        if node is not None:
            of_cluster = of_cluster.filter(node__name=node)
        rows = of_cluster.values_list("pk", "facts")
        return [pk for pk, facts in rows if storage in facts.get("storages", ())]

    return Fault(Kind.STORAGE, where, why, None, servers)
