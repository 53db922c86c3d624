"""What was done to servers, and who had which console open: to be read, never changed."""

from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.codes import facts, filter_by
from accounts.exports import Column, Exporting
from servers import action_words, console_ends
from servers.models import Action, ConsoleRequest, ConsoleSession

# How a console ended, by the reason that is stored.
ENDS = {
    end.reason: gettext_lazy(end.message)
    for end in vars(console_ends).values()
    if isinstance(end, console_ends.End)
}


class ByStaff(admin.SimpleListFilter):
    title = _("who")
    parameter_name = "staff"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("staff")), ("no", _("customers"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("yes", "no"):
            return queryset.filter(by_staff=self.value() == "yes")
        return queryset


class Ended(admin.SimpleListFilter):
    """As the start page counts them."""

    title = _("how it ended")
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("badly", _("failed or lost, in the last 24 hours"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "badly":
            return queryset
        return queryset & Action.objects.ended_badly(timezone.now())


@admin.register(Action)
class ActionAdmin(Exporting, ReadOnly):
    list_display = (
        "requested_at", "what", "status", "server_link", "who", "source", "took", "result",
        "cluster",
    )  # fmt: skip
    list_filter = (
        Ended, "status", filter_by("type", _("action"), action_words.LABELS), "source", ByStaff,
        "server__cluster",
    )  # fmt: skip
    search_fields = ("requested_by_email", "server__name", "server__guest_name", "upid")
    search_help_text = _("Mail address of the person, name of the server, or UPID")
    date_hierarchy = "requested_at"
    list_select_related = ("server__cluster",)
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("requested_at", _("requested at"), attrgetter("requested_at")),
        Column("started_at", _("started at"), attrgetter("started_at")),
        Column("finished_at", _("finished at"), attrgetter("finished_at")),
        Column("type", _("action"), attrgetter("type")),
        Column("status", _("status"), lambda action: action.get_status_display()),
        Column("result", _("result"), action_words.sentence),
        Column("error_code", _("error"), attrgetter("error_code")),
        Column("error_message", _("why"), attrgetter("error_message")),
        Column("server_id", _("number of the server"), attrgetter("server_id")),
        Column("server", _("server"), attrgetter("server.name")),
        Column("cluster", _("cluster"), attrgetter("server.cluster.name")),
        Column("node", _("node"), attrgetter("node")),
        Column("upid", _("task"), attrgetter("upid")),
        Column("person", _("person"), attrgetter("requested_by_email")),
        Column("by_staff", _("by staff"), attrgetter("by_staff")),
        Column("source", _("source"), lambda action: action.get_source_display()),
    )
    # Counting all of a table that grows for years would cost more than the page.
    show_full_result_count = False
    fields = (
        "server_link", "cluster", "what", "wish", "status", "result", "code", "words", "warnings",
        "who", "by_staff", "source", "requested_at", "started_at", "finished_at", "deadline", "node",
        "upid", "present", "past", "last_lines",
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

    @admin.display(description=_("parameters"))
    def wish(self, action: Action) -> str:
        return facts(action.parameters)

    @admin.display(description=_("error"))
    def code(self, action: Action) -> str:
        return facts(action.error_code)

    @admin.display(description=_("why"))
    def words(self, action: Action) -> str:
        return facts(action.error_message)

    @admin.display(description=_("step"))
    def present(self, action: Action) -> str:
        return facts(action.step)

    @admin.display(description=_("steps"))
    def past(self, action: Action) -> str:
        return facts(action.steps)

    @admin.display(description=_("last lines of the task"))
    def last_lines(self, action: Action) -> str:
        return facts(action.log)


@admin.register(ConsoleSession)
class ConsoleSessionAdmin(ReadOnly):
    list_display = (
        "created_at", "user", "staff", "server_link", "kind", "source", "address", "opened_at",
        "closed_at", "ended",
    )  # fmt: skip
    list_filter = (
        "kind", "source", filter_by("close_reason", _("why it ended"), ENDS), "server__cluster",
    )  # fmt: skip
    search_fields = ("user__email", "staff__email", "server__name")
    date_hierarchy = "created_at"
    list_select_related = ("user", "staff", "server")
    # The ticket's hash and what a session hangs on are nobody's business.
    fields = (
        "server_link", "user", "staff", "kind", "source", "address", "created_at", "opened_at",
        "closed_at", "ended",
    )  # fmt: skip

    @admin.display(description=_("why it ended"), ordering="close_reason")
    def ended(self, session: ConsoleSession) -> str:
        return str(ENDS.get(session.close_reason, session.close_reason))

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, session: ConsoleSession) -> str:
        address = reverse("server-detail", args=[session.server_id])
        return format_html('<a href="{}">{}</a>', address, session.server.name)


@admin.register(ConsoleRequest)
class ConsoleRequestAdmin(ReadOnly):
    list_display = (
        "asked_at", "asked_by_email", "server_link", "reason", "answer", "answered_at", "until",
    )  # fmt: skip
    list_filter = ("open", "answer")
    search_fields = ("asked_by_email", "server__name", "reason")
    date_hierarchy = "asked_at"
    list_select_related = ("server",)
    fields = (
        "server_link", "asked_by", "asked_by_email", "reason", "asked_at", "answer",
        "answered_by", "answered_at", "until",
    )  # fmt: skip

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, asked: ConsoleRequest) -> str:
        address = reverse("server-console-requests", args=[asked.server_id])
        return format_html('<a href="{}">{}</a>', address, asked.server.name)
