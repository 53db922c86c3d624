"""Tasks about clusters, their servers' actions and consoles."""

from datetime import UTC, datetime

from celery import shared_task
from django.core.management import CommandError, call_command

from servers import console_requests, consoles, dispatch, follow, reading, sweep
from servers.models import Cluster


def clock() -> datetime:
    return datetime.now(UTC)


@shared_task(name="servers.run_action")
def run_action(*, action_id: int, sealed: str = "", **_: object) -> None:
    dispatch.run(action_id, clock=clock, sealed=sealed)


@shared_task(name="servers.follow_actions")
def follow_actions(*, cluster_id: int, **_: object) -> None:
    follow.follow(cluster_id, clock=clock)


@shared_task(name="servers.sweep_actions")
def sweep_actions(**_: object) -> None:
    sweep.sweep(clock())
    console_requests.sweep(clock())


@shared_task(name="servers.read_guest")
def read_guest(*, server_id: int, **_: object) -> None:
    reading.read(server_id, now=clock())


@shared_task(name="servers.close_orphaned_consoles")
def close_orphaned_consoles(**_: object) -> None:
    consoles.close_orphans(now=clock())


@shared_task(name="servers.check_cluster")
def check_cluster(*, cluster_id: int, **_: object) -> None:
    """After a change by staff: version and rights are asked anew, beside the page."""
    name = Cluster.objects.filter(pk=cluster_id).values_list("name", flat=True).first()
    if name is not None:
        try:
            call_command("check_cluster", name)
        except CommandError:
            return  # what is wrong is told by the cluster's next cycle, and by the command
