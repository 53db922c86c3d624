"""Writing samples: two statements a cycle.

The statements are put together from numbers that passed through our types, not through the
driver's quoting of each value, which is most of what an INSERT of 10,000 rows costs.
"""

from collections.abc import Mapping, Sequence

from django.db import connection

from monitoring.readings import Measured

# MariaDB takes 16 MiB in one statement by default; 5,000 rows are 0.8 MiB.
ROWS_PER_STATEMENT = 5000

SAMPLE_COLUMNS = "server_id, taken_at, cpu, memory_used, disk_used, network_in, network_out, disk_read, disk_write"
LAST_COLUMNS = (
    "server_id, taken_at, cpu, memory_used, memory_total, disk_used, disk_total,"
    " network_in, network_out, disk_read, disk_write, uptime, memory_source, disk_source,"
    " disk_measured_at"
)


def store(samples: Mapping[int, Measured], *, taken_at: int) -> None:
    """Makes the samples the servers' last ones, and from there adds them to the history.

    `samples` by server id, `taken_at` in Unix seconds. A sample of the same second is kept as it
    was. Call it in a transaction.
    """
    if connection.vendor == "mysql":
        keep = "ON DUPLICATE KEY UPDATE server_id = VALUES(server_id)"
        replace = "ON DUPLICATE KEY UPDATE " + assignments("VALUES({})")
    else:
        keep = "ON CONFLICT (server_id, taken_at) DO NOTHING"
        replace = "ON CONFLICT (server_id) DO UPDATE SET " + assignments("excluded.{}")
    servers = sorted(samples)
    for start in range(0, len(servers), ROWS_PER_STATEMENT):
        some = servers[start : start + ROWS_PER_STATEMENT]
        rows = [(server, taken_at, *samples[server]) for server in some]
        insert("servers_lastsample", LAST_COLUMNS, [literals(rows)], replace)
        copy(some[0], some[-1], taken_at, keep)


def literals(rows: Sequence[tuple[float | str | None, ...]]) -> str:
    """Numbers, None and the names of sources look in SQL as they do in Python, but for None."""
    return repr(rows)[1:-1].replace("None", "NULL")


def copy(first: int, last: int, taken_at: int, keep: str) -> None:
    """Last samples of that moment into the history; what others have put there already stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO monitoring_sample ({SAMPLE_COLUMNS})"  # noqa: S608 — ours
            f" SELECT {SAMPLE_COLUMNS} FROM servers_lastsample"
            f" WHERE server_id >= %s AND server_id <= %s AND taken_at = %s {keep}",
            [first, last, taken_at],
        )


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
