"""Samples of servers, from both places where they stand: recent ones as rows, older ones packed.

Rows are read first, then packs: what the packer moves meanwhile is in the rows that were read or
in the packs that are read afterwards. A sample that is in both counts once.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from django.db import connection, connections

from monitoring import packing, replica
from monitoring.packing import COLUMNS, HOUR, BadPack, Samples, runs

logger = logging.getLogger(__name__)


def recall(
    server_ids: Sequence[int], columns: Sequence[str], start: int, end: int
) -> dict[int, Samples]:
    """Of each server its samples from `start` to before `end`, Unix seconds; the values of
    `columns` in that order. Two statements, whatever is asked for, and none for no server."""
    if not server_ids:
        return {}
    return replica.read(lambda alias: recall_from(alias, server_ids, columns, start, end))


def recall_from(
    alias: str, server_ids: Sequence[int], columns: Sequence[str], start: int, end: int
) -> dict[int, Samples]:
    rows = rows_of(alias, server_ids, columns, start, end)
    packs = packs_of(alias, server_ids, columns, start, end)
    return {
        server_id: joined([*packs[server_id], *rows[server_id]], len(columns))
        for server_id in server_ids
    }


def recall_one(server_id: int, columns: Sequence[str], start: int, end: int) -> Samples:
    return recall([server_id], columns, start, end)[server_id]


def exact(column: str) -> str:
    """MariaDB and MySQL tell six digits of a four-byte float, and all of them of an eight-byte one."""
    return f"{column} + 0e0" if connection.vendor == "mysql" else column


def rows_of(
    alias: str, server_ids: Sequence[int], columns: Sequence[str], start: int, end: int
) -> defaultdict[int, list[Samples]]:
    places = ", ".join(["%s"] * len(server_ids))
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT server_id, taken_at, {', '.join(map(exact, columns))}"  # noqa: S608
            f" FROM monitoring_sample WHERE server_id IN ({places})"
            " AND taken_at >= %s AND taken_at < %s",
            [*server_ids, start, end],
        )
        rows = cursor.fetchall()
    found: defaultdict[int, list[Samples]] = defaultdict(list)
    for server_id, samples in by_server(rows, len(columns)):
        found[server_id].append(samples)
    return found


def by_server(
    rows: Sequence[Sequence[float | None]], columns: int
) -> Iterator[tuple[int, Samples]]:
    """Rows of server, time and values, in any order; of each server in order of time."""
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2 + columns)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    for begin, end in runs(table[:, 0]):
        of_one = table[begin:end]
        values = np.ascontiguousarray(of_one[:, 2:].T, dtype=np.float32)
        yield int(of_one[0, 0]), Samples(of_one[:, 1].astype(np.int64), values)


def packs_of(
    alias: str, server_ids: Sequence[int], columns: Sequence[str], start: int, end: int
) -> defaultdict[int, list[Samples]]:
    """One that cannot be read is left out, and the log says which: an hour is lost, not the page."""
    places = ", ".join(["%s"] * len(server_ids))
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT server_id, hour, data FROM monitoring_samplepack"  # noqa: S608
            f" WHERE server_id IN ({places}) AND hour >= %s AND hour < %s"
            " ORDER BY server_id, hour",
            [*server_ids, start - start % HOUR, end],
        )
        packs: Iterable[tuple[int, int, bytes]] = cursor.fetchall()
    wanted = [COLUMNS.index(column) for column in columns]
    found: defaultdict[int, list[Samples]] = defaultdict(list)
    for server_id, hour, data in packs:
        try:
            samples = packing.unpack(data, hour)
        except BadPack as error:
            logger.warning("The hour %s of server %s cannot be read: %s", hour, server_id, error)
            continue
        found[server_id].append(Samples(samples.times, samples.values[wanted]))
    for server_id in found:
        found[server_id] = [cut(joined(found[server_id], len(columns)), start, end)]
    return found


def cut(samples: Samples, start: int, end: int) -> Samples:
    begin, stop = np.searchsorted(samples.times, [start, end])
    return Samples(samples.times[begin:stop], samples.values[:, begin:stop])


def joined(parts: Sequence[Samples], columns: int) -> Samples:
    if not parts:
        return Samples(np.empty(0, np.int64), np.empty((columns, 0), np.float32))
    return parts[0] if len(parts) == 1 else packing.merged(parts)
