"""Many servers in one answer, read as tuples: as instances of models they cost more than all the rest.

What comes out is what ServerSerializer makes of each; tests/api/test_servers.py holds the two together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.fields import DateTimeField

from servers.api.actions import ActionSerializer
from servers.live import METRICS, metrics_of_row
from servers.models import Action, Address, Label

OWN = ("id", "name", "kind", "status", "status_since", "lock", "cpus", "notes", "protected")
COLUMNS = (*OWN, *(f"last_sample__{name}" for name in ("taken_at", *METRICS)))


def listed(rows: Sequence[Sequence[Any]], context: Mapping[str, Any]) -> list[dict[str, object]]:
    """`rows` have COLUMNS; three queries for any number of them."""
    ids = [row[0] for row in rows]
    labels: dict[int, dict[str, str]] = defaultdict(dict)
    for server, key, value in Label.objects.filter(server__in=ids).values_list(
        "server_id", "key", "value"
    ):
        labels[server][key] = value
    addresses: dict[int, list[str]] = defaultdict(list)
    for server, address in Address.objects.filter(server__in=ids).values_list(
        "server_id", "address"
    ):
        addresses[server].append(address)
    active = Action.objects.unfinished().filter(server__in=ids)
    actions = {
        action.server_id: ActionSerializer(action, context=dict(context)).data
        for action in active.select_related("server__cluster", "server__owner")
    }
    moment = DateTimeField().to_representation
    return [
        {
            "id": row[0],
            "name": row[1],
            "kind": row[2],
            "status": row[3],
            "status_since": moment(row[4]),
            "lock": row[5],
            "cpus": row[6],
            "labels": labels.get(row[0], {}),
            "addresses": addresses.get(row[0], []),
            "notes": row[7],
            "protected": row[8],
            "action": actions.get(row[0]),
            "metrics": metrics_of(row),
        }
        for row in rows
    ]


def metrics_of(row: Sequence[Any]) -> dict[str, object] | None:
    taken_at = row[len(OWN)]
    return None if taken_at is None else metrics_of_row((row[0], *row[len(OWN) :]))
