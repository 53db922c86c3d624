"""Keeping samples for RETENTION_DAYS and no longer.

On MySQL and MariaDB, packs have a partition six hours (a day, where they
are kept for more than a month) and rows one a quarter of an hour, so that what a
cycle writes into is small, however long the history is. Both are made ahead, and dropped whole when
they are too old (rows are packed before that, and their partitions dropped by the packer). On SQLite
the old packs and rows of each server are one short range DELETE.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from monitoring import partitions, sizes
from monitoring.packing import HOUR

logger = logging.getLogger(__name__)

ROWS, PACKS = "monitoring_sample", "monitoring_samplepack"
QUARTER = 900
DAY = 86400
ROWS_AHEAD, PACKS_AHEAD = 6 * HOUR, 2 * DAY
# Of rows, more are made when only so much is left: many at once are quicker than each by itself.
LEAST_AHEAD = 3 * HOUR
MOST_DAYS_IN_QUARTERS = 30


def prune(*, now: datetime) -> int:
    """Removes what is too old; returns how many rows, packs or partitions went."""
    oldest = int((now - timedelta(days=settings.RETENTION_DAYS)).timestamp())
    sizes.prune(before=oldest)
    if connection.vendor == "mysql":
        extend(now=now)
        return drop_old_partitions(oldest)
    return delete_old(ROWS, "taken_at", oldest) + delete_old(PACKS, "hour", oldest - HOUR + 1)


def extend(*, now: datetime) -> None:
    """Makes the partitions that are missing ahead; of packs at first also those of days past,
    which a version without packs may have left behind as rows.

    One at a time, as whoever uses the table waits for each.
    """
    at = int(now.timestamp())
    made = partitions.highest(ROWS)
    if made < at + LEAST_AHEAD:
        for part in parts("q", max(made, at), at + ROWS_AHEAD, QUARTER):
            partitions.add(ROWS, [part])
    oldest = at - settings.RETENTION_DAYS * DAY
    made = max(partitions.highest(PACKS), oldest)
    for part in parts("p", made, at + PACKS_AHEAD, packs_width()):
        partitions.add(PACKS, [part])


def packs_width() -> int:
    """Seconds of a partition: a file that is deleted in a moment, and not too many of them."""
    return 6 * HOUR if settings.RETENTION_DAYS <= MOST_DAYS_IN_QUARTERS else DAY


def parts(prefix: str, start: int, end: int, width: int) -> list[partitions.Part]:
    """Partitions of `width` seconds from the one of `start` until there are some after `end`."""
    begins = range(start - start % width, end, width)
    return [
        (f"{prefix}{datetime.fromtimestamp(begin, UTC):%Y%m%d%H%M}", begin + width)
        for begin in begins
    ]


def made_until() -> datetime | None:
    """Until when rows have partitions; None where they have none."""
    highest = partitions.highest(ROWS)
    return datetime.fromtimestamp(highest, UTC) if highest else None


def drop_old_partitions(oldest: int) -> int:
    dropped = 0
    for table in (ROWS, PACKS):
        for name, bound in partitions.bounds(table).items():
            if bound is not None and bound <= oldest and partitions.drop(table, name):
                dropped += 1
    if dropped:
        logger.info("Dropped %s partitions of old samples.", dropped)
    return dropped


def delete_old(table: str, column: str, oldest: int) -> int:
    """Server by server: each is one short range of the primary key."""
    gone = 0
    server_id = next_server(table, -1)
    while server_id is not None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE server_id = %s AND {column} < %s",  # noqa: S608 — ours
                [server_id, oldest],
            )
            gone += cursor.rowcount
        server_id = next_server(table, server_id)
    return gone


def next_server(table: str, after: int) -> int | None:
    """The first server after that one of which there is something."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(server_id) FROM {table} WHERE server_id > %s",  # noqa: S608 — ours
            [after],
        )
        row = cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])
