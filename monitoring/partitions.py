"""Partitions by time, on MySQL and MariaDB: made ahead, dropped whole in milliseconds.

`later` catches what no partition was made for in time, so that an insert never fails; what is older
than all partitions goes into the first one.
"""

import logging
import time
from collections.abc import Callable, Sequence

from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper

logger = logging.getLogger(__name__)

LATER = "later"
# Nobody waits behind one of these statements for longer than this, should a transaction that has
# touched the table not end: what was to be changed is changed at the next run.
PATIENCE_SECONDS = 2
# MariaDB has such a statement sleep a whole second if InnoDB's purge is at work just then, as it is
# for some milliseconds after each transaction or such statement before (docs/decisions/0013).
PURGED_AFTER_SECONDS = 0.05
# Codes of MariaDB and MySQL: it waited too long; somebody else has dropped or made it.
PASSING = (1205, 1507, 1508, 1517, 1735)

# Name, and upper bound in Unix seconds.
Part = tuple[str, int]


def bounds(table: str) -> dict[str, int | None]:
    """Upper bound by name, in order; None for the one that catches the rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partition_name, partition_description FROM information_schema.partitions"
            " WHERE table_schema = DATABASE() AND table_name = %s AND partition_name IS NOT NULL"
            " ORDER BY partition_ordinal_position",
            [table],
        )
        return {
            str(name): None if bound == "MAXVALUE" else int(bound)
            for name, bound in cursor.fetchall()
        }


def highest(table: str) -> int:
    return max((bound for bound in bounds(table).values() if bound is not None), default=0)


def add(table: str, parts: Sequence[Part]) -> bool:
    """Splits them off `later`. False where others used the table for too long."""
    made = ", ".join(f"PARTITION {name} VALUES LESS THAN ({bound})" for name, bound in parts)
    return alter(
        table,
        f"REORGANIZE PARTITION {LATER} INTO ({made}, PARTITION {LATER} VALUES LESS THAN MAXVALUE)",
    )


def drop(table: str, name: str) -> bool:
    return alter(table, f"DROP PARTITION {name}")


def drop_if(table: str, name: str, *, rows: int) -> bool:
    """Drops the partition if it holds exactly so many rows: nobody can add one in between.

    Not in a transaction, which the lock would end.
    """

    def locked(cursor: CursorWrapper) -> bool:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        try:
            cursor.execute(f"SELECT COUNT(*) FROM {table} PARTITION ({name})")  # noqa: S608 — ours
            if cursor.fetchone()[0] != rows:
                return False
            cursor.execute(f"ALTER TABLE {table} DROP PARTITION {name}")
            return True
        finally:
            cursor.execute("UNLOCK TABLES")

    return patiently(table, locked)


def alter(table: str, change: str) -> bool:
    def altered(cursor: CursorWrapper) -> bool:
        cursor.execute(f"ALTER TABLE {table} {change}")
        return True

    return patiently(table, altered)


def patiently(table: str, act: Callable[[CursorWrapper], bool]) -> bool:
    """Acts, or gives up soon where others use the table or have been first."""
    time.sleep(PURGED_AFTER_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION lock_wait_timeout = {PATIENCE_SECONDS}")
        try:
            return act(cursor)
        except OperationalError as error:
            if error.args[0] not in PASSING:
                raise
            logger.warning("The partitions of %s stay as they are until later: %s", table, error)
            return False
        finally:
            cursor.execute("SET SESSION lock_wait_timeout = DEFAULT")
