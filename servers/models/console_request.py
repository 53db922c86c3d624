"""Staff who ask a server's owner to be let onto its console."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers.models.server import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class ConsoleRequestQuerySet(models.QuerySet["ConsoleRequest"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Staff see all; customers those in which they themselves were asked."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_staff else self.filter(owner=user)


class ConsoleRequest(models.Model):
    """One of the staff asks for the console, the owner allows it for a while, or does not.

    `open` is True while it waits for an answer or is allowed, NULL once it is over: one of each
    person and server at a time, by a constraint that MySQL keeps too.
    """

    class Answer(models.TextChoices):
        WAITING = "", _("waiting for an answer")
        ALLOWED = "allowed", _("allowed")
        DENIED = "denied", _("denied")

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, related_name="console_requests", verbose_name=_("server")
    )
    asked_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="console_requests",
        verbose_name=_("asked by"),
    )
    # Who was asked: what the staff wrote to one owner is no business of the next.
    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("owner")
    )
    asked_by_email = models.CharField(_("mail address then"), max_length=254)
    reason = models.CharField(_("reason"), max_length=500)
    asked_at = models.DateTimeField(_("asked at"))
    # Without an answer by then it is over; once allowed, when the permission ends.
    until = models.DateTimeField(_("until"))
    answer = models.CharField(
        _("answer"), max_length=7, choices=Answer.choices, default=Answer.WAITING, blank=True
    )
    answered_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answered_at = models.DateTimeField(_("answered at"), null=True)
    open = models.BooleanField(_("open"), null=True, default=True, editable=False)

    objects = ConsoleRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("request for a console")
        verbose_name_plural = _("requests for consoles")
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "asked_by", "open"], name="console_request_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
