"""Many servers in one answer, read as tuples: as instances of models they cost more than all the rest.

What comes out is what ServerSerializer makes of each; tests/api/test_servers.py holds the two together.
"""

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db import connection
from django.utils import timezone

from servers.api.actions import ActionSerializer
from servers.live import METRICS, metrics_of_row
from servers.models import Action, Server
from servers.models.server import ServerQuerySet

OWN = ("id", "name", "kind", "status", "status_since", "lock", "cpus", "notes", "protected")
LABEL, ADDRESS, ACTION = 1, 2, 3
TAKEN_AT = len(OWN)
COLUMNS = (*OWN, *(f"last_sample__{name}" for name in ("taken_at", *METRICS)))


def columns() -> ServerQuerySet:
    """All servers' COLUMNS, to be narrowed: which joins they take is found out once."""
    return prepared().all()


@functools.cache
def prepared() -> ServerQuerySet:
    """Never evaluated itself: it would keep its rows."""
    return Server.objects.values_list(*COLUMNS)  # type: ignore[return-value]


@dataclass(frozen=True)
class Beside:
    """Of each server: what it is labelled with, where it is reached, what is being done to it."""

    labels: dict[int, dict[str, str]]
    addresses: dict[int, list[str]]
    actions: dict[int, object]


def listed(rows: Sequence[Sequence[Any]], context: Mapping[str, Any]) -> list[dict[str, object]]:
    """`rows` have COLUMNS. One statement for all that stands beside them, and one where actions are
    under way."""
    known = beside([row[0] for row in rows], context)
    zone = timezone.get_current_timezone()
    return [
        {
            "id": row[0],
            "name": row[1],
            "kind": row[2],
            "status": row[3],
            "status_since": moment(row[4], zone),
            "lock": row[5],
            "cpus": row[6],
            "labels": known.labels.get(row[0], {}),
            "addresses": known.addresses.get(row[0], []),
            "notes": row[7],
            "protected": row[8],
            "action": known.actions.get(row[0]),
            "metrics": metrics_of(row),
        }
        for row in rows
    ]


def beside(servers: Sequence[int], context: Mapping[str, Any]) -> Beside:
    found = Beside(defaultdict(dict), defaultdict(list), {})
    if not servers:
        return found
    busy: list[int] = []
    for kind, server, key, value in beside_rows(servers):
        if kind == LABEL:
            found.labels[server][key] = value
        elif kind == ADDRESS:
            found.addresses[server].append(value)
        else:
            busy.append(server)
    if busy:
        active = Action.objects.unfinished().filter(server__in=busy)
        for action in active.select_related("server__cluster", "server__owner"):
            found.actions[action.server_id] = ActionSerializer(action, context=dict(context)).data
    return found


def beside_rows(servers: Sequence[int]) -> Sequence[tuple[int, int, str, str]]:
    """Put together from numbers: three querysets of a hundred ids cost more than the database does."""
    ids = ",".join(map(str, map(int, servers)))
    key = connection.ops.quote_name("key")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {LABEL}, server_id, {key}, value, 0 AS place"  # noqa: S608 — numbers alone
            f" FROM servers_label WHERE server_id IN ({ids})"
            f" UNION ALL SELECT {ADDRESS}, server_id, '', address, position"
            f" FROM servers_address WHERE server_id IN ({ids})"
            f" UNION ALL SELECT {ACTION}, server_id, '', '', 0"
            f" FROM servers_action WHERE server_id IN ({ids}) AND active = 1"
            " ORDER BY 1, 2, 5, 3"
        )
        return [row[:4] for row in cursor.fetchall()]


def moment(at: datetime, zone: tzinfo) -> str:
    """As Django REST framework writes a time."""
    written = at.astimezone(zone).isoformat()
    return f"{written[:-6]}Z" if written.endswith("+00:00") else written


def metrics_of(row: Sequence[Any]) -> dict[str, object] | None:
    return None if row[TAKEN_AT] is None else metrics_of_row((row[0], *row[TAKEN_AT:]))
