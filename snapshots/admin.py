"""All snapshots on the staff site, oldest first; their limits and schedules. Proxmox is not called."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.admin import ReadOnly
from accounts.audit import Actor
from accounts.codes import filter_by
from accounts.models import Source
from servers.access import MayNot
from servers.actions import Busy
from servers.models import Server
from snapshots import flow
from snapshots.flow import Impossible
from snapshots.models import ServerSnapshots, Snapshot, SnapshotSchedule
from snapshots.templatetags.snapshots import BROKEN, broken, kind, since

# So many refusals are told one by one.
MOST_TOLD = 10
BUCKETS = (
    ("14", _("older than 14 days")),
    ("30", _("older than 30 days")),
    ("90", _("older than 90 days")),
)


def server_link(server: Server) -> str:
    address = reverse("server-snapshots", args=[server.pk])
    return format_html('<a href="{}">{}</a>', address, server.name)


def owner_of(server: Server) -> str:
    return server.owner.email if server.owner else "–"


class Age(admin.SimpleListFilter):
    title = _("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(BUCKETS)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        days = self.value()
        if days not in dict(BUCKETS):
            return queryset
        return queryset.filter(taken_at__lt=timezone.now() - timedelta(days=int(str(days))))


class OfServer:
    """Columns of what belongs to a server."""

    @admin.display(description=_("server"), ordering="server__name")
    def server_link(self, row: Any) -> str:
        return server_link(row.server)

    @admin.display(description=_("owner"), ordering="server__owner__email")
    def owner(self, row: Any) -> str:
        return owner_of(row.server)

    @admin.display(description=_("cluster"), ordering="server__cluster__name")
    def cluster(self, row: Any) -> str:
        return str(row.server.cluster.name)


@admin.register(Snapshot)
class SnapshotAdmin(OfServer, ReadOnly):
    list_display = (
        "title", "server_link", "owner", "cluster", "origin", "taken_at", "age", "with_memory",
        "left", "expires_at", "doomed_at",
    )  # fmt: skip
    list_filter = (
        "server__cluster",
        "origin",
        Age,
        "with_memory",
        filter_by("state", _("state"), BROKEN),
    )
    search_fields = ("title", "name", "server__name", "server__guest_name", "server__owner__email")
    search_help_text = _("Title, name of the server, or mail address of its owner")
    ordering = (F("taken_at").asc(nulls_last=True), "pk")
    list_select_related = ("server__cluster", "server__owner")
    actions = ("delete_in_proxmox",)
    fields = (
        "title", "server_link", "owner", "cluster", "name", "description", "origin",
        "by_schedule", "asked_at", "taken_at", "with_memory", "parent", "left", "expires_at",
    )  # fmt: skip

    @admin.display(description=_("state"), ordering="state")
    def left(self, snapshot: Snapshot) -> str:
        return broken(snapshot) if snapshot.state else "–"

    @admin.display(description=_("schedule"))
    def by_schedule(self, snapshot: Snapshot) -> str:
        return kind(snapshot) or "–"

    @admin.display(description=_("age"), ordering="taken_at")
    def age(self, snapshot: Snapshot) -> str:
        return since(snapshot.taken_at) if snapshot.taken_at else gettext("being taken")

    def has_tidy_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("snapshots.delete_snapshot")

    @admin.action(description=_("Delete the selected snapshots"), permissions=["tidy"])
    def delete_in_proxmox(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> None:
        """Each by an action of its own: a server does one thing at a time, the others wait."""
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        launched = waiting = 0
        refused: list[str] = []
        for snapshot in queryset.select_related("server__cluster", "server__owner"):
            try:
                flow.delete(snapshot, actor=actor, now=now)
            except Busy:
                flow.doom(snapshot, actor=actor, now=now)
                waiting += 1
            except (Impossible, MayNot) as error:
                refused.append(f"{snapshot.server.name}: {error}")
            else:
                launched += 1
        if launched:
            said = ngettext(
                "%(n)d snapshot is being deleted.", "%(n)d snapshots are being deleted.", launched
            )
            self.message_user(request, said % {"n": launched}, messages.SUCCESS)
        if waiting:
            said = ngettext(
                "%(n)d waits until its server is free.", "%(n)d wait until their server is free.",
                waiting,
            )  # fmt: skip
            self.message_user(request, said % {"n": waiting}, messages.INFO)
        if refused:
            self.message_user(request, told(refused), messages.WARNING)


def told(refused: list[str]) -> str:
    """What was not done, each server with its reason and how often."""
    said = [f"{why} ({n})" if n > 1 else why for why, n in Counter(refused).items()]
    more = len(said) - MOST_TOLD
    rest = [gettext("and %(n)d more") % {"n": more}] if more > 0 else []
    return gettext("Not now: %(what)s") % {"what": " · ".join([*said[:MOST_TOLD], *rest])}


@admin.register(ServerSnapshots)
class ServerSnapshotsAdmin(OfServer, admin.ModelAdmin):  # type: ignore[type-arg]
    """Limits are the staff's; the rest is what Proxmox says."""

    list_display = (
        "server_link", "owner", "cluster", "count", "limit", "limit_days", "can_take",
        "newest_only", "looked_at",
    )  # fmt: skip
    list_display_links = ("count",)
    list_filter = ("can_take", "newest_only", "server__cluster")
    search_fields = ("server__name", "server__guest_name", "server__owner__email")
    search_help_text = _("Name of the server, or mail address of its owner")
    list_select_related = ("server__cluster", "server__owner")
    ordering = ("server__name", "pk")
    fields = (
        "server_link", "owner", "cluster", "most", "most_days", "can_take", "obstacles",
        "newest_only", "memory_obstacle", "checked_at", "looked_at", "next_look_at",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name not in ("most", "most_days"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(held=Count("server__snapshots"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("snapshots"), ordering="held")
    def count(self, row: Any) -> int:
        return int(row.held)

    @admin.display(description=_("at most"))
    def limit(self, row: ServerSnapshots) -> int:
        return row.limit

    @admin.display(description=_("days at most"))
    def limit_days(self, row: ServerSnapshots) -> str:
        return str(row.limit_days or "–")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The limits alone, as a worker may be writing the rest; with a note in the log."""
        limits = {name: getattr(obj, name) for name in ("most", "most_days")}
        ServerSnapshots.objects.filter(pk=obj.pk).update(**limits)
        audit.record(
            "snapshot_limits.set",
            actor=Actor.of(request, Source.ADMIN),
            now=timezone.now(),
            object_type="server",
            object_id=obj.pk,
            details=limits,
        )


@admin.register(SnapshotSchedule)
class SnapshotScheduleAdmin(OfServer, ReadOnly):
    list_display = (
        "server_link", "owner", "cluster", "kind", "at", "time_zone", "keep", "enabled",
        "next_run_at", "last_run_at", "last_error",
    )  # fmt: skip
    list_display_links = ("kind",)
    list_filter = (
        ("last_error", admin.EmptyFieldListFilter),
        "kind",
        "enabled",
        "server__cluster",
    )
    search_fields = ("server__name", "server__guest_name", "server__owner__email")
    search_help_text = _("Name of the server, or mail address of its owner")
    list_select_related = ("server__cluster", "server__owner")
    ordering = ("server__name", "kind", "pk")
    fields = (
        "server_link", "owner", "cluster", "kind", "at", "weekday", "time_zone", "keep",
        "enabled", "next_run_at", "last_run_at", "last_error",
    )  # fmt: skip

    @admin.display(description=_("at"))
    def at(self, schedule: SnapshotSchedule) -> str:
        if schedule.kind == SnapshotSchedule.Kind.HOURLY:
            return f"…:{schedule.minute:02}"
        return f"{schedule.hour:02}:{schedule.minute:02}"
