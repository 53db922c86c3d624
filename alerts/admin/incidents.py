"""Faults of the hosts with the servers they concern, and the times when staff work on them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.audit import Actor
from accounts.models import Source
from alerts import failings, maintenance
from alerts.admin.alerts import server_link
from alerts.models import Incident, MaintenanceWindow

MOST_SHOWN = 500
SCOPES = ("cluster", "node", "server")


@admin.register(Incident)
class IncidentAdmin(ReadOnly):
    list_display = (
        "began_at", "kind", "name", "cluster", "what", "number", "ended_at", "told_at",
    )  # fmt: skip
    list_filter = ("active", "kind", "cluster")
    search_fields = ("name", "cluster__name", "why")
    date_hierarchy = "began_at"
    list_select_related = ("cluster", "node")
    fields = (
        "kind", "name", "cluster", "node", "what", "began_at", "ended_at", "told_at", "number",
        "affected",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(concerned=Count("servers"))

    @admin.display(description=_("servers affected"), ordering="concerned")
    def number(self, incident: Any) -> int:
        return int(incident.concerned)

    @admin.display(description=_("what is wrong"))
    def what(self, incident: Incident) -> str:
        return failings.shown(incident.why)

    @admin.display(description=_("which ones"))
    def affected(self, incident: Incident) -> str:
        servers = incident.servers.select_related("owner").order_by("name", "pk")[:MOST_SHOWN]
        rows = [(server_link(each), each.owner.email if each.owner else "–") for each in servers]
        return format_html_join("", "<div>{} ({})</div>", rows)


class WindowForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = MaintenanceWindow
        fields = (*SCOPES, "starts_at", "ends_at", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("starts_at", "ends_at"):
            field = self.fields[name]
            parts = (gettext("%(what)s: date"), gettext("%(what)s: time"))
            # Of a day and a time in two fields each has its own name.
            for widget, words in zip(getattr(field.widget, "widgets", ()), parts, strict=False):
                widget.attrs["aria-label"] = capfirst(words % {"what": field.label})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if sum(cleaned.get(name) is not None for name in SCOPES) != 1:
            raise ValidationError(gettext("Choose a cluster, or a node, or a server."))
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and starts_at >= ends_at:
            self.add_error("ends_at", gettext("It must end after it starts."))
        return cleaned


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = WindowForm
    list_display = ("starts_at", "ends_at", "cluster", "node", "server", "note", "created_by")
    list_filter = ("cluster",)
    search_fields = ("note", "server__name", "node__name", "cluster__name")
    date_hierarchy = "starts_at"
    list_select_related = ("cluster", "node__cluster", "server", "created_by")
    raw_id_fields = ("server",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        maintenance.plan(obj, actor=Actor.of(request, Source.ADMIN), now=timezone.now())

    def delete_model(self, request: HttpRequest, obj: MaintenanceWindow) -> None:
        maintenance.cancel(obj, actor=Actor.of(request, Source.ADMIN), now=timezone.now())

    def delete_queryset(
        self, request: HttpRequest, queryset: "QuerySet[MaintenanceWindow]"
    ) -> None:
        for window in queryset:
            self.delete_model(request, window)
