"""What is told to people, and what became of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alerts.models.alert import Alert
from alerts.models.channel import NotificationChannel
from alerts.models.incident import Incident
from servers.models import Server


class Notification(models.Model):
    """One message to one recipient, sent until it got through or is given up.

    The row is the truth: whatever a dead worker or broker left behind is sent by the next sweep.
    Without `channel` it goes to `address` by mail.
    """

    class Kind(models.TextChoices):
        NOTICE = "notice", _("notice")
        FIRED = "fired", _("alert")
        REMINDER = "reminder", _("reminder")
        RECOVERED = "recovered", _("recovery")
        FLAPPING = "flapping", _("flapping")
        FAULT = "fault", _("fault of the host")
        FAULT_OVER = "fault_over", _("fault of the host, over")
        INCIDENT = "incident", _("incident")
        INCIDENT_OVER = "incident_over", _("incident over")
        DIGEST = "digest", _("what happened meanwhile")
        TEST = "test", _("test")
        INVITATION = "invitation", _("invitation")
        PASSWORD = "password", _("link to a password")

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed, to be tried again")
        GIVEN_UP = "given_up", _("given up")

    recipient = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="notifications",
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=13, choices=Kind.choices, default=Kind.NOTICE)
    channel = models.ForeignKey(
        NotificationChannel,
        on_delete=models.SET_NULL,
        null=True,
        related_name="notifications",
        verbose_name=_("channel"),
    )
    # Which kind of channel it was, as that may be gone by now.
    channel_kind = models.CharField(_("kind of channel"), max_length=16, default="mail")
    address = models.CharField(_("where to, then"), max_length=500)
    alerts = models.ManyToManyField(Alert, related_name="notifications", verbose_name=_("alerts"))
    incident = models.ForeignKey(
        Incident,
        on_delete=models.SET_NULL,
        null=True,
        related_name="notifications",
        verbose_name=_("incident"),
    )
    # Not before that one is through; of what did not get there no recovery is told either.
    after = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("comes after"),
    )
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"))
    # What it tells of: the same is told to a person once. NULL where that does not matter.
    key = models.CharField(max_length=128, null=True, unique=True, editable=False)  # noqa: DJ001
    server = models.ForeignKey(
        Server,
        on_delete=models.SET_NULL,
        null=True,
        related_name="notifications",
        verbose_name=_("server"),
    )
    status = models.CharField(
        _("status"), max_length=8, choices=Status.choices, default=Status.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # When it is to be sent, None once it is over.
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, db_index=True)
    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created at"))
    sent_at = models.DateTimeField(_("sent at"), null=True)
    error = models.CharField(_("why not"), max_length=255, blank=True)
    # What the mail server, or whoever took it, said to it.
    answer = models.CharField(_("answer"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at"], name="notification_history")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.address})"


class DeliveryAttempt(models.Model):
    """One attempt to get a notification through, and what was answered."""

    class Outcome(models.TextChoices):
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed, to be tried again")
        REFUSED = "refused", _("refused for good")

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="log", verbose_name=_("notification")
    )
    began_at = models.DateTimeField(_("began at"))
    ended_at = models.DateTimeField(_("ended at"))
    outcome = models.CharField(_("outcome"), max_length=7, choices=Outcome.choices)
    answer = models.CharField(_("answer"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("delivery attempt")
        verbose_name_plural = _("delivery attempts")
        ordering = ["began_at", "id"]

    def __str__(self) -> str:
        return f"{self.notification_id}: {self.outcome}"
