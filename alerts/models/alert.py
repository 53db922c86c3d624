"""Alerts: episodes of rules, and all that happened to each."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alerts.models.incident import Incident
from alerts.models.rule import AlertRule, Metric, Severity
from servers.models import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Staff see all; customers those of servers that were and still are theirs."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(owner=user, server__owner=user).exclude(
            server__status=Server.Status.GONE
        )

    def firing(self) -> Self:
        return self.filter(active=True)


class Alert(models.Model):
    """One episode of a rule on a server, from firing to recovered.

    It bears the terms it fired under, as the rule may be another by now, or gone.
    """

    class Kind(models.TextChoices):
        THRESHOLD = "threshold", _("crossed")
        NO_DATA = "no_data", _("no data")

    class End(models.TextChoices):
        RECOVERED = "recovered", _("recovered")
        VOID = "void", _("the server was stopped")
        RULE_CHANGED = "rule_changed", _("the rule was changed")
        OWNER_CHANGED = "owner_changed", _("the server has another owner")
        GONE = "gone", _("the server is gone")

    rule = models.ForeignKey(
        AlertRule,
        on_delete=models.SET_NULL,
        null=True,
        related_name="alerts",
        verbose_name=_("rule"),
    )
    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("server")
    )
    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="alerts", verbose_name=_("owner")
    )
    kind = models.CharField(_("kind"), max_length=9, choices=Kind.choices, default=Kind.THRESHOLD)
    # True while it lasts, NULL afterwards: one at a time for each rule and server.
    active = models.BooleanField(null=True, default=True, verbose_name=_("active"))
    metric = models.CharField(_("metric"), max_length=16, choices=Metric.choices)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    condition = models.CharField(max_length=12, choices=AlertRule.Condition.choices)
    mountpoint = models.CharField(_("file system"), max_length=255, blank=True)
    threshold = models.FloatField(_("threshold"), null=True)
    clear_at = models.FloatField(_("recovers at"), null=True)
    duration = models.PositiveIntegerField(_("for, in seconds"), default=0)
    # Since when it crossed, when that had held for long enough, when it was over.
    since = models.DateTimeField(_("since"))
    fired_at = models.DateTimeField(_("fired at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end_reason = models.CharField(
        _("why it ended"), max_length=13, choices=End.choices, blank=True
    )
    # What was measured when it fired and when it ended.
    value = models.FloatField(_("value"), null=True)
    end_value = models.FloatField(null=True)
    # In words, where a number does not tell: the file system, the reason of a failure.
    detail = models.CharField(_("detail"), max_length=255, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)
    acknowledged_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("acknowledged by"),
    )
    incident = models.ForeignKey(
        Incident,
        on_delete=models.SET_NULL,
        null=True,
        related_name="alerts",
        verbose_name=_("incident"),
    )
    # It was found in Proxmox's own history, after the panel had been away.
    found_later = models.BooleanField(default=False, verbose_name=_("found later"))
    # When it is decided next whether its owner is told; NULL where nothing is left to tell.
    tell_at = models.DateTimeField(null=True, db_index=True)
    # When its owner was last told that it fires: of its recovery is told who was told of it.
    told_at = models.DateTimeField(_("told at"), null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-fired_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["server", "rule", "active"], name="alert_once")
        ]
        indexes = [
            models.Index(fields=["owner", "active"], name="alert_owner_active"),
            models.Index(fields=["owner", "tell_at"], name="alert_owner_tell_at"),
            models.Index(fields=["active", "ended_at"], name="alert_active_ended"),
            models.Index(fields=["server", "-fired_at"], name="alert_server_history"),
            models.Index(fields=["-fired_at"], name="alert_history"),
        ]

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.pk}"

    def may_be_marked_by(self, user: User) -> bool:
        """Acknowledging is for whose it is, and for staff with the right to it."""
        return self.owner_id == user.pk or user.has_perm("alerts.change_alert")


class AlertEvent(models.Model):
    """What happened to an alert, and what was told or held back, and why: its explanation."""

    class Kind(models.TextChoices):
        FIRED = "fired", _("fired")
        ENDED = "ended", _("ended")
        TOLD = "told", _("told")
        REMINDED = "reminded", _("reminded")
        TOLD_RECOVERY = "told_recovery", _("recovery told")
        HELD = "held", _("held back")
        NOT_TOLD = "not_told", _("not told")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        UNACKNOWLEDGED = "unacknowledged", _("acknowledgement taken back")

    alert = models.ForeignKey(
        Alert, on_delete=models.CASCADE, related_name="events", verbose_name=_("alert")
    )
    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("what"), max_length=14, choices=Kind.choices)
    # Of HELD and NOT_TOLD: see alerts.decide.Reason.
    reason = models.CharField(_("why"), max_length=16, blank=True)
    until = models.DateTimeField(_("until"), null=True)
    notification = models.ForeignKey(
        "alerts.Notification",
        on_delete=models.SET_NULL,
        null=True,
        related_name="events",
        verbose_name=_("notification"),
    )

    class Meta:
        verbose_name = _("alert event")
        verbose_name_plural = _("alert events")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.alert_id}"
