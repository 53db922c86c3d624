"""People and the audit log on the staff site."""

import json
from collections.abc import Callable
from operator import attrgetter, itemgetter
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    SetUnusablePasswordMixin,
    UserChangeForm,
)
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts import appointment, audit, events, roles, tokens
from accounts.audit import Actor
from accounts.exports import Column, Exporting
from accounts.models import ApiSession, AuditEntry, Source, User


class NewPersonForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email",)


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "usable_password" in self.fields:
            # Django's own is made while the panel starts, in whatever language that is.
            self.fields["usable_password"].help_text = format_lazy(
                "{} {}",
                SetUnusablePasswordMixin.usable_password_help_text,
                _("If disabled, the current password for this user will be lost."),
            )


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    # Who sends it; the site sets it for each request.
    actor: Actor

    class Meta:
        model = User
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        role = cleaned.get("role", self.instance.role)
        leaves = role != roles.ADMIN or not cleaned.get("is_active", self.instance.is_active)
        # What was stored: the form has not written into the instance yet.
        if self.instance.role == roles.ADMIN and leaves:
            try:
                appointment.check_may_lose(self.instance, self.actor)
            except appointment.NotThis as error:
                self.add_error("role" if role != roles.ADMIN else "is_active", str(error))
        return cleaned


class PersonAdmin(Exporting, UserAdmin):  # type: ignore[type-arg]
    """Registered by servers.admin.people, which knows what people own and whose sockets are open."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = PasswordForm
    tell: Callable[[int], None] = staticmethod(tokens.tell_nobody)
    list_display = ("email", "first_name", "last_name", "servers_owned", "role", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("email", "first_name", "last_name")
    search_help_text = _("Mail address or name")
    ordering = ("email",)
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)
    filter_horizontal = ()
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("email", _("mail address"), attrgetter("email")),
        Column("first_name", _("first name"), attrgetter("first_name")),
        Column("last_name", _("last name"), attrgetter("last_name")),
        Column("servers", _("servers"), attrgetter("owned")),
        Column("role", _("role"), lambda person: person.get_role_display()),
        Column("is_active", _("active"), attrgetter("is_active")),
        Column("language", _("language"), attrgetter("language")),
        Column("time_zone", _("time zone"), attrgetter("time_zone")),
        Column("last_login", _("last login"), attrgetter("last_login")),
        Column("date_joined", _("date joined"), attrgetter("date_joined")),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .annotate(owned=Count("servers", filter=Q(servers__present=True)))
        )

    @admin.display(description=_("servers"), ordering="owned")
    def servers_owned(self, user: Any) -> int:
        return int(user.owned)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return super().get_fieldsets(request, obj)
        # Not even a digest of it is for whoever cannot set it anew.
        first = ("email", "password") if self.has_change_permission(request, obj) else ("email",)
        return (
            (None, {"fields": first}),
            (_("Name"), {"fields": ("first_name", "last_name", "language", "time_zone")}),
            (_("Rights"), {"fields": ("role", "is_active")}),
            (_("Dates"), {"fields": ("last_login", "date_joined")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        dates = ("last_login", "date_joined")
        return dates if request.user.has_perm(roles.APPOINT) else (*dates, "role")

    def get_form(  # type: ignore[override]  # its stubs know one signature of two
        self, request: HttpRequest, obj: Any = None, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, **kwargs)
        form.actor = Actor.of(request, Source.ADMIN)
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People with a role are the administrators' business."""
        if (
            obj is not None
            and (obj.is_staff or obj.role)
            and not request.user.has_perm(roles.APPOINT)
        ):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.role == roles.ADMIN:
            try:
                appointment.check_may_lose(obj, Actor.of(request, Source.ADMIN))
            except appointment.NotThis:
                return False
        return super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The role goes its own way, so that what hangs on it changes with it."""
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        role = obj.role
        stored = User.objects.get(pk=obj.pk) if change else None
        obj.role = stored.role if stored else ""
        super().save_model(request, obj, form, change)
        changed = [
            name for name in form.changed_data if name not in ("role", "password1", "password2")
        ]
        if changed or not change:
            audit.record(
                "person.changed" if change else "person.added",
                actor=actor,
                now=now,
                object_type="person",
                object_id=obj.pk,
                details={"fields": changed},
            )
        if stored is not None and stored.is_active and not obj.is_active:
            self.tell(obj.pk)
        if stored is not None:
            appointment.appoint(obj, role, actor=actor, now=now, tell=self.tell)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """What staff set in somebody's place is recorded as any other change of them."""
        person = self.get_object(request, unquote(id))
        with transaction.atomic():
            response: HttpResponse = super().user_change_password(request, id, form_url)
            if isinstance(person, User) and has_another_password(person):
                audit.record(
                    "person.changed",
                    actor=Actor.of(request, Source.ADMIN),
                    now=timezone.now(),
                    object_type="person",
                    object_id=person.pk,
                    details={"fields": ["password"]},
                )
                self.tell(person.pk)
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """All that hangs on a person goes with them, also what is only read otherwise: it is counted
        there, and not named one by one."""
        answer: Any = super().get_deleted_objects(objs, request)
        found, counts, needed, protected = answer
        people = [each for each in found if not isinstance(each, list)]
        return people, counts, needed & {self.opts.verbose_name}, protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        number, email = obj.pk, obj.email
        super().delete_model(request, obj)
        audit.record(
            "person.deleted",
            actor=Actor.of(request, Source.ADMIN),
            now=timezone.now(),
            object_type="person",
            object_id=number,
            details={"email": email},
        )
        self.tell(number)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for person in queryset:
            self.delete_model(request, person)


