"""Alerts of everybody, with all that happened to each."""

from operator import attrgetter

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.exports import Column, Exporting
from alerts import wording
from alerts.models import Alert, AlertEvent
from servers.models import Server


def server_link(server: Server) -> str:
    address = reverse("server-alerts", args=[server.pk])
    return format_html('<a href="{}">{}</a>', address, server.name)


class EventInline(admin.TabularInline):  # type: ignore[type-arg]
    template = "admin/lines.html"
    model = AlertEvent
    extra = 0
    can_delete = False
    fields = ("at", "kind", "reason", "until", "notification")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertEvent]:
        return super().get_queryset(request).select_related("notification")

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(Exporting, ReadOnly):
    list_display = (
        "fired_at", "what", "server_link", "owner", "severity", "active", "ended_at", "end_reason",
        "acknowledged_at", "incident",
    )  # fmt: skip
    list_filter = ("active", "severity", "metric", "server__cluster", "found_later")
    search_fields = ("server__name", "owner__email")
    search_help_text = _("Name of the server, or mail address of its owner")
    date_hierarchy = "fired_at"
    list_select_related = ("server", "owner", "incident")
    show_full_result_count = False
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("fired_at", _("fired at"), attrgetter("fired_at")),
        Column("ended_at", _("ended at"), attrgetter("ended_at")),
        Column("end_reason", _("why it ended"), lambda alert: alert.get_end_reason_display()),
        Column("what", _("what"), wording.condition_of),
        Column("severity", _("severity"), lambda alert: alert.get_severity_display()),
        Column("value", _("value"), attrgetter("value")),
        Column("detail", _("detail"), attrgetter("detail")),
        Column("server_id", _("number of the server"), attrgetter("server_id")),
        Column("server", _("server"), attrgetter("server.name")),
        Column("owner", _("owner"), lambda alert: alert.owner.email if alert.owner else None),
        Column("acknowledged_at", _("acknowledged at"), attrgetter("acknowledged_at")),
        Column("told_at", _("told at"), attrgetter("told_at")),
    )
    inlines = (EventInline,)
    fields = (
        "what", "server_link", "owner", "rule", "severity", "since", "fired_at", "value", "detail",
        "ended_at", "end_reason", "acknowledged_at", "acknowledged_by", "incident", "found_later",
        "told_at", "why",
    )  # fmt: skip

    @admin.display(description=_("what"), ordering="metric")
    def what(self, alert: Alert) -> str:
        return capfirst(wording.condition_of(alert))

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, alert: Alert) -> str:
        return server_link(alert.server)

    @admin.display(description=_("why"))
    def why(self, alert: Alert) -> str:
        address = reverse("alert", args=[alert.pk])
        return format_html('<a href="{}">{}</a>', address, _("Its page"))
