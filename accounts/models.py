"""People and the audit log."""

from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts import events, roles


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Wholly in lower case: two people never differ by case alone, on any database."""
        return super().normalize_email(email).strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """With a `role`, also what goes with it."""
        marks = roles.flags(fields["role"]) if fields.get("role") else {}
        user = self.model(email=self.normalize_email(email), **{**fields, **marks})
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        # Django's command hands over the flags, which follow from the role.
        return self.create_user(email, password, **{**fields, "role": roles.ADMIN})


def default_language() -> str:
    return str(settings.LANGUAGE_CODE)


class User(AbstractUser):
    """A person, known by mail address. `is_staff` sees all servers and the admin site.

    What one of the staff may do beyond seeing follows from the role: see accounts.roles.
    """

    class Role(models.TextChoices):
        CUSTOMER = "", _("customer")
        SUPPORT = "support", _("support")
        OPERATOR = "operator", _("operator")
        ADMIN = "admin", _("administrator")

    class Theme(models.TextChoices):
        SYSTEM = "", _("as the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("mail address"), unique=True)
    language = models.CharField(
        _("language"),
        max_length=8,
        choices=[("en", "English"), ("ru", "Русский")],
        default=default_language,
    )
    # One that zoneinfo knows.
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    theme = models.CharField(
        _("theme"), max_length=5, choices=Theme.choices, default=Theme.SYSTEM, blank=True
    )
    role = models.CharField(
        _("role"), max_length=8, choices=Role.choices, default=Role.CUSTOMER, blank=True
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()  # type: ignore[misc,assignment]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["email"]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = User.objects.normalize_email(self.email)


class Source(models.TextChoices):
    WEB = "web", _("web page")
    API = "api", _("API")
    ADMIN = "admin", _("admin site")
    COMMAND = "command", _("command line")
    SCHEDULE = "schedule", _("schedule")
    SYSTEM = "system", _("the panel itself")


class AuditEntry(models.Model):
    """Who did what to what, when and from where. Written once, never changed.

    `details` holds plain facts of the change. Secrets never belong in it.
    """

    at = models.DateTimeField(_("at"), db_index=True)
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    actor_email = models.CharField(_("mail address then"), max_length=254, blank=True)
    # The customer in whose place one of the staff acted.
    on_behalf_of = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("on behalf of"),
    )
    on_behalf_of_email = models.CharField(
        _("whose mail address then was"), max_length=254, blank=True
    )
    source = models.CharField(_("source"), max_length=16, choices=Source.choices)
    address = models.GenericIPAddressField(_("address"), null=True)
    event = models.CharField(_("event"), max_length=64, db_index=True)
    object_type = models.CharField(_("kind of object"), max_length=32)
    object_id = models.BigIntegerField(_("object"), null=True)
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_object")]

    def __str__(self) -> str:
        return f"{events.words(self.event)}: {self.actor_email or self.get_source_display()}"


class ApiSession(models.Model):
    """One sign-in over the API: every token that descends from it dies with it."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_sessions", verbose_name=_("person")
    )
    address = models.GenericIPAddressField(null=True, verbose_name=_("address"))
    started_at = models.DateTimeField(verbose_name=_("began at"))
    renewed_at = models.DateTimeField(verbose_name=_("last used"))
    ended_at = models.DateTimeField(null=True, verbose_name=_("ended at"))

    class Meta:
        verbose_name = _("API session")
        verbose_name_plural = _("API sessions")

    def __str__(self) -> str:
        return f"{self.user}, {self.started_at:%Y-%m-%d %H:%M}"


class IdempotentReply(models.Model):
    """What was answered to a request that bore an Idempotency-Key, to be answered again.

    `fingerprint` is a keyed hash of method, path and body. Secrets are not in `body`.
    """

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    key = models.CharField(max_length=128)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("idempotent reply")
        verbose_name_plural = _("idempotent replies")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_key")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"
