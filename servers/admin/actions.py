"""What was done to servers, and who had which console open: to be read, never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from servers import action_words
from servers.models import Action, ConsoleSession


class ByStaff(admin.SimpleListFilter):
    title = _("who")
    parameter_name = "staff"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("staff")), ("no", _("customers"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("yes", "no"):
            return queryset.filter(by_staff=self.value() == "yes")
        return queryset


@admin.register(Action)
class ActionAdmin(ReadOnly):
    list_display = (
        "requested_at", "what", "status", "server_link", "who", "source", "took", "error_code",
        "cluster",
    )  # fmt: skip
    list_filter = ("status", "type", "source", ByStaff, "server__cluster")
    search_fields = ("requested_by_email", "server__name", "server__guest_name", "upid")
    search_help_text = _("Mail address of the person, name of the server, or UPID")
    date_hierarchy = "requested_at"
    list_select_related = ("server__cluster",)
    # Counting all of a table that grows for years would cost more than the page.
    show_full_result_count = False
    fields = (
        "server_link", "cluster", "what", "parameters", "status", "result", "error_code",
        "error_message", "warnings", "who", "by_staff", "source", "requested_at", "started_at",
        "finished_at", "deadline", "node", "upid", "step", "steps", "log",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("server__cluster")

    @admin.display(description=_("action"), ordering="type")
    def what(self, action: Action) -> str:
        return action_words.label(action.type)

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, action: Action) -> str:
        address = reverse("server-detail", args=[action.server_id])
        return format_html('<a href="{}">{}</a>', address, action.server.name)

    @admin.display(description=_("cluster"), ordering="server__cluster__name")
    def cluster(self, action: Action) -> str:
        return action.server.cluster.name

    @admin.display(description=_("person"), ordering="requested_by_email")
    def who(self, action: Action) -> str:
        return action.requested_by_email or "–"

    @admin.display(description=_("took (s)"))
    def took(self, action: Action) -> str:
        if action.finished_at is None:
            return "–"
        return f"{(action.finished_at - action.requested_at).total_seconds():.0f}"

    @admin.display(description=_("result"))
    def result(self, action: Action) -> str:
        return action_words.sentence(action)


@admin.register(ConsoleSession)
class ConsoleSessionAdmin(ReadOnly):
    list_display = (
        "created_at", "user", "server_link", "kind", "source", "address", "opened_at", "closed_at",
        "close_reason",
    )  # fmt: skip
    list_filter = ("kind", "source", "close_reason", "server__cluster")
    search_fields = ("user__email", "server__name")
    date_hierarchy = "created_at"
    list_select_related = ("user", "server")
    # The ticket's hash and what a session hangs on are nobody's business.
    fields = (
        "server_link", "user", "kind", "source", "address", "created_at", "opened_at", "closed_at",
        "close_reason",
    )  # fmt: skip

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, session: ConsoleSession) -> str:
        address = reverse("server-detail", args=[session.server_id])
        return format_html('<a href="{}">{}</a>', address, session.server.name)
