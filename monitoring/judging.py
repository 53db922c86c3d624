"""What a cycle hands to the judge: what it observed, and which hosts are at fault."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from alerts import episodes, intent, rulebook
from alerts.judging import Last, Observation, Observed, Turn, judge_cluster
from alerts.metrics import Metric
from alerts.models import AlertRule
from monitoring.models import GuestDisk
from monitoring.readings import DiskUse
from monitoring.reconcile import Known, Plan
from servers.models import Cluster, Server
from servers.queue import enqueue

# After a longer time without a look, Proxmox's own history is asked what happened meanwhile.
DOWNTIME = timedelta(minutes=10)
# Each refused token costs three seconds of Proxmox's and of ours; nobody mends it in thirty.
AFTER_DENIAL = timedelta(minutes=5)


def went_down(plan: Plan, known: Sequence[Known], now: datetime) -> dict[int, bool]:
    """To be asked before the plan is carried out, see `alerts.intent`."""
    before = {server.id: server.status for server in known if server.id in plan.changed}
    return intent.went_down(
        (
            (server, before[server], str(changes["status"]))
            for server, changes in plan.changed.items()
            if "status" in changes and server in before
        ),
        now=now,
    )


def judge_cycle(
    cluster: Cluster,
    plan: Plan,
    known: Sequence[Known],
    disks: Mapping[int, DiskUse],
    *,
    down: Mapping[int, bool],
    now: datetime,
) -> None:
    """In the transaction that stores the cycle. `cluster` as it was before."""
    observed = observe(plan, known)
    judge(
        cluster,
        Observation(
            cluster=cluster.pk,
            at=int(now.timestamp()),
            servers=observed,
            figures=plan.samples,
            fullest={
                server: use.fullest for server, use in disks.items() if use.fullest is not None
            },
            fullest_at={server: use.fullest_at for server, use in disks.items()},
            file_systems=file_systems(cluster),
            went_down=down,
            last=last_time(cluster),
        ),
        now=now,
    )


def observe(plan: Plan, known: Sequence[Known]) -> dict[int, Observed]:
    """The servers that were known and still are; those that are new are judged the next time."""
    replaced = set(plan.replaced)
    missing = set(plan.missing)
    found: dict[int, Observed] = {}
    for server in known:
        changes = plan.changed.get(server.id)
        status, lock = server.status, server.lock
        if changes:
            status = str(changes.get("status", status))
            lock = str(changes.get("lock", lock))
        if server.id in missing:
            status = Server.Status.UNKNOWN.value
        if server.id not in replaced:
            found[server.id] = Observed(server.owner, status, server.status, lock)
    return found


def judge_failing(cluster: Cluster, known: Sequence[Known], *, now: datetime) -> None:
    """The cluster did not answer: nothing is measured, and that nothing is known is a reading."""
    judge(
        cluster,
        Observation(
            cluster=cluster.pk,
            at=int(now.timestamp()),
            servers={
                server.id: Observed(server.owner, server.status, server.status, server.lock)
                for server in known
            },
            figures={},
            last=last_time(cluster),
        ),
        now=now,
    )


def last_time(cluster: Cluster) -> Last:
    """A cluster that refused our token is left in peace for a while: that is no gap."""
    denied = cluster.failure == Cluster.Failure.DENIED
    return Last(
        int(cluster.judged_at.timestamp()) if cluster.judged_at else None,
        int(AFTER_DENIAL.total_seconds()) if denied else 0,
    )


def judge(cluster: Cluster, seen: Observation, *, now: datetime) -> None:
    turns = judge_cluster(seen)
    episodes.apply(turns, now=now, details=details(turns, seen))
    if cluster.judged_at and now - cluster.judged_at > DOWNTIME + timedelta(
        seconds=seen.last.pause
    ):
        enqueue(
            "monitoring.catch_up",
            cluster_id=cluster.pk,
            start=int(cluster.judged_at.timestamp()),
            end=seen.at,
        )


def details(turns: Sequence[Turn], seen: Observation) -> dict[tuple[int, int], str]:
    """Which file system is so full."""
    return {
        (turn.server, turn.rule_id): turn.rule.mountpoint or seen.fullest_at.get(turn.server, "")
        for turn in turns
        if turn.rule is not None and turn.rule.metric == Metric.DISK
    }


def file_systems(cluster: Cluster) -> dict[int, dict[str, float]]:
    """The fraction used of each file system, read only where some rule is about a single one."""
    if not rulebook.book().by_mountpoint:
        return {}
    rules = AlertRule.objects.filter(mountpoint__gt="", enabled=True)
    rows = GuestDisk.objects.filter(server__cluster=cluster)
    if not rules.filter(owner=None).exists():
        by_server = rules.filter(server__isnull=False).values("server")
        by_owner = rules.filter(server=None).values("owner")
        rows = rows.filter(Q(server__in=by_server) | Q(server__owner__in=by_owner))
    return {
        server: {
            str(system["mountpoint"]): system["used"] / system["total"]
            for system in systems
            if system["total"]
        }
        for server, systems in rows.values_list("server_id", "file_systems")
    }
