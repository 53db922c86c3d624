"""What was done on purpose: by a person, or by the panel for one."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Q

from alerts.metrics import Metric
from servers.models import Action, LastSample, Server

# What makes a server read, write, send and compute for somebody else: backups, clones, moves.
# While one is under way, nothing that it raises begins an alert.
WORK_OF_OTHERS = frozenset(
    (Metric.CPU, Metric.NETWORK_IN, Metric.NETWORK_OUT, Metric.DISK_READ, Metric.DISK_WRITE)
)
UP = frozenset((Server.Status.RUNNING, Server.Status.UNKNOWN))
DOWN = frozenset((Server.Status.STOPPED, Server.Status.PAUSED, Server.Status.SUSPENDED))
# Of all present servers, those that ran until so shortly before nobody saw them any more.
SEEN_RUNNING_WITHIN = timedelta(minutes=10)
# Proxmox's own collector is ten seconds behind, a sample a cycle.
SLACK = timedelta(seconds=90)


def went_down(statuses: Iterable[tuple[int, str, str]], *, now: datetime) -> dict[int, bool]:
    """Of servers with their status before and now: those that went down, and whether somebody
    asked for that.

    One that was not seen for a while counts where it ran until shortly before that. To be asked
    before the statuses are stored, which is when their `status_since` is overwritten.
    """
    fell = {server: before for server, before, after in statuses if before in UP and after in DOWN}
    return asked_for(last_seen_running(fell), now=now)


def last_seen_running(fell: Mapping[int, str]) -> dict[int, datetime]:
    """When each of them was last measured, left out where it did not run before."""
    found: dict[int, datetime] = {}
    rows = LastSample.objects.filter(server__in=fell).values_list(
        "server_id", "taken_at", "server__status_since"
    )
    for server, taken_at, status_since in rows:
        at = datetime.fromtimestamp(taken_at, status_since.tzinfo)
        unseen = fell[server] == Server.Status.UNKNOWN
        if not unseen or at >= status_since - SEEN_RUNNING_WITHIN:
            found[server] = at
    return found


def asked_for(ran_at: Mapping[int, datetime], *, now: datetime) -> dict[int, bool]:
    """An action that is under way, or ended since it ran, whatever became of it, is a wish."""
    oldest = min(ran_at.values(), default=now) - SLACK
    wishes: dict[int, datetime] = {}
    rows = Action.objects.filter(Q(active=True) | Q(finished_at__gte=oldest), server__in=ran_at)
    for server, finished_at in rows.values_list("server_id", "finished_at"):
        at = finished_at or now
        wishes[server] = max(at, wishes.get(server, at))
    return {
        server: server in wishes and wishes[server] >= at - SLACK for server, at in ran_at.items()
    }
