"""Writing samples: one multi-row statement a cycle.

The statements are put together from numbers that passed through our types, not through the
driver's quoting of each value, which is most of what an INSERT of 10,000 rows costs.
"""

from collections.abc import Mapping

from django.db import connection

from monitoring.readings import Measured
from servers.models import LastSample

# MariaDB takes 16 MiB in one statement by default; 5,000 rows are 0.8 MiB.
ROWS_PER_STATEMENT = 5000

SAMPLE_COLUMNS = "server_id, taken_at, cpu, memory_used, disk_used, network_in, network_out, disk_read, disk_write"
LAST_COLUMNS = (
    "server_id, taken_at, cpu, memory_used, memory_total, disk_used, disk_total,"
    " network_in, network_out, disk_read, disk_write, uptime, memory_source, disk_source,"
    " disk_measured_at"
)
SOURCES = {"": "''"} | {source.value: f"'{source.value}'" for source in LastSample.Source}


def store(samples: Mapping[int, Measured], *, taken_at: int) -> None:
    """Adds the samples to the history and makes them the servers' last ones.

    `samples` by server id, `taken_at` in Unix seconds. A sample of the same second is kept as it
    was. Call it in a transaction.
    """
    history: list[str] = []
    last: list[str] = []
    for server_id, measured in samples.items():
        cpu, memory, memory_total, disk, disk_total, *rates = map(number, measured[:9])
        flow = ",".join(rates)
        history.append(f"({server_id:d},{taken_at:d},{cpu},{memory},{disk},{flow})")
        last.append(
            f"({server_id:d},{taken_at:d},{cpu},{memory},{memory_total},{disk},{disk_total},{flow},"
            f"{number(measured.uptime)},"
            f"{SOURCES[measured.memory_source]},{SOURCES[measured.disk_source]},"
            f"{number(measured.disk_measured_at)})"
        )
    if connection.vendor == "mysql":
        keep = "ON DUPLICATE KEY UPDATE server_id = server_id"
        replace = "ON DUPLICATE KEY UPDATE " + assignments("VALUES({})")
    else:
        keep = "ON CONFLICT (server_id, taken_at) DO NOTHING"
        replace = "ON CONFLICT (server_id) DO UPDATE SET " + assignments("excluded.{}")
    insert("monitoring_sample", SAMPLE_COLUMNS, history, keep)
    insert("servers_lastsample", LAST_COLUMNS, last, replace)


def number(value: float | None) -> str:
    return "NULL" if value is None else repr(value + 0)


def assignments(new_value: str) -> str:
    columns = LAST_COLUMNS.split(", ")[1:]
    return ", ".join(f"{column} = {new_value.format(column)}" for column in columns)


def insert(table: str, columns: str, rows: list[str], conflict: str) -> None:
    with connection.cursor() as cursor:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            values = ",".join(rows[start : start + ROWS_PER_STATEMENT])
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES {values} {conflict}")  # noqa: S608 — numbers alone, see above
