"""How a cluster's cycles keep up, noted beside it. What is made of that decides monitoring/overload.py."""

import logging
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import transaction

from accounts import audit
from accounts.audit import SYSTEM
from monitoring import overload
from monitoring.overload import Pace
from servers.models import Cluster

logger = logging.getLogger(__name__)


def pace_of(cluster: Cluster) -> Pace:
    return msgspec.convert({**cluster.pace, "level": cluster.overload_level}, Pace)


def lag_of(cluster: Cluster, began: datetime) -> float:
    """Seconds by which a cycle that began then was late; 0 for the first one."""
    if cluster.cycle_began_at is None:
        return 0.0
    due = cluster.cycle_began_at + timedelta(seconds=settings.POLL_INTERVAL)
    due = max(due, cluster.next_cycle_at or due)
    return max(0.0, (began - due).total_seconds())


def note(cluster: Cluster, *, began: datetime, ended: datetime, seconds: float) -> None:
    """With the cluster as it was read when the cycle began. Nothing, where another cycle has been
    noted since."""
    pace, lag = pace_of(cluster), lag_of(cluster, began)
    took = (ended - began).total_seconds()
    following = overload.next_pace(pace, lag=lag, took=took, interval=settings.POLL_INTERVAL)
    remembered = msgspec.to_builtins(following)
    level = remembered.pop("level")
    changes = {} if level == pace.level else {"overload_level": level, "overload_since": ended}
    as_read = Cluster.objects.filter(
        pk=cluster.pk, cycle_began_at=cluster.cycle_began_at, overload_level=pace.level
    )
    with transaction.atomic(savepoint=False):
        written = as_read.update(
            cycle_began_at=began,
            last_cycle_lag=round(lag, 3),
            last_cycle_seconds=round(seconds, 3),
            pace=remembered,
            **changes,
        )
        if written and changes:
            tell(cluster, pace.level, level, lag=lag, took=took, now=ended)


def tell(
    cluster: Cluster, former: int, level: int, *, lag: float, took: float, now: datetime
) -> None:
    logger.warning(
        "%s: overload level %d after %d; the last cycle began %.1f s late and took %.1f s of %d s.",
        cluster, level, former, lag, took, settings.POLL_INTERVAL,
    )  # fmt: skip
    audit.record(
        "cluster.overloaded" if level > former else "cluster.relieved",
        actor=SYSTEM,
        now=now,
        object_type="cluster",
        object_id=cluster.pk,
        details={
            "level": level, "before": former, "late_seconds": round(lag, 1),
            "took_seconds": round(took, 1), "interval_seconds": settings.POLL_INTERVAL,
        },
    )  # fmt: skip
