"""Keeping samples for RETENTION_DAYS and no longer.

On MySQL and MariaDB the table has a partition a day: tomorrow's is made ahead, old ones are dropped
whole, in milliseconds. `later` catches what no partition was made for in time, so that an insert
never fails. On SQLite each server's old rows are one short range DELETE.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from monitoring import sizes

logger = logging.getLogger(__name__)

TABLE = "monitoring_sample"
DAYS_AHEAD = 2
LATER = "later"


def prune(*, now: datetime) -> int:
    """Removes what is too old; returns how many rows or partitions went."""
    sizes.prune(before=int((now - timedelta(days=settings.RETENTION_DAYS)).timestamp()))
    if connection.vendor == "mysql":
        extend(now=now)
        return drop_old_partitions(now=now)
    return delete_old_rows(now=now)


def partition_name(day: datetime) -> str:
    return f"d{day:%Y%m%d}"


def midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def wanted(now: datetime) -> list[tuple[str, int]]:
    """(name, upper bound in Unix seconds) of the partitions for today and the days ahead."""
    today = midnight(now)
    days = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    return [(partition_name(day), int((day + timedelta(days=1)).timestamp())) for day in days]


def partitions() -> dict[str, int | None]:
    """Upper bound by name, None for the one that catches the rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partition_name, partition_description FROM information_schema.partitions"
            " WHERE table_schema = DATABASE() AND table_name = %s AND partition_name IS NOT NULL",
            [TABLE],
        )
        return {
            str(name): None if bound == "MAXVALUE" else int(bound)
            for name, bound in cursor.fetchall()
        }


def extend(*, now: datetime) -> None:
    """Splits the days ahead off `later`."""
    existing = partitions()
    highest = max((bound for bound in existing.values() if bound is not None), default=0)
    missing = [(name, bound) for name, bound in wanted(now) if bound > highest]
    if not missing:
        return
    parts = ", ".join(f"PARTITION {name} VALUES LESS THAN ({bound})" for name, bound in missing)
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE {TABLE} REORGANIZE PARTITION {LATER} INTO"
            f" ({parts}, PARTITION {LATER} VALUES LESS THAN MAXVALUE)"
        )


def drop_old_partitions(*, now: datetime) -> int:
    oldest = int((now - timedelta(days=settings.RETENTION_DAYS)).timestamp())
    old = [name for name, bound in partitions().items() if bound is not None and bound <= oldest]
    if old:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} DROP PARTITION {', '.join(sorted(old))}")
        logger.info("Dropped %s days of samples.", len(old))
    return len(old)


def delete_old_rows(*, now: datetime) -> int:
    """Server by server: each is one short range of the primary key."""
    oldest = int((now - timedelta(days=settings.RETENTION_DAYS)).timestamp())
    gone = 0
    server_id = next_server(-1)
    while server_id is not None:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM monitoring_sample WHERE server_id = %s AND taken_at < %s",
                [server_id, oldest],
            )
            gone += cursor.rowcount
        server_id = next_server(server_id)
    return gone


def next_server(after: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT MIN(server_id) FROM monitoring_sample WHERE server_id > %s", [after]
        )
        row = cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])
