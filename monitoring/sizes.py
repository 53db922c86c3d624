"""How large servers were, and when that changed."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db.models import Count, Max

from monitoring.models import Size
from monitoring.readings import Sizes


class Sized(NamedTuple):
    since: int
    memory_total: int | None
    disk_total: int | None


def note(sizes: Mapping[int, Sizes], *, taken_at: int) -> None:
    """Keeps the sizes of these servers where they are not those that were noted last.

    For those few that may have changed; `taken_at` in Unix seconds. Call it in a transaction.
    """
    latest: dict[int, Sizes] = {}
    ids = list(sizes)
    for start in range(0, len(ids), 1000):
        rows = Size.objects.filter(server_id__in=ids[start : start + 1000]).order_by("since")
        for server, memory, disk in rows.values_list("server_id", "memory_total", "disk_total"):
            latest[server] = (memory, disk)
    Size.objects.bulk_create(
        [
            Size(server_id=server, since=taken_at, memory_total=memory, disk_total=disk)
            for server, (memory, disk) in sizes.items()
            if latest.get(server) != (memory, disk)
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


def prune(*, before: int) -> int:
    """Removes what no chart reaches any more: all but the newest size before that time."""
    gone = 0
    older = Size.objects.filter(since__lt=before).values("server_id")
    for row in older.annotate(newest=Max("since"), count=Count("pk")).filter(count__gt=1):
        past = Size.objects.filter(server_id=row["server_id"], since__lt=row["newest"])
        gone += past.delete()[0]
    return gone


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
