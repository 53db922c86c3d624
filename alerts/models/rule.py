"""Alert rules, and where each stands for each server."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alerts import metrics
from alerts.judge import State
from servers.models import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Metric(models.TextChoices):
    CPU = metrics.Metric.CPU.value, _("CPU")
    MEMORY = metrics.Metric.MEMORY.value, _("Memory")
    DISK = metrics.Metric.DISK.value, _("Disk")
    NETWORK_IN = metrics.Metric.NETWORK_IN.value, _("Network in")
    NETWORK_OUT = metrics.Metric.NETWORK_OUT.value, _("Network out")
    DISK_READ = metrics.Metric.DISK_READ.value, _("Disk reads")
    DISK_WRITE = metrics.Metric.DISK_WRITE.value, _("Disk writes")
    STATE = metrics.Metric.STATE.value, _("Down though nobody asked for it")
    REACHABILITY = metrics.Metric.REACHABILITY.value, _("Not reachable for the panel")
    SNAPSHOT_FAILED = metrics.Metric.SNAPSHOT_FAILED.value, _("Scheduled snapshot failed")
    SNAPSHOT_AGE = metrics.Metric.SNAPSHOT_AGE.value, _("Age of the newest snapshot")
    DISK_FULL_IN = metrics.Metric.DISK_FULL_IN.value, _("Time until the disk is full")


class Severity(models.TextChoices):
    INFO = "info", _("information")
    WARNING = "warning", _("warning")
    CRITICAL = "critical", _("critical")


class AlertRuleQuerySet(models.QuerySet["AlertRule"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """One's own, and the defaults, which apply to everybody. Staff see all."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(models.Q(owner=user) | models.Q(owner=None))

    def defaults(self) -> Self:
        return self.filter(owner=None)


class AlertRule(models.Model):
    """A metric, a threshold and when it counts.

    Without `owner` it is a default, which staff set and which applies to every server. A rule of
    a customer's applies to their own servers alone: to one, to those with a label, or to all. One
    that `replaces` a default stands in its place there; of several for one server the narrowest
    counts: the server's, then the label's, then that for all.
    """

    class Condition(models.TextChoices):
        GREATER_THAN = "greater_than", _("greater than")
        LESS_THAN = "less_than", _("less than")

    class Trust(models.TextChoices):
        ANY = metrics.Trust.ANY.value, _("any")
        FRESH = metrics.Trust.FRESH.value, _("only fresh ones")
        GUEST = metrics.Trust.GUEST.value, _("only those told from inside the server")

    owner = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="alert_rules",
        verbose_name=_("owner"),
    )
    replaces = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="replaced_by",
        verbose_name=_("instead of"),
    )
    # Scope: a server, or a label, or neither and so all of the owner's.
    server = models.ForeignKey(
        Server,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="alert_rules",
        verbose_name=_("server"),
    )
    label = models.CharField(_("label"), max_length=127, blank=True)
    metric = models.CharField(_("metric"), max_length=16, choices=Metric.choices)
    mountpoint = models.CharField(_("file system"), max_length=255, blank=True)
    condition = models.CharField(
        _("condition"), max_length=12, choices=Condition.choices, default=Condition.GREATER_THAN
    )
    # In the metric's unit, see alerts.metrics. NULL for what is so or is not.
    threshold = models.FloatField(_("threshold"), null=True, blank=True)
    clear_at = models.FloatField(_("recovers at"), null=True, blank=True)
    duration = models.PositiveIntegerField(_("for, in seconds"), default=0)
    severity = models.CharField(
        _("severity"), max_length=8, choices=Severity.choices, default=Severity.WARNING
    )
    trust = models.CharField(_("values"), max_length=5, choices=Trust.choices, default=Trust.ANY)
    no_data = models.BooleanField(_("also when nothing is measured any more"), default=False)
    even_intended = models.BooleanField(_("also of what was done on purpose"), default=False)
    tell_recovery = models.BooleanField(_("tell of the recovery"), default=True)
    # Seconds; NULL for no reminders.
    remind_every = models.PositiveIntegerField(
        _("remind every, in seconds"), null=True, blank=True
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    # None of them chosen means all of the owner's.
    channels = models.ManyToManyField(
        "alerts.NotificationChannel", blank=True, related_name="rules", verbose_name=_("channels")
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    objects = AlertRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")
        ordering = ["id"]
        indexes = [models.Index(fields=["owner", "enabled"], name="alert_rule_owner")]

    def __str__(self) -> str:
        return f"{self.get_metric_display()} ({self.pk})"

    @property
    def base(self) -> int:
        """Which rules stand in for each other: the default's, or its own."""
        return self.replaces_id or self.pk


class RuleBook(models.Model):
    """One row: `revision` counts up with each change of a rule, so that a cycle that sees the
    same one need not read the rules again."""

    revision = models.PositiveBigIntegerField(default=1)

    class Meta:
        verbose_name = "rule book"

    def __str__(self) -> str:
        return f"revision {self.revision}"


class AlertStanding(models.Model):
    """Where a rule stands for a server, as long as that is not OK. Times in Unix seconds.

    `owner_id` is whose the server was: for another owner nothing of it counts.
    """

    STATES = [(state.value, state.value) for state in State]

    rule = models.ForeignKey(
        AlertRule, on_delete=models.CASCADE, related_name="standings", verbose_name=_("rule")
    )
    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="standings", verbose_name=_("server")
    )
    owner_id = models.PositiveBigIntegerField(null=True)
    state = models.CharField(max_length=8, choices=STATES)
    since = models.PositiveBigIntegerField()
    missing_since = models.PositiveBigIntegerField(null=True)

    class Meta:
        verbose_name = "alert standing"
        constraints = [
            models.UniqueConstraint(fields=["server", "rule"], name="alert_standing_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} for {self.server_id}: {self.state}"


class Mute(models.Model):
    """Silence that a person asked for: of one rule, one server, or both; of everything if neither.

    It hides nothing: alerts go on, and are told of afterwards if they still last.
    """

    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="mutes", verbose_name=_("owner")
    )
    rule = models.ForeignKey(
        AlertRule,
        on_delete=models.CASCADE,
        null=True,
        related_name="mutes",
        verbose_name=_("rule"),
    )
    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, null=True, related_name="mutes", verbose_name=_("server")
    )
    # NULL is until it is taken back.
    until = models.DateTimeField(_("until"), null=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("mute")
        verbose_name_plural = _("mutes")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.owner} until {self.until}"
