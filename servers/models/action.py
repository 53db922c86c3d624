"""Actions: every operation on a server, from the request to its true end."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Source, User
from servers.models.server import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


LATELY = timedelta(hours=24)


class ActionQuerySet(models.QuerySet["Action"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Staff see all, customers those of their own servers.

        A server that was deleted is shown no more, but the action that deleted it is: whoever
        asked for it sees how it ended.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(server__owner=user)

    def ended_badly(self, now: datetime) -> Self:
        """What failed or was lost while it is news."""
        bad = (Action.Status.FAILED, Action.Status.LOST)
        return self.filter(status__in=bad, finished_at__gte=now - LATELY)

    def unfinished(self) -> Self:
        return self.filter(active=True)


class Action(models.Model):
    """One recorded operation on a server.

    It is done in steps (deleting a running server stops it first), and each step is one call to
    Proxmox. `sent_at` is set before that call is made and never taken back once the call may have
    arrived: this is what keeps a verb from being sent twice. `known_upids` are the tasks that
    Proxmox had for the guest just before: whatever else turns up afterwards is ours, whatever the
    clocks say.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        RUNNING = "running", pgettext_lazy("action", "running")
        SUCCESS = "success", _("done")
        FAILED = "failed", _("failed")
        LOST = "lost", _("outcome unknown")

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="actions", verbose_name=_("server")
    )
    type = models.CharField(_("action"), max_length=32)
    status = models.CharField(
        _("status"), max_length=8, choices=Status.choices, default=Status.PENDING
    )
    # True while it is pending or running, NULL afterwards: one active action for each server,
    # by a constraint that MySQL keeps too.
    active = models.BooleanField(null=True, default=True, editable=False)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    requested_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_by_email = models.CharField(_("mail address then"), max_length=254, blank=True)
    by_staff = models.BooleanField(_("by staff"), default=False)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    requested_at = models.DateTimeField(_("requested at"))
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    deadline = models.DateTimeField(_("deadline"))

    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)
    # The key of a secret that travels in the message alone; gone as soon as it was used.
    seal = models.CharField(max_length=64, blank=True)

    # How long its outcome is waited for once it was sent, seconds.
    seconds = models.PositiveIntegerField(default=300)
    # The task that is told whenever a step ended, and when it is over.
    watcher = models.CharField(max_length=64, blank=True)

    step = models.CharField(_("step"), max_length=16, blank=True)
    # The steps after this one.
    plan = models.JSONField(default=list)
    # It is another's turn: of some steps a cluster bears a few at a time.
    is_queued = models.BooleanField(_("waits for its turn"), default=False)
    turn_at = models.DateTimeField(null=True)
    # [{"step", "upid", "started_at", "finished_at"}], those that are over.
    steps = models.JSONField(_("steps"), default=list)
    known_upids = models.JSONField(default=list)
    sent_at = models.DateTimeField(null=True)
    node = models.CharField(_("node"), max_length=63, blank=True)
    upid = models.CharField(_("task"), max_length=255, blank=True)
    # The state to wait for where the task says nothing, as for guests under HA.
    awaited = models.CharField(max_length=9, blank=True)
    looked_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    log = models.TextField(_("last lines of the task"), blank=True)
    log_at = models.DateTimeField(null=True)

    warnings = models.PositiveIntegerField(_("warnings"), default=0)
    error_code = models.CharField(_("error"), max_length=32, blank=True)
    error_message = models.TextField(_("why"), blank=True)

    objects = ActionQuerySet.as_manager()

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["server", "active"], name="action_one_active")
        ]
        indexes = [
            models.Index(fields=["server", "-requested_at"], name="action_server_history"),
            models.Index(fields=["-requested_at"], name="action_history"),
            models.Index(fields=["active", "next_look_at"], name="action_due"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}: {self.get_status_display()}"
