"""The cycle: one pass over one cluster."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from monitoring import faults, judging, overload, pacing, samples, sizes
from monitoring.claims import claim_cycle, is_due, release_cycle, renewed
from monitoring.garbage import resting
from monitoring.judging import AFTER_DENIAL
from monitoring.models import CycleMemory, GuestDisk
from monitoring.readings import GUEST_DISK_SECONDS, Counters, DiskUse
from monitoring.reconcile import Known, Plan, reconcile
from monitoring.stages import Stopwatch
from servers import inventory, live
from servers.clusters import access_to, gateway_to
from servers.models import Cluster, ClusterToken
from servers.proxmox.errors import (
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxMalformed,
    ProxmoxUnreachable,
)
from servers.proxmox.types import Resources
from servers.queue import enqueue

logger = logging.getLogger(__name__)

# MariaDB's and MySQL's codes: deadlock found, lock wait timeout exceeded.
DEADLOCKS = (1213, 1205)

Clock = Callable[[], datetime]


class LostClaim(Exception):
    """Another worker took the cycle over while this one was away."""


def poll(cluster_id: int, *, clock: Clock) -> bool:
    """One cycle, as design has it:

    1. claim the cluster, or leave it to whoever holds it (returns False)
    2. fetch: one GET /cluster/resources
    3. decide: reported against known, purely
    4. store and judge in one transaction; its claim is checked there once more
    5. on commit: push what changed, look into guests where something is to be asked of them

    A failure of the cluster's is written down beside it and ends the cycle; nothing is forgotten.
    """
    watch, outcome, stored = Stopwatch(), "failed", 0
    began = clock()
    claim = claim_cycle(cluster_id, now=began, interval=interval())
    if claim is None:
        watch.tell("skipped")
        return False
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=cluster_id)
    try:
        with renewed(cluster_id, claim, clock=clock):
            resources = fetch(cluster, watch)
        with resting():
            stored = store_in_spite_of_deadlocks(
                cluster, claim, resources, clock=clock, began=began, watch=watch
            )
        outcome = "ok"
    except ProxmoxError as error:
        kind = failure_kind(error)
        note_failure(cluster, claim, kind, str(error), began=began, now=clock())
    except (DatabaseError, ValueError, OverflowError) as error:
        # What Proxmox answered could not be stored: staff must see that, and the log why.
        kind = Cluster.Failure.INTERNAL
        note_failure(cluster, claim, kind, type(error).__name__, began=began, now=clock())
        raise
    except LostClaim:
        outcome = "lost"
        logger.warning("%s: the cycle took too long and was taken over.", cluster)
        pacing.note(cluster, began=began, ended=clock(), seconds=watch.whole())
    finally:
        release_cycle(cluster_id, claim)
        watch.tell(outcome, samples=stored)
    return True


def fetch(cluster: Cluster, watch: Stopwatch) -> Resources:
    gateway = gateway_to(access_to(cluster, ClusterToken.Purpose.READ))
    watch.lap("store")
    resources = gateway.resources()
    watch.lap("fetch", waited=gateway.answered_in)
    return resources


def store_in_spite_of_deadlocks(
    cluster: Cluster,
    claim: str,
    resources: Resources,
    *,
    clock: Clock,
    began: datetime,
    watch: Stopwatch,
) -> int:
    """MariaDB ends one of two transactions that wait for each other; that one is tried again.

    So is one whose rule or owner was deleted between reading and writing.
    """
    try:
        return store(cluster, claim, resources, clock=clock, began=began, watch=watch)
    except (OperationalError, IntegrityError) as error:
        is_deadlock = bool(error.args) and error.args[0] in DEADLOCKS
        if isinstance(error, OperationalError) and not is_deadlock:
            raise
        return store(cluster, claim, resources, clock=clock, began=began, watch=watch)


def store(
    cluster: Cluster,
    claim: str,
    resources: Resources,
    *,
    clock: Clock,
    began: datetime,
    watch: Stopwatch,
) -> int:
    """Returns how many samples there were."""
    now = clock()
    taken_at = int(now.timestamp())
    with transaction.atomic():
        # Locks the cluster's row, as whoever adds or removes one of its servers does: what is
        # read from here on stays true until the end.
        note_success(cluster, claim, resources, now=now)
        known = known_servers(cluster.pk, now)
        disks = disk_uses(cluster.pk, taken_at)
        counters = remembered(cluster.pk)
        watch.lap("store")
        plan = reconcile(resources, known, counters, disks, now=taken_at)
        watch.lap("decide")
        down = judging.went_down(plan, known, now)
        events = apply(cluster, plan, resources, now=now)
        samples.store(plan.samples, taken_at=taken_at)
        sizes.note(plan.resized, taken_at=taken_at)
        CycleMemory.objects.update_or_create(
            cluster_id=cluster.pk,
            defaults={"counters": msgspec.msgpack.encode(plan.counters)},
        )
        watch.lap("store")
        faults.note(cluster, resources, now=now)
        judging.judge_cycle(cluster, plan, known, disks, down=down, now=now)
        watch.lap("judge")
        is_quiet = overload.is_quiet(pacing.pace_of(cluster))
        shown = {} if is_quiet else plan.samples
        transaction.on_commit(lambda: watch.lap("store"))
        live.publish(events, [(server, taken_at, *values) for server, values in shown.items()])
        enqueue("monitoring.look_into_guests", expires=interval(), cluster_id=cluster.pk)
        transaction.on_commit(lambda: watch.lap("publish"))
        pacing.note(cluster, began=began, ended=clock(), seconds=watch.whole())
    return len(plan.samples)


def apply(
    cluster: Cluster, plan: Plan, resources: Resources, *, now: datetime
) -> list[live.Event]:
    nodes = inventory.save_nodes(cluster, resources.nodes, now)
    for server_id in plan.replaced:
        inventory.mark_gone(server_id, why="Another kind of guest has its VMID now.", now=now)
    events = inventory.change(plan.changed, nodes, now)
    events += inventory.mark_missing(plan.missing, now)
    if plan.new:
        added = inventory.add(
            cluster, ((guest, reading.status) for guest, reading in plan.new), nodes, now
        )
        for server, (_, reading) in zip(added, plan.new, strict=True):
            if reading.measured:
                plan.samples[server.pk] = reading.measured
            if reading.counters and reading.counters.sizes:
                plan.resized[server.pk] = reading.counters.sizes
    return events


def known_servers(cluster_id: int, now: datetime) -> list[Known]:
    """Read as tuples: 10,000 model instances would cost more than the rest of the cycle."""
    lately, soon = (
        connection.ops.adapt_datetimefield_value(moment)
        # After a clock was set back, what was seen before lies in the future.
        for moment in (now - inventory.OLDER_NEWS, now + inventory.OLDER_NEWS)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.id, s.vmid, s.kind, COALESCE(n.name, ''), s.guest_name, s.status, s.lock,
                   s.tags, s.cpus, s.identity, s.identity_due, s.missing_since IS NOT NULL,
                   COALESCE(s.status_seen_at > %s AND s.status_seen_at < %s, FALSE), s.owner_id
            FROM servers_server s LEFT JOIN servers_node n ON n.id = s.node_id
            WHERE s.cluster_id = %s AND s.present = %s
            """.replace("s.lock", "s." + connection.ops.quote_name("lock")),
            [lately, soon, cluster_id, True],
        )
        return [Known._make(row) for row in cursor.fetchall()]


