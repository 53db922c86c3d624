"""Console sessions: the one-time ticket, and who had which console open for how long."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Source, User
from servers.models.server import Server


class ConsoleSession(models.Model):
    """One ticket to one console, and what became of it.

    The ticket itself is never stored, only its SHA-256. It is good for seconds, once, and for
    the person and server it was made for.
    """

    class Kind(models.TextChoices):
        VNC = "vnc", _("screen")
        TEXT = "text", _("text")

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="console_sessions", verbose_name=_("server")
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    # One of the staff who had it open in place of `user`.
    staff = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("on behalf, by"),
    )
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    address = models.GenericIPAddressField(_("address"), null=True)
    ticket_hash = models.CharField(max_length=64, unique=True)
    # What the ticket was got with: losing it ends the session.
    session_key = models.CharField(max_length=40, blank=True)
    api_session = models.UUIDField(null=True)
    auth_hash = models.CharField(max_length=128)
    created_at = models.DateTimeField(_("requested at"))
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(_("opened at"), null=True)
    # While it is open, every minute.
    seen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    close_reason = models.CharField(_("why it ended"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("console session")
        verbose_name_plural = _("console sessions")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
