"""All figures of one answer, as families of Prometheus."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from alerts import delivery
from monitoring import stages
from panel.metrics import counted, standing
from servers import hub, meter
from servers.meter import Counter, Gauge, Histogram, Kept
from servers.proxmox import gateway

# All that processes count; each of them stands beside what it counts.
METERS: tuple[Counter | Histogram | Gauge, ...] = (
    stages.CYCLES, stages.STAGES, stages.SAMPLES, gateway.CALLS, gateway.CALL_SECONDS,
    delivery.DELIVERIES, hub.SOCKETS, hub.SUBSCRIPTIONS,
)  # fmt: skip


class Page(Collector):
    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        kept, queues = self.from_redis()
        figures = self.from_database()
        yield up("panel_redis_up", "Whether Redis answers.", queues is not None)
        yield up("panel_database_up", "Whether the database answers.", figures is not None)
        yield from (counted.family(each, kept) for each in METERS)
        yield from queues or ()
        yield from figures or ()

    def from_redis(self) -> tuple[Kept, list[Metric] | None]:
        try:
            with settings.REDIS.client(timeout=2) as client:
                return meter.kept(client), [standing.queues(client)]
        except (RedisError, OSError):
            return Kept(), None

    def from_database(self) -> list[Metric] | None:
        try:
            return list(standing.figures(self.now))
        except DatabaseError:
            return None


def up(name: str, help: str, is_up: bool) -> Metric:
    return GaugeMetricFamily(name, help, value=int(is_up))
