"""What is told to people, and what became of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.models import Server


class Notification(models.Model):
    """One message to one recipient, sent until it got through or is given up.

    The row is the truth: whatever a dead worker or broker left behind is sent by the next sweep.
    """

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
    address = models.EmailField(_("mail address then"))
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

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at"], name="notification_history")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.address})"