def remembered(cluster_id: int) -> dict[int, Counters]:
    stored = CycleMemory.objects.filter(pk=cluster_id).values_list("counters", flat=True).first()
    if stored is None:
        return {}
    try:
        return msgspec.msgpack.decode(bytes(stored), type=dict[int, Counters])
    except msgspec.DecodeError:
        logger.warning("What the last cycle remembered cannot be read; no rates this time.")
        return {}


def disk_uses(cluster_id: int, taken_at: int) -> dict[int, DiskUse]:
    rows = GuestDisk.objects.filter(
        server__cluster_id=cluster_id,
        measured_at__gte=taken_at - GUEST_DISK_SECONDS,
        used__isnull=False,
    ).values_list("server_id", "used", "total", "measured_at", "fullest", "fullest_at")
    return {server: DiskUse(*use) for server, *use in rows}  # type: ignore[arg-type]


def note_success(cluster: Cluster, claim: str, resources: Resources, *, now: datetime) -> None:
    written = Cluster.objects.filter(pk=cluster.pk, cycle_claim=claim).update(
        cycle_claim="",
        cycle_claimed_until=None,
        next_cycle_at=None,
        last_cycle_at=now,
        judged_at=now,
        failing_since=None,
        failure="",
        failure_message="",
        warning=warning_of(cluster, resources),
    )
    if not written:
        raise LostClaim
    if cluster.failing_since:
        logger.info("%s answers again, after %s.", cluster, now - cluster.failing_since)


def warning_of(cluster: Cluster, resources: Resources) -> str:
    if not resources.guests and cluster.servers.filter(present=True).exists():
        return (
            "Proxmox lists no guest at all. Its servers are kept. Most likely the token lost "
            "VM.Audit: check it with manage.py check_cluster."
        )
    if not resources.guests:
        return "Proxmox lists no guest. Does the token have VM.Audit, on / or on a pool?"
    if resources.malformed:
        return f"{resources.malformed} rows of Proxmox's list could not be read and were left out."
    return ""


def note_failure(
    cluster: Cluster,
    claim: str,
    kind: Cluster.Failure,
    why: str,
    *,
    began: datetime,
    now: datetime,
) -> None:
    denied = kind == Cluster.Failure.DENIED
    # Where storing fails, judging may be what fails: nothing was seen of anything.
    judged = {} if kind == Cluster.Failure.INTERNAL else {"judged_at": now}
    with transaction.atomic():
        noted = Cluster.objects.filter(pk=cluster.pk, cycle_claim=claim).update(
            cycle_claim="",
            cycle_claimed_until=None,
            cycle_began_at=began,
            next_cycle_at=now + AFTER_DENIAL if denied else None,
            **judged,
            failing_since=cluster.failing_since or now,
            failure=kind,
            failure_message=why[:2000],
        )
        if not noted:
            return  # another worker took the cycle over, and knows better
        if not cluster.failing_since:
            logger.warning("%s cannot be polled: %s", cluster, why)
        if cluster.is_stale(now):
            inventory.lose_sight(cluster, now)
            faults.note_silence(cluster, why, now=now)
        if judged:
            judging.judge_failing(cluster, known_servers(cluster.pk, now), now=now)


def failure_kind(error: ProxmoxError) -> Cluster.Failure:
    if isinstance(error, ProxmoxDenied):
        return Cluster.Failure.DENIED
    if isinstance(error, ProxmoxMalformed):
        return Cluster.Failure.MALFORMED
    if isinstance(error, ProxmoxUnreachable):
        return Cluster.Failure.UNREACHABLE
    return Cluster.Failure.REFUSED


def due(now: datetime) -> list[int]:
    """Clusters whose cycle should start now."""
    return list(Cluster.objects.filter(is_due(now), enabled=True).values_list("pk", flat=True))


def now_utc() -> datetime:
    return datetime.now(UTC)


def interval() -> timedelta:
    return timedelta(seconds=settings.POLL_INTERVAL)
