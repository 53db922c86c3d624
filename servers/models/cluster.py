"""Clusters and how to reach them, and their nodes."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from servers.secrets import EncryptedTextField, LostSecret


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
    # Following the running actions: see servers.follow.
    follow_claim = models.CharField(max_length=32, blank=True)
    follow_claimed_until = models.DateTimeField(null=True)
    follow_next_at = models.DateTimeField(null=True)

    next_cycle_at = models.DateTimeField(_("not polled before"), null=True, blank=True)
    last_cycle_at = models.DateTimeField(_("last good cycle"), null=True, blank=True)
    # When its servers were last judged by the alert rules, answering or not.
    judged_at = models.DateTimeField(null=True, editable=False)
    last_cycle_seconds = models.FloatField(_("last cycle took (s)"), null=True, blank=True)
    # Whether its cycles keep up with their interval: see monitoring.overload.
    cycle_began_at = models.DateTimeField(null=True, editable=False)
    last_cycle_lag = models.FloatField(_("last cycle began late by (s)"), null=True, blank=True)
    overload_level = models.PositiveSmallIntegerField(_("overload level"), default=0)
    overload_since = models.DateTimeField(_("overload level since"), null=True, blank=True)
    pace = models.JSONField(default=dict, editable=False)
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

    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, related_name="endpoints", verbose_name=_("cluster")
    )
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

    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("cluster")
    )
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
        return f"{self.token_id} ({self.get_purpose_display()})"

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

    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, related_name="nodes", verbose_name=_("cluster")
    )
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
