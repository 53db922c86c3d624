"""Clusters and how to reach them, their nodes, and servers with their last sample."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.secrets import EncryptedTextField, LostSecret

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Cluster(models.Model):
    """One Proxmox VE cluster or lone node, and how its last cycle went."""

    class Failure(models.TextChoices):
        UNREACHABLE = "unreachable", _("not reachable")
        DENIED = "denied", _("access denied")
        REFUSED = "refused", _("refused")
        MALFORMED = "malformed", _("answered nonsense")
        INTERNAL = "internal", _("could not be stored")

    name = models.CharField(_("name"), max_length=64, unique=True)
    enabled = models.BooleanField(_("polled"), default=True)
    ca_pem = models.TextField(
        _("CA certificate"),
        blank=True,
        help_text=_("PEM. Empty: the system's CAs, or the fingerprint of each endpoint."),
    )
    version = models.CharField(_("Proxmox VE version"), max_length=32, blank=True)
    missing_privileges = models.JSONField(_("missing privileges"), default=list, blank=True)

    cycle_claim = models.CharField(max_length=32, blank=True)
    cycle_claimed_until = models.DateTimeField(null=True)
    look_claim = models.CharField(max_length=32, blank=True)
    look_claimed_until = models.DateTimeField(null=True)

    next_cycle_at = models.DateTimeField(_("not polled before"), null=True, blank=True)
    last_cycle_at = models.DateTimeField(_("last good cycle"), null=True, blank=True)
    last_cycle_seconds = models.FloatField(_("last cycle took (s)"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    failure = models.CharField(
        _("failure"), max_length=16, choices=Failure.choices, blank=True, default=""
    )
    failure_message = models.TextField(_("why"), blank=True)
    warning = models.TextField(_("warning"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_stale(self, now: datetime) -> bool:
        """Whether its numbers are older than three cycles, so that pages must say so."""
        limit = now - timedelta(seconds=3 * settings.POLL_INTERVAL)
        return self.enabled and (self.last_cycle_at is None or self.last_cycle_at < limit)


class ClusterEndpoint(models.Model):
    """One address of a cluster's API; all of them are the same cluster."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="endpoints")
    host = models.CharField(_("host"), max_length=253)
    port = models.PositiveIntegerField(_("port"), default=8006)
    fingerprint = models.CharField(
        _("SHA-256 fingerprint"),
        max_length=95,
        blank=True,
        help_text=_("Pins the certificate of this endpoint, as Proxmox shows it."),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("API endpoint")
        verbose_name_plural = _("API endpoints")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "host", "port"], name="cluster_endpoint_once"
            )
        ]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


class ClusterToken(models.Model):
    """An API token, with no more rights than its purpose needs."""

    class Purpose(models.TextChoices):
        READ = "read", _("read (polling)")
        ACT = "act", _("act (power, console, snapshots)")
        RESET = "reset", _("reset (guest passwords)")

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="tokens")
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices)
    token_id = models.CharField(_("token ID"), max_length=160)
    secret = EncryptedTextField(_("secret"))

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = [
            models.UniqueConstraint(fields=["cluster", "purpose"], name="cluster_token_purpose")
        ]

    def __str__(self) -> str:
        return f"{self.token_id} ({self.purpose})"

    def __repr__(self) -> str:
        return f"<ClusterToken {self.token_id}>"

    @property
    def is_lost(self) -> bool:
        """Whether the key that its secret was encrypted with is missing from ENCRYPTION_KEYS."""
        return isinstance(self.secret, LostSecret)


class Node(models.Model):
    """A hypervisor of a cluster, as its last good cycle saw it."""

    class Status(models.TextChoices):
        ONLINE = "online", _("online")
        OFFLINE = "offline", _("offline")
        UNKNOWN = "unknown", _("unknown")

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(_("name"), max_length=63)
    status = models.CharField(
        _("status"), max_length=8, choices=Status.choices, default=Status.UNKNOWN
    )
    cpu = models.FloatField(_("CPU"), null=True, blank=True)
    cpus = models.PositiveIntegerField(_("CPUs"), null=True, blank=True)
    memory_used = models.BigIntegerField(_("memory used"), null=True, blank=True)
    memory_total = models.BigIntegerField(_("memory"), null=True, blank=True)
    uptime = models.BigIntegerField(_("uptime"), null=True, blank=True)
    seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["cluster", "name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="node_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.cluster})"


