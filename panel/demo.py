"""Made-up people and history for the demo. Never for a database that is not the embedded one."""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from django.conf import settings
from django.db import connection, transaction

from accounts import roles
from accounts.audit import COMMAND
from accounts.models import User
from alerts import rulebook, rules
from alerts.metrics import Metric
from alerts.models import AlertRule, Severity
from monitoring import cycle, samples, sizes
from monitoring.models import GuestDisk, Sample, SamplePack
from monitoring.readings import Counters, Measured
from servers import labels, ownership, registration
from servers.models import Cluster, LastSample, Server
from servers.proxmox.privileges import Purpose
from servers.registration import Credentials

PASSWORD = "demo"  # noqa: S105 — the demo's, on loopback
STAFF = "staff@example.com"
SUPPORT = "support@example.com"
CUSTOMERS = ("alice@example.com", "bob@example.com")
CLUSTER = "demo"
NEARLY_FULL = "gitlab-runner-1"

# What a tag in Proxmox becomes here, where the owner could have labelled it so.
LABELS = {
    "prod": ("env", "prod"),
    "dev": ("env", "dev"),
    "web": ("role", "web"),
    "db": ("role", "db"),
    "games": ("role", "games"),
}
# A week as cycles would have left it, so that a rule can be tried on it.
DENSE = ("web1",)
# Spacing of made-up samples that each range of the charts can show: (age up to, every), seconds.
SPACING = ((3600, 30), (6 * 3600, 120), (7 * 86400, 300))


class NotTheDemo(Exception):
    """This is not the embedded database."""


def only_embedded() -> None:
    if not settings.EMBEDDED or connection.vendor != "sqlite":
        raise NotTheDemo(
            "Demo people with a known password go into the embedded SQLite alone, not into the "
            "database of DATABASE_URL."
        )


def seed_people() -> None:
    only_embedded()
    roles_of = {STAFF: roles.ADMIN, SUPPORT: roles.SUPPORT}
    for email in (STAFF, SUPPORT, *CUSTOMERS):
        if not User.objects.filter(email=email).exists():
            User.objects.create_user(email, PASSWORD, role=roles_of.get(email, ""))


def seed_cluster(address: str, state: Path, *, now: datetime) -> Cluster:
    """Registers the simulated cluster; what `simulate_proxmox` left in `state` lets us in."""
    only_embedded()
    token = json.loads((state / "token.json").read_text())
    endpoints = (registration.parse_endpoint(address),)
    ca_pem = (state / "ca.pem").read_text()
    tokens = {Purpose.READ: Credentials(token["token_id"], token["secret"])}
    cluster, _ = registration.register(
        name=CLUSTER,
        endpoints=endpoints,
        ca_pem=ca_pem,
        tokens=tokens,
        examination=registration.examine(endpoints, ca_pem, tokens),
        actor=COMMAND,
        now=now,
    )
    return cluster


def share_out(cluster: Cluster, *, now: datetime) -> None:
    """Of every six servers three go to the first customer, two to the second, one to nobody.

    Only as long as nobody owns any: later it is for staff to say.
    """
    only_embedded()
    servers = list(Server.objects.filter(cluster=cluster, present=True).order_by("vmid"))
    if any(server.owner_id for server in servers):
        return
    first, second = (User.objects.get(email=email) for email in CUSTOMERS)
    turns = (first, second, first, None, first, second)
    for owner in (first, second):
        theirs = [s for i, s in enumerate(servers) if turns[i % len(turns)] == owner]
        ownership.assign(theirs, owner, actor=COMMAND, now=now)
    for server in servers:
        borne = dict(LABELS[tag] for tag in server.tags.split(";") if tag in LABELS)
        labels.replace(server, borne, actor=COMMAND, now=now)


