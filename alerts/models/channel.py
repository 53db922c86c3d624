"""Where a person is told, and when they would rather not be."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class NotificationChannelQuerySet(models.QuerySet["NotificationChannel"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """One's own alone: staff, too, have no business in the addresses of others here."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(owner=user)

    def usable(self) -> Self:
        return self.filter(enabled=True, confirmed_at__isnull=False, failed_at=None)


class NotificationChannel(models.Model):
    """A way to tell a person: `kind` names one of alerts.channels.

    Everybody has the mail channel of their own address, made when it is first needed; it has no
    `target` and follows the person's address.
    """

    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="channels", verbose_name=_("owner")
    )
    kind = models.CharField(_("kind"), max_length=16)
    name = models.CharField(_("name"), max_length=64, blank=True)
    # A mail address, a URL, a chat; empty for one's own mail address.
    target = models.CharField(_("where to"), max_length=500, blank=True)
    # Of the sealed kind, see servers.secrets: a signing key, a bot's token.
    secret = models.TextField(blank=True, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    # When whoever reads there agreed; NULL until then.
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    # It was refused for good: nothing goes there until somebody sets it right.
    failed_at = models.DateTimeField(_("refused at"), null=True)
    failure = models.CharField(_("why"), max_length=255, blank=True)
    # True for one's own mail address, NULL for others, so that each has one of it.
    own_address = models.BooleanField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"))

    objects = NotificationChannelQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification channel")
        verbose_name_plural = _("notification channels")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "own_address"], name="channel_own_address")
        ]

    def __str__(self) -> str:
        # Without `target`, in which receivers have their passwords.
        return self.name or f"{self.kind} {self.pk}"


class AlertPreferences(models.Model):
    """When a person would rather not be told; times of day in the person's own time zone."""

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="alert_preferences",
        verbose_name=_("person"),
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    # What is critical is told in quiet hours, too.
    critical_anyway = models.BooleanField(_("critical alerts anyway"), default=True)
    # Of staff: whether they are told of incidents.
    incidents = models.BooleanField(_("incidents"), default=True)

    class Meta:
        verbose_name = _("alert preferences")
        verbose_name_plural = _("alert preferences")

    def __str__(self) -> str:
        return str(self.user)
