"""What is found out beside the cycle: of snapshots, or of when a disk will be full."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from alerts import episodes, judge, rulebook
from alerts.episodes import chunks
from alerts.judge import OK, Value
from alerts.judging import Standings, Turn, standings_of
from alerts.metrics import Metric
from alerts.models import AlertStanding
from servers import inventory
from servers.models import Server


def report(
    metric: Metric,
    values: Mapping[int, Value],
    *,
    details: Mapping[int, str] | None = None,
    now: datetime,
) -> None:
    """Judges these values of a metric that no cycle measures, by server, and stores what changed.

    `details` by server, in words. It locks the clusters of these servers one after the other: call
    it without locks of one's own on servers, or with that of their cluster.
    """
    for cluster, servers in by_cluster(values).items():
        for some in chunks(servers):
            with transaction.atomic():
                inventory.lock(cluster)
                turns = judge_values(
                    metric, {server: values[server] for server in some}, at=int(now.timestamp())
                )
                said = details or {}
                episodes.apply(
                    turns,
                    now=now,
                    details={
                        (turn.server, turn.rule_id): said.get(turn.server, "") for turn in turns
                    },
                )


def by_cluster(values: Mapping[int, Value]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for some in chunks(list(values)):
        present = Server.objects.filter(pk__in=some, present=True).order_by("cluster_id", "pk")
        for cluster, server in present.values_list("cluster_id", "pk"):
            found[cluster].append(server)
    return found


def judge_values(metric: Metric, values: Mapping[int, Value], *, at: int) -> list[Turn]:
    """All that changes by these values; nothing of it is stored yet."""
    book = rulebook.book()
    owners = dict(Server.objects.filter(pk__in=values, present=True).values_list("pk", "owner_id"))
    labelled = rulebook.labels_of(book, owners.values())
    rows = AlertStanding.objects.filter(server__in=values, rule__metric=metric.value)
    standings = standings_of(rows)
    return [
        turn
        for server, owner in owners.items()
        for rule in book.of(server, owner, labelled).rules
        if rule.metric == metric
        and (turn := judged(rule, server, owner, standings, values[server], at))
    ]


def judged(
    rule: judge.Rule,
    server: int,
    owner: int | None,
    standings: Standings,
    value: Value,
    at: int,
) -> Turn | None:
    kept = standings.get(server, {}).get(rule.id)
    if kept is not None and kept.owner != owner:
        # It stands for whose the server was before, until a cycle dismisses it.
        return None
    before = kept.standing if kept else OK
    after = judge.judge(rule, before, value, at)
    if after == before:
        return None
    return Turn(server, owner, rule.id, rule, before, after, value.number)