def seed_rule(*, now: datetime) -> None:
    """A customer's own rule, by which something fires soon: a disk there is nearly full."""
    only_embedded()
    owner = User.objects.get(email=CUSTOMERS[0])
    server = Server.objects.filter(owner=owner, present=True, name=NEARLY_FULL).first()
    if server is None or AlertRule.objects.filter(owner=owner).exists():
        return
    rulebook.revision_now()
    wish = {"server": server, "threshold": 0.85, "clear_at": 0.8, "duration": 0}
    rules.create(
        owner,
        {**wish, "severity": Severity.CRITICAL},
        replaces=AlertRule.objects.defaults().filter(metric=Metric.DISK).first(),
        actor=COMMAND,
        now=now,
    )


def seed_history(cluster: Cluster, *, now: datetime) -> int:
    """A made-up week before the first real sample; returns how many samples."""
    only_embedded()
    servers = list(
        Server.objects.filter(cluster=cluster, present=True, last_sample__isnull=False)
        .select_related("last_sample")
        .order_by("pk")
    )
    counted = cycle.remembered(cluster.pk)
    disks = dict(GuestDisk.objects.values_list("server_id", "used"))
    pictures = [Picture.of(server, counted.get(server.vmid), disks) for server in servers]
    end = int(now.timestamp()) - 60
    count = 0
    newer = 0
    dense = {server.pk for server in servers if server.name in DENSE}
    for oldest, every in SPACING:
        with transaction.atomic():
            for age in range(newer, oldest, SPACING[0][1]):
                wanted = [
                    picture
                    for picture in pictures
                    if age % every == 0 or picture.sample.server_id in dense
                ]
                made = {picture.sample.server_id: picture.at(end - age) for picture in wanted}
                if made:
                    samples.store(made, taken_at=end - age)
                count += len(made)
        newer = oldest
    week_ago = {
        picture.sample.server_id: (picture.sample.memory_total, picture.sample.disk_total)
        for picture in pictures
    }
    sizes.note(week_ago, taken_at=end - SPACING[-1][0])
    for picture in pictures:
        picture.sample.save()
    return count


def has_history(before: datetime) -> bool:
    at = int(before.timestamp())
    rows, packs = Sample.objects.filter(taken_at__lt=at), SamplePack.objects.filter(hour__lt=at)
    return rows.exists() or packs.exists()


@dataclass(frozen=True)
class Picture:
    """A server as it is now, from which its past is made up: the same at any call."""

    sample: LastSample
    disk_used: int | None
    # Bytes per second on average since the guest's start: in, out, read, written.
    rates: tuple[float, ...]

    @classmethod
    def of(
        cls, server: Server, counted: Counters | None, disks: dict[int, int | None]
    ) -> "Picture":
        totals = counted[3:7] if counted else (None,) * 4
        seconds = max(1, counted.uptime) if counted else 1
        sample = server.last_sample
        return cls(
            sample,
            sample.disk_used or disks.get(server.pk),
            tuple((total or 0) / seconds for total in totals),
        )

    def at(self, at: int) -> Measured:
        """A day's rhythm with some noise."""
        sample = self.sample
        chance = Random(f"{sample.server_id}/{at // 60}")  # noqa: S311 — a picture, not a secret
        phase = sample.server_id % 24
        rhythm = 0.5 + 0.5 * math.sin((at / 3600 + phase) * math.tau / 24)
        noise = chance.uniform(0.7, 1.3)
        cpu = min(1.0, max(0.005, (sample.cpu or 0.05) * (0.4 + rhythm) * noise))
        total = sample.memory_total or 2**30
        memory = min(total, int((sample.memory_used or total // 3) * (0.85 + 0.2 * rhythm)))
        days = (sample.taken_at - at) / 86400
        disk = None if self.disk_used is None else int(self.disk_used * (1 - 0.01 * days))
        rates = [rate * (0.4 + rhythm) * noise for rate in self.rates]
        return Measured(
            cpu, memory, total, disk, sample.disk_total, rates[0], rates[1], rates[2], rates[3],
            None, sample.memory_source, sample.disk_source,
        )  # fmt: skip
