"""Process groups as several machines have them: all that they share is the database and Redis.

Each has what docker-compose.yml runs, a beat of its own among it. While guests are polled and acted on, all
of one group is killed (SIGKILL) at a random moment. Then it is counted what the others noticed of it.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from accounts.models import User
from bench.actions import PASSWORD, Client, Proxmox, identify, wait_for
from bench.growth import clear
from bench.place import Place
from bench.simulators import Simulators
from bench.stack import INTERVAL, Stack
from monitoring.recall import recall
from servers.consumers import MOST_SUBSCRIPTIONS
from servers.models import Action, Cluster, Server

CLUSTERS = 4
ACTIONS_APART = 0.5
# Intervals that are watched before and after the kill.
BEFORE, AFTER = 2, 5


@dataclass
class Result:
    """`gaps` in seconds between the samples of each cluster; `missed` are live updates that a socket of
    the other group did not get, of `expected`."""

    gaps: list[float] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    expected: int = 0
    missed: int = 0
    slowest_action: float = 0.0


class Listener(Client):
    """Hears besides when its servers were measured."""

    def __init__(self, port: int, servers: list[int]) -> None:
        self.heard: defaultdict[int, set[int]] = defaultdict(set)
        super().__init__(port, servers)

    def hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "metrics":
            self.heard[event["server"]].add(event["metrics"]["taken_at"])
        super().hear(event)


def measure(place: Place, guests: int, databases: Sequence[str]) -> Result:
    """With so many guests in each of some clusters. The groups get the databases in turn."""
    result = Result()
    addresses = [*databases, place.database, place.database][: max(2, len(databases))]
    User.objects.create_superuser("bench@example.com", PASSWORD)
    with Simulators(place, [guests] * CLUSTERS) as simulators:
        clusters = [simulators.register(number) for number in range(CLUSTERS)]
        for cluster in clusters:
            identify(cluster)
        proxmox = [Proxmox(port, simulators.state(n)) for n, port in enumerate(simulators.ports)]
        first, *others = [Stack(f"group{n}", url) for n, url in enumerate(addresses, 1)]
        with first, others[0]:
            watch(first, others[0], clusters, proxmox, result)
    clear()
    return result


def watch(
    victim: Stack,
    other: Stack,
    clusters: Sequence[Cluster],
    proxmox: Sequence[Proxmox],
    result: Result,
) -> None:
    chance = random.Random(11)
    ids = list(
        Server.objects.filter(kind="qemu", status="running", lock="")
        .exclude(identity="")
        .values_list("pk", flat=True)
    )
    actions = int(INTERVAL * 2 / ACTIONS_APART)
    acted, followed = ids[:actions], ids[actions:MOST_SUBSCRIPTIONS]
    client = Listener(other.port, [*acted, *followed])
    since = int(time.time())
    time.sleep(BEFORE * INTERVAL)
    kill_at = len(acted) // 2 + chance.randrange(len(acted) // 4)
    wanted = []
    for number, server in enumerate(acted):
        wanted.append(client.act(server, "reboot")[0])
        if number == kill_at:
            victim.kill()
        time.sleep(ACTIONS_APART)
    time.sleep(AFTER * INTERVAL)
    until = int(time.time()) - 5
    wait_for(lambda: not Action.objects.filter(active=True).exists(), "the end of all")
    result.gaps = gaps(clusters, since, until)
    judge_actions(wanted, proxmox, result)
    for server, stored in times(followed, since + INTERVAL, until).items():
        result.expected += len(stored)
        result.missed += len(stored - client.heard[server])


def gaps(clusters: Sequence[Cluster], start: int, end: int) -> list[float]:
    """Seconds between the cycles that stored something of a cluster."""
    found: list[float] = []
    for cluster in clusters:
        running = Server.objects.filter(cluster=cluster, status="running")
        measured = times(list(running.values_list("pk", flat=True)[:20]), start, end)
        moments = set().union(*measured.values())
        found += [after - before for before, after in pairwise(sorted(moments))]
    return found


def times(servers: Sequence[int], start: int, end: int) -> dict[int, set[int]]:
    """When each was measured, Unix seconds."""
    found = recall(servers, ["cpu"], start, end)
    return {server: set(samples.times.tolist()) for server, samples in found.items()}


def judge_actions(wanted: Sequence[int], proxmox: Sequence[Proxmox], result: Result) -> None:
    """Each ended, and Proxmox has done it once."""
    done: Counter[tuple[int, str]] = Counter()
    for number, cluster in enumerate(proxmox):
        done.update((number, row["id"]) for row in cluster.tasks("qmreboot"))
    result.doubled = sum(count - 1 for count in done.values() if count > 1)
    for action in Action.objects.filter(pk__in=wanted):
        result.ended[f"{action.status} {action.error_code}".strip()] += 1
        if action.finished_at:
            took = (action.finished_at - action.requested_at).total_seconds()
            result.slowest_action = max(result.slowest_action, took)


def table(result: Result, guests: int) -> Iterator[str]:
    ended = ", ".join(f"{number} {what}" for what, number in sorted(result.ended.items()))
    yield f"## Two groups of processes, {CLUSTERS} clusters of {guests}, one group killed"
    yield ""
    yield "| what the other shows | |"
    yield "|---|---|"
    yield f"| longest time between two cycles of a cluster, s (interval {INTERVAL}) | {max(result.gaps):.0f} |"
    yield f"| shortest, as two beats tick | {min(result.gaps):.0f} |"
    yield f"| actions | {ended} |"
    yield f"| done twice | {result.doubled} |"
    yield f"| slowest of them, s | {result.slowest_action:.1f} |"
    yield f"| live updates that a socket missed | {result.missed} of {result.expected} |"
