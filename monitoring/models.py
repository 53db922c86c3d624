"""Samples, and what the cycle remembers between two passes."""

from typing import Any

from django.db import models

from servers.models import Cluster, Server


class SmallFloatField(models.FloatField):  # type: ignore[type-arg]
    """Four bytes: 24 bits of mantissa are a kibibyte in 16 GiB, far below what a chart shows."""

    def db_type(self, connection: Any) -> str:
        return "float" if connection.vendor == "mysql" else "real"


class Sample(models.Model):
    """What one server measured at one time; only while it runs. Until its hour is packed.

    One row a sample. The primary key (server, taken_at) clusters a server's history together.
    On MySQL and MariaDB the table is partitioned by quarter of an hour, which forbids foreign keys;
    on SQLite it is WITHOUT ROWID. Both are made by hand in the first migration. Units as in
    LastSample; what a server could have used at most stands in Size.
    """

    pk = models.CompositePrimaryKey("server_id", "taken_at")
    server_id = models.PositiveIntegerField()
    taken_at = models.PositiveIntegerField()
    cpu = SmallFloatField(null=True)
    memory_used = SmallFloatField(null=True)
    disk_used = SmallFloatField(null=True)
    network_in = SmallFloatField(null=True)
    network_out = SmallFloatField(null=True)
    disk_read = SmallFloatField(null=True)
    disk_write = SmallFloatField(null=True)

    class Meta:
        verbose_name = "sample"

    def __str__(self) -> str:
        return f"{self.server_id} at {self.taken_at}"


class SamplePack(models.Model):
    """The samples of one server and hour, as monitoring/packing.py packs them.

    `hour` is its beginning in Unix seconds. Partitioned by six hours on MySQL and MariaDB.
    """

    pk = models.CompositePrimaryKey("server_id", "hour")
    server_id = models.PositiveIntegerField()
    hour = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        verbose_name = "hour of samples"

    def __str__(self) -> str:
        return f"{self.server_id} from {self.hour} on"


class Packing(models.Model):
    """Who packs samples now: one row, claimed by a conditional UPDATE."""

    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "packing"

    def __str__(self) -> str:
        return self.claim or "nobody"


class Size(models.Model):
    """How much memory and disk a server had, from a time on: a row a change, not one a sample.

    `since` in Unix seconds, sizes in bytes, None where not known.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="sizes")
    since = models.PositiveBigIntegerField()
    memory_total = models.BigIntegerField(null=True)
    disk_total = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = "size"
        constraints = [models.UniqueConstraint(fields=["server", "since"], name="size_since")]

    def __str__(self) -> str:
        return f"{self.server_id} since {self.since}"


class CycleMemory(models.Model):
    """The counters that a cluster's last cycle saw, from which the next makes rates.

    `counters` is MessagePack of {vmid: Counters}; losing it costs one cycle's rates.
    """

    cluster = models.OneToOneField(Cluster, on_delete=models.CASCADE, primary_key=True)
    counters = models.BinaryField()

    class Meta:
        verbose_name = "cycle memory"

    def __str__(self) -> str:
        return f"of cluster {self.cluster_id}"


class GuestDisk(models.Model):
    """Disk use of a VM as its guest agent last told, or why it could not."""

    class State(models.TextChoices):
        WAITING = "waiting", "not asked yet"
        OK = "ok", "told"
        DISABLED = "disabled", "no guest agent configured"
        NOT_RUNNING = "not_running", "the guest agent does not answer"
        TIMEOUT = "timeout", "the guest agent took too long"
        DENIED = "denied", "the token may not ask the guest agent"
        FAILED = "failed", "the guest agent failed"

    server = models.OneToOneField(
        Server, on_delete=models.CASCADE, primary_key=True, related_name="guest_disk"
    )
    state = models.CharField(max_length=12, choices=State.choices)
    message = models.CharField(max_length=255, blank=True)
    used = models.BigIntegerField(null=True)
    total = models.BigIntegerField(null=True)
    file_systems = models.JSONField(default=list)
    # The fraction used of the fullest of them, and its mount point.
    fullest = models.FloatField(null=True)
    fullest_at = models.CharField(max_length=255, blank=True)
    measured_at = models.PositiveBigIntegerField(null=True)
    next_look_at = models.PositiveBigIntegerField(db_index=True)

    class Meta:
        verbose_name = "disk use told by the guest"

    def __str__(self) -> str:
        return f"{self.server_id}: {self.state}"
