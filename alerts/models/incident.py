"""Faults of the hosts, and times when staff work on them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.models import Cluster, Node, Server


class Incident(models.Model):
    """A node, a storage or a whole cluster is at fault: one for staff, with those affected."""

    class Kind(models.TextChoices):
        CLUSTER = "cluster", _("cluster")
        NODE = "node", _("node")
        STORAGE = "storage", _("storage")

    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, related_name="incidents", verbose_name=_("cluster")
    )
    node = models.ForeignKey(
        Node,
        on_delete=models.SET_NULL,
        null=True,
        related_name="incidents",
        verbose_name=_("node"),
    )
    # The node's or the storage's name; of a storage that is not shared with its node's before it.
    name = models.CharField(_("name"), max_length=128, blank=True)
    active = models.BooleanField(null=True, default=True, verbose_name=_("active"))
    why = models.CharField(_("what is wrong"), max_length=255, blank=True)
    began_at = models.DateTimeField(_("began at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    servers = models.ManyToManyField(
        Server, related_name="incidents", verbose_name=_("servers affected")
    )
    # When it is decided whether staff are told.
    tell_at = models.DateTimeField(null=True, db_index=True)
    told_at = models.DateTimeField(_("told at"), null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "kind", "name", "active"], name="incident_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name or self.cluster}"


class MaintenanceWindow(models.Model):
    """Staff work on a cluster, a node or a server: nobody is told of what happens there.

    What still fires when it is over is told then.
    """

    cluster = models.ForeignKey(
        Cluster, on_delete=models.CASCADE, null=True, blank=True, related_name="maintenance",
        verbose_name=_("cluster"),
    )  # fmt: skip
    node = models.ForeignKey(
        Node, on_delete=models.CASCADE, null=True, blank=True, related_name="maintenance",
        verbose_name=_("node"),
    )  # fmt: skip
    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, null=True, blank=True, related_name="maintenance",
        verbose_name=_("server"),
    )  # fmt: skip
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), db_index=True)
    note = models.CharField(
        _("note"), max_length=255, blank=True, help_text=_("Customers can read it.")
    )
    created_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("planned by"),
    )

    class Meta:
        verbose_name = _("maintenance window")
        verbose_name_plural = _("maintenance windows")
        ordering = ["-starts_at"]

    def __str__(self) -> str:
        what = self.server or self.node or self.cluster
        return f"{what}, {self.starts_at:%Y-%m-%d %H:%M}"
