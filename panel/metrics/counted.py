"""From what processes counted and timed to families of Prometheus."""

from collections import defaultdict
from collections.abc import Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from servers.meter import Counter, Gauge, Histogram, Kept

Labels = tuple[str, ...]
INFINITY = float("inf")


def family(meter: Counter | Histogram | Gauge, kept: Kept) -> Metric:
    if isinstance(meter, Gauge):
        return gauge(meter, kept)
    sums: dict[Labels, dict[str, float]] = defaultdict(dict)
    for (name, values, part), amount in kept.sums.items():
        # An older version may have left labels that this one does not have.
        if name == meter.name and len(values) == len(meter.labels):
            sums[values][part] = amount
    return histogram(meter, sums) if isinstance(meter, Histogram) else counter(meter, sums)


def gauge(meter: Gauge, kept: Kept) -> Metric:
    made = GaugeMetricFamily(meter.name, meter.help, labels=meter.labels)
    for (name, process), value in sorted(kept.gauges.items()):
        if name == meter.name:
            made.add_metric([process], value)
    return made


def counter(meter: Counter, sums: Mapping[Labels, Mapping[str, float]]) -> Metric:
    made = CounterMetricFamily(meter.name, meter.help, labels=meter.labels)
    # One without labels is there from the beginning, so that its first increase is seen.
    for values, parts in sorted(sums.items()) or ([((), {})] if not meter.labels else []):
        made.add_metric(values, parts.get("", 0.0))
    return made


def histogram(meter: Histogram, sums: Mapping[Labels, Mapping[str, float]]) -> Metric:
    made = HistogramMetricFamily(meter.name, meter.help, labels=meter.labels)
    for values, parts in sorted(sums.items()):
        buckets, total = [], 0.0
        for bound in (*meter.bounds, INFINITY):
            total += parts.get(str(bound), 0.0)
            buckets.append(("+Inf" if bound == INFINITY else str(bound), total))
        made.add_metric(values, buckets, parts.get("sum", 0.0))
    return made