def has_another_password(person: User) -> bool:
    """Whether another one is stored than was read."""
    return User.objects.filter(pk=person.pk).exclude(password=person.password).exists()


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class EventFilter(admin.SimpleListFilter):
    title = _("event")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return sorted(
            ((code, str(words)) for code, words in events.WORDS.items()), key=itemgetter(1)
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(Exporting, ReadOnly):
    list_display = ("at", "what", "actor_email", "source", "kind", "object_id", "address")
    list_filter = (EventFilter, "source")
    search_fields = ("actor_email", "on_behalf_of_email", "event")
    fields = (
        "at", "what", "actor", "actor_email", "on_behalf_of", "on_behalf_of_email", "source",
        "address", "kind", "object_id", "facts",
    )  # fmt: skip
    date_hierarchy = "at"
    list_select_related = ("actor",)
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("at", _("at"), attrgetter("at")),
        Column("event", _("event"), attrgetter("event")),
        Column("words", _("in words"), lambda entry: events.words(entry.event)),
        Column("person", _("person"), attrgetter("actor_email")),
        Column("on_behalf_of", _("on behalf of"), attrgetter("on_behalf_of_email")),
        Column("source", _("source"), lambda entry: entry.get_source_display()),
        Column("address", _("address"), attrgetter("address")),
        Column("object_type", _("kind of object"), attrgetter("object_type")),
        Column("object_id", _("object"), attrgetter("object_id")),
        Column("details", _("details"), lambda e: json.dumps(e.details, ensure_ascii=False)),
    )

    @admin.display(description=_("event"), ordering="event")
    def what(self, entry: AuditEntry) -> str:
        return events.words(entry.event)

    @admin.display(description=_("kind of object"), ordering="object_type")
    def kind(self, entry: AuditEntry) -> str:
        return str(events.OBJECTS.get(entry.object_type, entry.object_type))

    @admin.display(description=_("details"))
    def facts(self, entry: AuditEntry) -> str:
        text = json.dumps(entry.details, ensure_ascii=False, indent=2)
        return format_html('<pre lang="en">{}</pre>', text)


@admin.register(ApiSession)
class ApiSessionAdmin(ReadOnly):
    list_display = ("user", "address", "started_at", "ended_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
