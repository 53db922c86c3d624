"""Monitoring's Celery tasks: each makes one call into the domain. Unknown arguments are ignored,
so that old and new processes can work together while a new version is rolled out."""

from celery import shared_task

from monitoring import catch_up as catching_up
from monitoring import cycle, forecast, look, packer, retention
from servers.queue import send_with


@shared_task(name="monitoring.start_cycles")
def start_cycles(**_: object) -> None:
    """Sends one task a cluster; it expires with the interval instead of piling up."""
    for cluster_id in cycle.due(cycle.now_utc()):
        send_with("monitoring.poll_cluster", expires=cycle.interval(), cluster_id=cluster_id)


@shared_task(name="monitoring.poll_cluster")
def poll_cluster(*, cluster_id: int, **_: object) -> None:
    cycle.poll(cluster_id, clock=cycle.now_utc)


@shared_task(name="monitoring.look_into_guests")
def look_into_guests(*, cluster_id: int, **_: object) -> None:
    look.look_into(cluster_id, clock=cycle.now_utc)


@shared_task(name="monitoring.pack_samples")
def pack_samples(**_: object) -> None:
    packer.pack(clock=cycle.now_utc)


@shared_task(name="monitoring.prune_samples")
def prune_samples(**_: object) -> None:
    retention.prune(now=cycle.now_utc())


@shared_task(name="monitoring.forecast_disks")
def forecast_disks(**_: object) -> None:
    forecast.forecast(cycle.now_utc)


@shared_task(name="monitoring.catch_up")
def catch_up(*, cluster_id: int, start: int, end: int, tries: int = 15, **_: object) -> None:
    catching_up.catch_up(cluster_id, start, end, clock=cycle.now_utc, tries=tries)
