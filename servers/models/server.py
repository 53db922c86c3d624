"""Servers with their last sample and labels."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.models.cluster import Cluster, Node
from servers.proxmox import types as proxmox

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


# Proxmox itself refreshes what it tells every ten seconds.
LEAST_STALE_SECONDS = 30


class ServerQuerySet(models.QuerySet["Server"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Staff see all, customers their own that still exist, nobody sees none."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(owner=user).exclude(status=Server.Status.GONE)

    def stale(self, now: datetime) -> Self:
        """Those that run, as far as is known, and that were not measured for three cycles."""
        limit = now - timedelta(seconds=max(3 * settings.POLL_INTERVAL, LEAST_STALE_SECONDS))
        never = models.Q(last_sample=None, created_at__lt=limit)
        late = models.Q(last_sample__taken_at__lt=int(limit.timestamp()))
        return self.filter(never | late, present=True, status=Server.Status.RUNNING)


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

    cluster = models.ForeignKey(
        Cluster, on_delete=models.PROTECT, related_name="servers", verbose_name=_("cluster")
    )
    node = models.ForeignKey(
        Node,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="servers",
        verbose_name=_("node"),
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
    # When an action saw the state itself; what pvestatd measured before is older news.
    status_seen_at = models.DateTimeField(null=True, editable=False)
    protected = models.BooleanField(
        _("protected"), default=False, help_text=_("Cannot be deleted until this is taken off.")
    )
    notes = models.TextField(_("notes"), blank=True)
    # What its configuration says of agent, cloud-init and consoles: see servers.facts.
    facts = models.JSONField(default=dict, editable=False)
    facts_at = models.DateTimeField(null=True, editable=False)
    # When its addresses are asked for again; NULL is at once.
    addresses_next_at = models.DateTimeField(null=True, editable=False)
    # A password that cloud-init sets at the next start: pending while it runs since before.
    password_set_at = models.DateTimeField(null=True, editable=False)
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

    @property
    def guest_kind(self) -> proxmox.Kind:
        """As the gateway wants it."""
        return "qemu" if self.kind == Server.Kind.QEMU else "lxc"


class Label(models.Model):
    """A key, or key=value, that a server is found and addressed by."""

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="labels", verbose_name=_("server")
    )
    key = models.CharField(_("key"), max_length=63)
    value = models.CharField(_("value"), max_length=63, blank=True)

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["server", "key"], name="label_key")]
        indexes = [models.Index(fields=["key", "value"], name="label_key_value")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


class Address(models.Model):
    """An IP address that the guest has, as its agent or its host tells; the first is shown first."""

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="addresses", verbose_name=_("server")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    address = models.GenericIPAddressField(_("address"), db_index=True)
    interface = models.CharField(_("interface"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["server", "address"], name="address_of_server")
        ]

    def __str__(self) -> str:
        return str(self.address)


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
        Server,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="last_sample",
        verbose_name=_("server"),
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
