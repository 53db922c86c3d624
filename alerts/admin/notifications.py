"""The delivery log: what people were told, what was answered, and sending it once more."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.audit import Actor
from accounts.models import Source
from alerts import delivery
from alerts.models import DeliveryAttempt, Notification


class AttemptInline(admin.TabularInline):  # type: ignore[type-arg]
    model = DeliveryAttempt
    extra = 0
    can_delete = False
    fields = ("began_at", "ended_at", "outcome", "answer")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = (
        "created_at", "kind", "address", "subject", "server", "status", "attempts", "sent_at",
        "next_attempt_at", "said",
    )  # fmt: skip
    list_filter = ("status", "kind", "channel_kind")
    search_fields = ("address", "subject", "server__name", "recipient__email")
    date_hierarchy = "created_at"
    list_select_related = ("server",)
    # Counting all of a table that grows for years would cost more than the page.
    show_full_result_count = False
    inlines = (AttemptInline,)
    actions = ("resend",)
    fields = (
        "created_at", "kind", "recipient", "channel_kind", "address", "server", "incident",
        "alerts", "after", "subject", "body", "status", "attempts", "next_attempt_at", "sent_at",
        "error", "answer",
    )  # fmt: skip

    @admin.display(description=_("answer, or why not"))
    def said(self, notification: Notification) -> str:
        return notification.error or notification.answer

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
