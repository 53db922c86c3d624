"""How things stand at this moment: queues, clusters, servers, actions, what waits to be told."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from redis import Redis

from alerts import backlog
from alerts.models import Notification
from servers.models import Action, Cluster, Server


def queues(client: Redis) -> Metric:
    routes = settings.CELERY_TASK_ROUTES.values()
    names = sorted({settings.CELERY_TASK_DEFAULT_QUEUE} | {route["queue"] for route in routes})
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.llen(name)
        lengths = pipe.execute()
    return labelled(
        "panel_queue_messages", "Messages that wait in a queue for a worker.", "queue",
        zip(names, lengths, strict=True),
    )  # fmt: skip


def figures(now: datetime) -> Iterator[Metric]:
    """Raises DatabaseError."""
    yield from of_clusters(now)
    yield of_servers()
    yield of_actions()
    yield from of_messages(now)


def of_clusters(now: datetime) -> Iterator[Metric]:
    """Those that are polled. What is not known yet, the age of a cycle that never was, is left out."""
    found = list(Cluster.objects.filter(enabled=True).order_by("name"))
    yield labelled(
        "panel_cluster_up", "Whether the last cycle of a cluster was good and is fresh.", "cluster",
        ((each.name, not each.failure and not each.is_stale(now)) for each in found),
    )  # fmt: skip
    yield labelled(
        "panel_cycle_age_seconds", "How long ago a cluster's last good cycle was.", "cluster",
        ((each.name, age(each.last_cycle_at, now)) for each in found),
    )  # fmt: skip
    yield labelled(
        "panel_cycle_last_seconds", "How long a cluster's last good cycle took.", "cluster",
        ((each.name, each.last_cycle_seconds) for each in found),
    )  # fmt: skip
    yield labelled(
        "panel_cycle_lag_seconds", "How late a cluster's last good cycle began.", "cluster",
        ((each.name, each.last_cycle_lag) for each in found),
    )  # fmt: skip
    yield labelled(
        "panel_overload_level", "What is put off for a cluster: 0 nothing, 1 agents, 2 live figures.",
        "cluster", ((each.name, each.overload_level) for each in found),
    )  # fmt: skip


def of_servers() -> Metric:
    present = Server.objects.filter(present=True)
    found = dict(present.order_by().values_list("status").annotate(n=Count("pk")))
    states = [state.value for state in Server.Status if state != Server.Status.GONE]
    return labelled(
        "panel_servers", "Servers by state.", "state",
        ((state, found.get(state, 0)) for state in states),
    )  # fmt: skip


def of_actions() -> Metric:
    unfinished = Action.objects.unfinished()
    found = dict(unfinished.order_by().values_list("status").annotate(n=Count("pk")))
    return labelled(
        "panel_actions", "Actions under way: pending ones were not sent yet.", "status",
        ((each, found.get(each, 0)) for each in ("pending", "running")),
    )  # fmt: skip


def of_messages(now: datetime) -> Iterator[Metric]:
    found = backlog.undelivered(Notification.objects.all(), now)
    yield GaugeMetricFamily(
        "panel_deliveries_undelivered",
        "Messages that did not get through so far, were given up lately, or wait for no worker.",
        value=found.count(),
    )
    yield GaugeMetricFamily(
        "panel_delivery_wait_seconds",
        "For how long the oldest message waits of those that are due; a worker takes seconds.",
        value=age(backlog.waiting_since(now), now) or 0,
    )


def age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def labelled(
    name: str, help: str, label: str, values: Iterable[tuple[str, float | None]]
) -> Metric:
    made = GaugeMetricFamily(name, help, labels=[label])
    for value, amount in values:
        if amount is not None:
            made.add_metric([value], float(amount))
    return made
