"""Packing the samples of hours that are over: rows become packs, and go.

Nothing is lost or doubled, whenever the packer is killed and whatever arrives meanwhile:

- A pack is written before its rows go. Packing the same rows again changes nothing: a time that is
  in the pack already stays as it is there.
- On SQLite, and of partitions that hold more than an hour, rows go in the transaction that wrote
  their packs, and only if the rows that go are as many as were packed.
- Of other partitions, all rows are packed first. Then each is dropped under a lock on the table if it
  holds as many rows as were packed. A row that came meanwhile is packed by the next run.
- There is one packer at a time. Each transaction makes sure that the claim is still its own.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from monitoring import claims, packing, partitions
from monitoring.packing import COLUMNS, HOUR, BadPack, NewerPack, Samples
from monitoring.recall import by_server, exact
from monitoring.retention import PACKS, ROWS, next_server

logger = logging.getLogger(__name__)

# After an hour's end, for the cycle that began in it and for clocks that differ.
GRACE = timedelta(minutes=5)
CLAIM_LASTS = timedelta(minutes=2)
# What is left then is for the next run.
LONGEST = timedelta(minutes=4)
# Read at once; written at once as bytes.
AT_ONCE = 6_000
BYTES_AT_ONCE = 2**20

# Server, and hour.
Key = tuple[int, int]
Clock = Callable[[], datetime]


class LostClaim(Exception):
    """Another worker packs now."""


class Changed(Exception):
    """Rows came while others were packed."""


@dataclass
class Run:
    claim: str
    clock: Clock
    until: int
    deadline: datetime
    packed: int = field(default=0)

    def keep(self) -> None:
        if not claims.keep_packing(self.claim, now=self.clock(), lasts=CLAIM_LASTS):
            raise LostClaim

    @property
    def over(self) -> bool:
        return self.clock() > self.deadline


def pack(*, clock: Clock) -> int:
    """Packs what is due; returns how many rows, 0 where another packer is at work."""
    now = clock()
    claim = claims.claim_packing(now=now, lasts=CLAIM_LASTS)
    if claim is None:
        return 0
    run = Run(claim, clock, due_until(now), now + LONGEST)
    try:
        if connection.vendor == "mysql":
            pack_partitions(run)
        else:
            pack_rows(run, ROWS)
    except LostClaim:
        logger.warning("Packing samples took too long and was taken over.")
    finally:
        claims.release_packing(claim)
    return run.packed


def due_until(now: datetime) -> int:
    """The end of the last hour that is over for good, Unix seconds."""
    at = int((now - GRACE).timestamp())
    return at - at % HOUR


def pack_partitions(run: Run) -> None:
    bounds = partitions.bounds(ROWS)
    whole = of_an_hour(bounds)
    due = [(name, bound) for name, bound in whole.items() if bound <= run.until]
    for parts in by_hour(due):
        if run.over:
            return
        pack_whole(run, parts)
    for name, bound in bounds.items():
        if name not in whole and not run.over:
            pack_rows(run, f"{ROWS} PARTITION ({name})")
            if bound is not None and bound <= run.until:
                partitions.drop_if(ROWS, name, rows=0)


def of_an_hour(bounds: Mapping[str, int | None]) -> dict[str, int]:
    """Those made for a quarter of an hour; one after a gap, which a clock that ran ahead has left,
    holds more."""
    found: dict[str, int] = {}
    before = 0
    for name, bound in bounds.items():
        if bound is not None:
            if name.startswith("q") and (not before or bound - before <= HOUR):
                found[name] = bound
            before = bound
    return found


def by_hour(parts: Sequence[partitions.Part]) -> Iterator[list[partitions.Part]]:
    hours = np.array([(bound - 1) // HOUR for _name, bound in parts])
    for begin, end in packing.runs(hours):
        yield list(parts[begin:end])


def pack_whole(run: Run, parts: Sequence[partitions.Part]) -> None:
    """All that is in the partitions of one hour; then they go, if nothing came meanwhile."""
    source = f"{ROWS} PARTITION ({', '.join(name for name, _bound in parts)})"
    edges = [bound for _name, bound in parts[:-1]]
    counts = np.zeros(len(parts), dtype=np.int64)
    is_whole = True
    for first, last in slices(source):
        try:
            with transaction.atomic():
                run.keep()
                read = rows_of(source, first, last, run.until)
                save(read)
        except NewerPack as error:
            is_whole = False
            left_alone(first, error)
            continue
        for samples in read.values():
            places = np.searchsorted(edges, samples.times, side="right")
            counts += np.bincount(places, minlength=len(parts))
            run.packed += len(samples.times)
    if not is_whole:
        return
    for (name, _bound), count in zip(parts, counts.tolist(), strict=True):
        if not partitions.drop_if(ROWS, name, rows=count):
            logger.info("%s stays for now: samples came while it was packed.", name)


def pack_rows(run: Run, source: str) -> None:
    for first, last in slices(source):
        try:
            while pack_some(run, source, first, last):
                if run.over:
                    return
        except Changed:
            logger.info("Samples of servers from %s on came while they were packed.", first)
        except NewerPack as error:
            left_alone(first, error)
        if run.over:
            return


def left_alone(first: int, error: NewerPack) -> None:
    logger.warning("Samples of servers from %s on stay rows beside a pack of %s.", first, error)


def pack_some(run: Run, source: str, first: int, last: int) -> bool:
    """So many rows as are read at once; whether there may be more."""
    with transaction.atomic():
        run.keep()
        read = rows_of(source, first, last, run.until, limit=AT_ONCE)
        count = sum(len(samples.times) for samples in read.values())
        if count:
            save(read)
            newest = max(read)
            last_one = newest, int(read[newest].times[-1])
            remove(source, first, last_one, run.until, count)
    run.packed += count
    return count == AT_ONCE


def slices(source: str) -> Iterator[tuple[int, int]]:
    """From one server to before another, so that an hour of theirs is about what is read at once."""
    width = max(1, AT_ONCE * settings.POLL_INTERVAL // HOUR)
    first = next_server(source, -1)
    while first is not None:
        yield first, first + width
        first = next_server(source, first + width - 1)


def rows_of(source: str, first: int, last: int, end: int, *, limit: int = 0) -> dict[int, Samples]:
    """By server; with a limit, the first ones by server and time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT server_id, taken_at, {', '.join(map(exact, COLUMNS))}"  # noqa: S608 — ours
            f" FROM {source} WHERE server_id >= %s AND server_id < %s AND taken_at < %s"
            + (f" ORDER BY server_id, taken_at LIMIT {limit:d}" if limit else ""),
            [first, last, end],
        )
        return dict(by_server(cursor.fetchall(), len(COLUMNS)))