class ServerQuerySet(models.QuerySet["Server"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Staff see all, customers their own that still exist, nobody sees none."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(owner=user).exclude(status=Server.Status.GONE)


class Server(models.Model):
    """A virtual machine or container as its owner sees it.

    Which guest it is: (cluster, vmid, identity). The node is an attribute that moves. A gone
    server keeps its row; `present` is True or NULL, so that the unique constraint lets any
    number of gone servers have had the same VMID (MySQL knows no conditional constraint).
    """

    class Kind(models.TextChoices):
        QEMU = "qemu", _("virtual machine")
        LXC = "lxc", _("container")

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        PAUSED = "paused", _("paused")
        SUSPENDED = "suspended", _("suspended")
        UNKNOWN = "unknown", _("unknown")
        GONE = "gone", _("gone")

    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="servers")
    node = models.ForeignKey(
        Node, on_delete=models.SET_NULL, null=True, blank=True, related_name="servers"
    )
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices)
    vmid = models.PositiveIntegerField(_("VMID"))
    present = models.BooleanField(null=True, default=True, editable=False)
    identity = models.CharField(
        _("identity"),
        max_length=255,
        blank=True,
        help_text=_("SMBIOS UUID of a VM; what a container's configuration tells it by."),
    )
    identity_due = models.BooleanField(
        default=True, help_text=_("Its configuration must be read before it is trusted to be it.")
    )
    identity_next_at = models.DateTimeField(null=True, editable=False)
    owner = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="servers",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=128)
    guest_name = models.CharField(_("name in Proxmox"), max_length=128, blank=True)
    status = models.CharField(
        _("status"), max_length=9, choices=Status.choices, default=Status.UNKNOWN, db_index=True
    )
    status_since = models.DateTimeField(_("status since"))
    lock = models.CharField(_("lock"), max_length=32, blank=True)
    tags = models.CharField(_("tags"), max_length=512, blank=True)
    cpus = models.PositiveIntegerField(_("vCPUs"), null=True)
    missing_since = models.DateTimeField(_("missing since"), null=True, blank=True)
    created_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    gone_at = models.DateTimeField(_("gone at"), null=True, blank=True)

    objects = ServerQuerySet.as_manager()

    class Meta:
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "vmid", "present"], name="server_vmid")
        ]
        indexes = [models.Index(fields=["owner", "name"], name="server_owner_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.vmid})"


class LastSample(models.Model):
    """What a server measured last: one row a server, read by pages, written by the cycle.

    Units: fractions of the server's own vCPUs, bytes, bytes per second, seconds; `taken_at` in
    Unix seconds. None where it is not known.
    """

    class Source(models.TextChoices):
        HOST = "host", _("seen by the host")
        GUEST = "guest", _("told by the guest")
        AGENT = "agent", _("told by the guest agent")

    server = models.OneToOneField(
        Server, on_delete=models.CASCADE, primary_key=True, related_name="last_sample"
    )
    taken_at = models.PositiveBigIntegerField(_("taken at"))
    cpu = models.FloatField(_("CPU"), null=True)
    memory_used = models.BigIntegerField(null=True)
    memory_total = models.BigIntegerField(null=True)
    disk_used = models.BigIntegerField(null=True)
    disk_total = models.BigIntegerField(null=True)
    network_in = models.FloatField(null=True)
    network_out = models.FloatField(null=True)
    disk_read = models.FloatField(null=True)
    disk_write = models.FloatField(null=True)
    uptime = models.BigIntegerField(null=True)
    memory_source = models.CharField(max_length=5, choices=Source.choices, blank=True)
    disk_source = models.CharField(max_length=5, choices=Source.choices, blank=True)
    # The guest agent is asked less often than samples are taken. Unix seconds.
    disk_measured_at = models.PositiveBigIntegerField(null=True)

    class Meta:
        verbose_name = _("last sample")
        verbose_name_plural = _("last samples")

    def __str__(self) -> str:
        return f"{self.server_id} at {self.taken_at}"
