"""Servers, their owners, labels and notes on the staff site."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import Actor
from accounts.exports import Column, Exporting
from accounts.models import Source
from servers import action_words, labels, ownership
from servers.admin.assigning import AssignForm, assign, confirm
from servers.models import Server


class ServerForm(forms.ModelForm):  # type: ignore[type-arg]
    labels = forms.CharField(
        label=_("Labels"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line: a key, or key=value, such as env=prod."),
    )

    class Meta:
        model = Server
        fields = ("name", "owner", "notes", "protected")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            borne = self.instance.labels.all()
            self.fields["labels"].initial = "\n".join(str(label) for label in borne)

    def clean_labels(self) -> dict[str, str]:
        try:
            return labels.parse_all(self.cleaned_data["labels"].replace("\r", ""))
        except labels.BadLabel as error:
            raise forms.ValidationError(str(error)) from error


class Owned(admin.SimpleListFilter):
    title = _("owner")
    parameter_name = "owned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("without owner")), ("yes", _("with owner"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("yes", "no"):
            found = queryset.filter(owner__isnull=self.value() == "no")
            # What does not exist any more needs no owner.
            return found.filter(present=True) if self.value() == "no" else found
        return queryset


class Numbers(admin.SimpleListFilter):
    """As the start page counts them."""

    title = _("numbers")
    parameter_name = "numbers"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("stale", _("stale, while it runs"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "stale":
            return queryset
        return queryset.filter(pk__in=Server.objects.stale(timezone.now()).values("pk"))


def of_sample(name: str) -> Callable[[Server], object]:
    """A value of the last sample; None where there is none."""
    return lambda server: getattr(getattr(server, "last_sample", None), name, None)


# What staff may write; everything else is what Proxmox says.
WRITTEN = ("name", "owner", "labels", "notes", "protected")


@admin.register(Server)
class ServerAdmin(Exporting):
    form = ServerForm
    list_display = (
        "name", "owner", "status", "kind", "vmid", "guest_name", "node", "cpu", "memory",
    )  # fmt: skip
    list_filter = ("status", Owned, Numbers, "protected", "kind", "cluster", "node")
    search_fields = (
        "name",
        "guest_name",
        "vmid",
        "owner__email",
        "tags",
        "labels__key",
        "labels__value",
        "addresses__address",
    )
    search_help_text = _("Name, IP address, VMID, label, or mail address of the owner")
    change_form_template = "admin/servers/server.html"
    export_columns = (
        Column("id", _("number"), attrgetter("pk")),
        Column("name", _("name"), attrgetter("name")),
        Column("owner", _("owner"), lambda s: s.owner.email if s.owner else None),
        Column("status", _("status"), lambda s: s.get_status_display()),
        Column("status_since", _("status since"), attrgetter("status_since")),
        Column("kind", _("kind"), lambda s: s.get_kind_display()),
        Column("cluster", _("cluster"), attrgetter("cluster.name")),
        Column("node", _("node"), lambda s: s.node.name if s.node else None),
        Column("vmid", _("VMID"), attrgetter("vmid")),
        Column("guest_name", _("name in Proxmox"), attrgetter("guest_name")),
        Column("identity", _("identity"), attrgetter("identity")),
        Column("cpus", _("vCPUs"), attrgetter("cpus")),
        Column("memory_bytes", _("memory, bytes"), of_sample("memory_total")),
        Column("disk_bytes", _("disk, bytes"), of_sample("disk_total")),
        Column("addresses", _("addresses"), lambda s: [a.address for a in s.addresses.all()]),
        Column("labels", _("labels"), lambda s: [str(label) for label in s.labels.all()]),
        Column("protected", _("protected"), attrgetter("protected")),
        Column("created_at", _("first seen"), attrgetter("created_at")),
        Column("gone_at", _("gone at"), attrgetter("gone_at")),
    )
    list_select_related = ("owner", "cluster", "node__cluster", "last_sample")
    autocomplete_fields = ("owner",)
    actions = ("assign_owner",)
    fields = (
        "name", "owner", "labels", "notes", "protected", "kind", "cluster", "node", "vmid", "guest_name", "status", "status_since",
        "locked", "tags", "cpus", "identity", "missing_since", "created_at", "gone_at",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name not in WRITTEN)

    @admin.display(description=_("lock"))
    def locked(self, server: Server) -> str:
        return action_words.lock_name(server.lock) or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("CPU"), ordering="last_sample__cpu")
    def cpu(self, server: Server) -> str:
        sample = getattr(server, "last_sample", None)
        return "–" if sample is None or sample.cpu is None else f"{sample.cpu:.0%}"

    @admin.display(description=_("memory"), ordering="last_sample__memory_used")
    def memory(self, server: Server) -> str:
        sample = getattr(server, "last_sample", None)
        if sample is None or sample.memory_used is None or not sample.memory_total:
            return "–"
        return f"{sample.memory_used / sample.memory_total:.0%}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Each goes through its own flow, so that it is recorded and live sockets follow."""
        stored = Server.objects.get(pk=obj.pk)
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        ownership.assign([stored], obj.owner, actor=actor, now=now)
        changed = {name: form.cleaned_data[name] for name in form.changed_data if name != "owner"}
        ownership.describe(stored, changed, actor=actor, now=now)

    @admin.action(description=_("Assign an owner…"), permissions=["change"])
    def assign_owner(self, request: HttpRequest, queryset: QuerySet[Server]) -> HttpResponse:
        form = AssignForm(request.POST if "assign" in request.POST else None)
        return confirm(request, queryset, form, action="assign_owner")

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(assign)
        return [path("assign/", page, name="servers_server_assign"), *super().get_urls()]

    def for_export(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.select_related("owner", "cluster", "node", "last_sample").prefetch_related(
            "labels", "addresses"
        )