def remove(source: str, first: int, last: tuple[int, int], end: int, count: int) -> None:
    """Rows before `end`, from the first server on to the last one's newest: so many, or none."""
    server, newest = last
    gone = 0
    with connection.cursor() as cursor:
        for begin, stop, before in ((first, server, end), (server, server + 1, newest + 1)):
            cursor.execute(
                f"DELETE FROM {source} WHERE server_id >= %s AND server_id < %s"  # noqa: S608 — ours
                " AND taken_at < %s",
                [begin, stop, before],
            )
            gone += cursor.rowcount
    if gone != count:
        raise Changed


def save(read: Mapping[int, Samples]) -> None:
    """Puts the samples into the packs of their hours, beside what these hold already."""
    parts = {
        (server, hour): part
        for server, samples in read.items()
        for hour, part in packing.by_hour(samples).items()
    }
    if parts:
        held = held_for(parts)
        write({key: together(key, held.get(key), part) for key, part in parts.items()})


def held_for(keys: Collection[Key]) -> dict[Key, bytes]:
    hours = sorted({hour for _server, hour in keys})
    servers = [server for server, _hour in keys]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT server_id, hour, data FROM {PACKS}"  # noqa: S608 — ours
            " WHERE server_id >= %s AND server_id <= %s"
            f" AND hour IN ({', '.join(['%s'] * len(hours))})",
            [min(servers), max(servers), *hours],
        )
        return {(server, hour): data for server, hour, data in cursor.fetchall()}


def together(key: Key, held: bytes | None, part: Samples) -> Samples:
    """A pack that is damaged is lost anyhow; one that a later version wrote is not ours to touch."""
    if held is None:
        return part
    try:
        return packing.merged([packing.unpack(held, key[1]), part])
    except NewerPack:
        raise
    except BadPack as error:
        logger.warning("The hour %s of server %s was unreadable: %s", key[1], key[0], error)
        return part


def write(packs: Mapping[Key, Samples]) -> None:
    """In statements of a bounded size."""
    values: list[int | bytes] = []
    size = 0
    for (server, hour), samples in packs.items():
        data = packing.pack(samples, hour)
        values += (server, hour, data)
        size += len(data)
        if size > BYTES_AT_ONCE:
            upsert(values)
            values, size = [], 0
    if values:
        upsert(values)


def upsert(values: Sequence[int | bytes]) -> None:
    if connection.vendor == "mysql":
        replace = "ON DUPLICATE KEY UPDATE data = VALUES(data)"
    else:
        replace = "ON CONFLICT (server_id, hour) DO UPDATE SET data = excluded.data"
    places = ", ".join(["(%s, %s, %s)"] * (len(values) // 3))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PACKS} (server_id, hour, data) VALUES {places} {replace}",  # noqa: S608
            values,
        )
