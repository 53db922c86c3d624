"""What was measured of one server, as a rule looks at it: the samples that an alert rests on."""

from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from alerts.metrics import MEASURED, Metric
from alerts.silence import FileSystems
from monitoring import sizes
from monitoring.models import GuestDisk
from monitoring.packing import plain
from monitoring.recall import recall_one
from monitoring.sizes import Sized

# Time in Unix seconds, and the value in the metric's unit, None where there is none.
Point = tuple[int, float | None]

COLUMNS = {
    Metric.MEMORY: "memory_used",
    Metric.DISK: "disk_used",
}
# A sample that comes so many cycles after the last one leaves a gap.
GAP_CYCLES = 1.5


def samples_of(
    server_id: int, metric: str, start: int, end: int, *, mountpoint: str = ""
) -> list[Point]:
    """From `start` to before `end`, in order; a gap is one point without value, a cycle after
    the last sample.

    Of memory and disk the fraction that was used. Empty for what no sample holds: another
    metric, or one file system, of which only the present is known.
    """
    return with_gaps(measured(server_id, metric, start, end, mountpoint=mountpoint))


def measured(
    server_id: int, metric: str, start: int, end: int, *, mountpoint: str = ""
) -> list[Point]:
    """The samples alone."""
    if mountpoint or metric not in MEASURED:
        return []
    column = COLUMNS.get(Metric(metric), metric)
    found = recall_one(server_id, [column], start, end)
    rows = list(zip(found.times.tolist(), plain(found.values[0]), strict=True))
    if metric not in COLUMNS:
        return rows
    known = sizes.until(server_id, end)
    return list(fractions(rows, known, f"{metric}_total"))


def fractions(rows: Iterable[Point], known: Sequence[Sized], size: str) -> Iterator[Point]:
    """Of what there was to use at each time; before the first size that is known, of that."""
    later = iter(known[1:])
    total = getattr(known[0], size) if known else None
    following = next(later, None)
    for at, used in rows:
        while following is not None and following.since <= at:
            total, following = getattr(following, size), next(later, None)
        yield at, used / total if used is not None and total else None


def with_gaps(points: Sequence[Point]) -> list[Point]:
    interval = int(settings.POLL_INTERVAL)
    longest = GAP_CYCLES * interval
    found: list[Point] = []
    before = points[0][0] if points else 0
    for point in points:
        if point[0] - before > longest:
            found.append((before + interval, None))
        found.append(point)
        before = point[0]
    return found


def file_systems_of(server_id: int) -> FileSystems | None:
    """What its guest agent told last; None where it never did."""
    use = GuestDisk.objects.filter(pk=server_id, measured_at__isnull=False).first()
    if use is None or use.measured_at is None:
        return None
    return FileSystems(
        measured_at=use.measured_at,
        fullest=use.fullest,
        fullest_at=use.fullest_at,
        used={
            str(system["mountpoint"]): system["used"] / system["total"]
            for system in use.file_systems
            if system["total"]
        },
    )
