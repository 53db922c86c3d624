"""Snapshots as they are known here, the limits and abilities of servers, and schedules."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.models import Action, Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class SnapshotQuerySet(models.QuerySet["Snapshot"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Those of the servers that this person may see."""
        return self.filter(server__in=Server.objects.visible_to(user), server__present=True)


class Snapshot(models.Model):
    """One snapshot of a server. Proxmox is the truth: rows follow its list.

    Told by name and time: another one under an old name is another snapshot. Names are not unique
    by constraint, as MySQL compares them without regard to case and Proxmox does not.
    """

    class Origin(models.TextChoices):
        PERSON = "person", _("by a person")
        SCHEDULE = "schedule", _("by schedule")
        SAFETY = "safety", _("before a change")
        OUTSIDE = "outside", _("made in Proxmox")

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="snapshots", verbose_name=_("server")
    )
    name = models.CharField(_("name in Proxmox"), max_length=40)
    title = models.CharField(_("name"), max_length=64)
    description = models.TextField(_("description"), blank=True)
    origin = models.CharField(_("made"), max_length=8, choices=Origin.choices)
    schedule_kind = models.CharField(_("schedule"), max_length=6, blank=True)
    asked_at = models.DateTimeField(_("asked for"), null=True)
    # None while it is in the making.
    taken_at = models.DateTimeField(_("taken at"), null=True, db_index=True)
    with_memory = models.BooleanField(_("with memory"), default=False)
    parent = models.CharField(_("follows"), max_length=40, blank=True)
    # Proxmox's word where a task left it half-way: prepare, delete, rollback.
    state = models.CharField(_("state"), max_length=16, blank=True)
    expires_at = models.DateTimeField(_("deleted after"), null=True, db_index=True)
    # Staff want it gone as soon as its server is free.
    doomed_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
        verbose_name=_("deletion asked for by"),
    )
    doomed_at = models.DateTimeField(_("to be deleted since"), null=True, editable=False)
    # What makes it.
    action = models.ForeignKey(
        Action,
        on_delete=models.SET_NULL,
        null=True,
        related_name="snapshots",
        verbose_name=_("action"),
    )

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering = ["taken_at", "id"]
        indexes = [models.Index(fields=["server", "name"], name="snapshot_name")]

    def __str__(self) -> str:
        return f"{self.title} ({self.server_id})"


class ServerSnapshots(models.Model):
    """What is known of a server's snapshots as a whole, and what staff allow it."""

    server = models.OneToOneField(
        Server,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="snapshot_state",
        verbose_name=_("server"),
    )
    # None: not asked yet.
    can_take = models.BooleanField(_("can be taken"), null=True)
    # The disks in the way: [{"disk", "storage", "kind"}].
    obstacles = models.JSONField(_("what is in the way"), default=list)
    # Like ZFS: it rolls back to the newest one alone.
    newest_only = models.BooleanField(_("newest only"), default=False)
    memory_obstacle = models.CharField(_("in the way of its memory"), max_length=32, blank=True)
    checked_at = models.DateTimeField(_("looked into"), null=True)
    # The snapshot that the server has gone on from.
    present = models.CharField(max_length=40, blank=True)
    looked_at = models.DateTimeField(_("list read"), null=True)
    # The list could not be read since then; what is known is from before.
    unread_since = models.DateTimeField(_("not read since"), null=True)
    next_look_at = models.DateTimeField(_("looked at next"), null=True, db_index=True)
    most = models.PositiveSmallIntegerField(
        _("snapshots at most"), null=True, blank=True, help_text=_("Empty: the usual limit.")
    )
    most_days = models.PositiveSmallIntegerField(
        _("days at most"), null=True, blank=True, help_text=_("Empty: the usual limit. 0: none.")
    )

    class Meta:
        verbose_name = _("snapshots of a server")
        verbose_name_plural = _("snapshots of servers")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.server_id}"

    @property
    def limit(self) -> int:
        usual: int = settings.SNAPSHOTS_PER_SERVER
        return usual if self.most is None else self.most

    @property
    def limit_days(self) -> int:
        """0 is no limit."""
        usual: int = settings.SNAPSHOT_DAYS
        return usual if self.most_days is None else self.most_days


class SnapshotSchedule(models.Model):
    """When snapshots of a server are taken by themselves, and how many are kept."""

    class Kind(models.TextChoices):
        HOURLY = "hourly", _("every hour")
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")

    server = models.ForeignKey(
        Server,
        on_delete=models.CASCADE,
        related_name="snapshot_schedules",
        verbose_name=_("server"),
    )
    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    hour = models.PositiveSmallIntegerField(_("hour"), default=3)
    minute = models.PositiveSmallIntegerField(_("minute"), default=0)
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), default=0, help_text=_("0 is Monday.")
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    keep = models.PositiveSmallIntegerField(_("kept"), default=3)
    enabled = models.BooleanField(_("on"), default=True)
    next_run_at = models.DateTimeField(_("next"), null=True, db_index=True)
    last_run_at = models.DateTimeField(_("last"), null=True)
    last_error = models.CharField(_("what went wrong"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("snapshot schedule")
        verbose_name_plural = _("snapshot schedules")
        ordering = ["server", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["server", "kind"], name="snapshot_schedule_kind")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.server_id})"


def state_of(server: Server) -> ServerSnapshots:
    """The row of a server, made when it is first asked for."""
    found, _made = ServerSnapshots.objects.get_or_create(server=server)
    return found
