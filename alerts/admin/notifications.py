"""The delivery log: what people were told, what was answered, and sending it once more."""

from operator import attrgetter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.audit import Actor
from accounts.codes import facts, filter_by
from accounts.exports import Column, Exporting
from accounts.models import Source
from alerts import backlog, delivery, failings
from alerts.admin.channels import KINDS
from alerts.models import DeliveryAttempt, Notification


class AttemptInline(admin.TabularInline):  # type: ignore[type-arg]
    template = "admin/lines.html"
    model = DeliveryAttempt
    extra = 0
    can_delete = False
    fields = ("began_at", "ended_at", "outcome", "answer")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Undelivered(admin.SimpleListFilter):
    """As the start page counts them."""

    title = _("delivery")
    parameter_name = "undelivered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("not delivered"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return backlog.undelivered(queryset, timezone.now()) if self.value() else queryset


@admin.register(Notification)
class NotificationAdmin(Exporting, ReadOnly):
    list_display = (
        "created_at", "kind", "address", "subject", "server", "status", "attempts", "sent_at",
        "next_attempt_at", "said",
    )  # fmt: skip
    list_filter = (
        Undelivered,
        "status",
        "kind",
        filter_by("channel_kind", _("kind of channel"), KINDS),
    )
    search_fields = ("address", "subject", "server__name", "recipient__email")
    date_hierarchy = "created_at"
    list_select_related = ("server",)
    # Counting all of a table that grows for years would cost more than the page.
    show_full_result_count = False
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("created_at", _("created at"), attrgetter("created_at")),
        Column("kind", _("kind"), lambda each: each.get_kind_display()),
        Column("channel", _("kind of channel"), attrgetter("channel_kind")),
        Column("address", _("where to, then"), attrgetter("address")),
        Column("subject", _("subject"), attrgetter("subject")),
        Column("server", _("server"), lambda each: each.server.name if each.server else None),
        Column("status", _("status"), lambda each: each.get_status_display()),
        Column("attempts", _("attempts"), attrgetter("attempts")),
        Column("sent_at", _("sent at"), attrgetter("sent_at")),
        Column("next_attempt_at", _("next attempt at"), attrgetter("next_attempt_at")),
        Column("error", _("why not"), attrgetter("error")),
        Column("answer", _("answer"), attrgetter("answer")),
    )
    inlines = (AttemptInline,)
    actions = ("resend",)
    fields = (
        "created_at", "kind", "recipient", "how", "address", "server", "incident",
        "alerts", "after", "subject", "body", "status", "attempts", "next_attempt_at", "sent_at",
        "why", "reply",
    )  # fmt: skip

    @admin.display(description=_("answer, or why not"))
    def said(self, notification: Notification) -> str:
        return failings.shown(notification.error or notification.answer)

    @admin.display(description=_("kind of channel"))
    def how(self, notification: Notification) -> str:
        return str(KINDS.get(notification.channel_kind, notification.channel_kind))

    @admin.display(description=_("why not"))
    def why(self, notification: Notification) -> str:
        return failings.shown(notification.error)

    @admin.display(description=_("answer"))
    def reply(self, notification: Notification) -> str:
        return facts(notification.answer)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("alerts.change_notification")

    @admin.action(description=_("Send the selected ones once more"), permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        done = [delivery.resend(each, actor=actor, now=now) for each in queryset]
        if sent := sum(done):
            said = ngettext("%(n)d is sent again.", "%(n)d are sent again.", sent)
            self.message_user(request, said % {"n": sent}, messages.SUCCESS)
        if len(done) > sent:
            said = gettext("%(n)d are under way already.") % {"n": len(done) - sent}
            self.message_user(request, said, messages.WARNING)
