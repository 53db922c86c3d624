"""How large servers were, and when that changed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from monitoring.models import Size
from monitoring.readings import Measured


class Sized(NamedTuple):
    since: int
    memory_total: int | None
    disk_total: int | None


def note(samples: Mapping[int, Measured], *, taken_at: int) -> None:
    """Keeps the sizes of these servers where they are not those that were noted last.

    For those few that may have changed; `taken_at` in Unix seconds. Call it in a transaction.
    """
    if not samples:
        return
    latest: dict[int, tuple[int | None, int | None]] = {}
    ids = list(samples)
    for start in range(0, len(ids), 1000):
        rows = Size.objects.filter(server_id__in=ids[start : start + 1000]).order_by("since")
        for server, memory, disk in rows.values_list("server_id", "memory_total", "disk_total"):
            latest[server] = (memory, disk)
    Size.objects.bulk_create(
        [
            Size(
                server_id=server,
                since=taken_at,
                memory_total=measured.memory_total,
                disk_total=measured.disk_total,
            )
            for server, measured in samples.items()
            if latest.get(server) != (measured.memory_total, measured.disk_total)
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


def until(server_id: int, end: int) -> list[Sized]:
    """The sizes that a server had before `end`, the oldest first."""
    rows = Size.objects.filter(server_id=server_id, since__lt=end).order_by("since")
    return [Sized(*row) for row in rows.values_list("since", "memory_total", "disk_total")]


def at(sizes: Iterable[Sized], time: int) -> Sized | None:
    """The size in effect at that time; before the first one is known, the first one."""
    found: Sized | None = None
    for sized in sizes:
        if found is None or sized.since <= time:
            found = sized
    return found
