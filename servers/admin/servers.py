"""Servers, their owners, labels and notes on the staff site."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.audit import Actor
from accounts.models import Source, User
from servers import labels, ownership
from servers.models import Server


class AssignForm(forms.Form):
    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True),
        required=False,
        label=_("Owner"),
        empty_label=_("nobody"),
    )


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
            return queryset.filter(owner__isnull=self.value() == "no")
        return queryset


# What staff may write; everything else is what Proxmox says.
WRITTEN = ("name", "owner", "labels", "notes", "protected")


@admin.register(Server)
class ServerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ServerForm
    list_display = (
        "name", "owner", "status", "kind", "vmid", "guest_name", "node", "cpu", "memory",
    )  # fmt: skip
    list_filter = ("status", Owned, "protected", "kind", "cluster", "node")
    search_fields = (
        "name",
        "guest_name",
        "vmid",
        "owner__email",
        "tags",
        "labels__key",
        "labels__value",
    )
    list_select_related = ("owner", "cluster", "node__cluster", "last_sample")
    autocomplete_fields = ("owner",)
    actions = ("assign_owner",)
    fields = (
        "name", "owner", "labels", "notes", "protected", "kind", "cluster", "node", "vmid", "guest_name", "status", "status_since",
        "lock", "tags", "cpus", "identity", "missing_since", "created_at", "gone_at",
    )  # fmt: skip
    readonly_fields = tuple(name for name in fields if name not in WRITTEN)

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
    def assign_owner(
        self, request: HttpRequest, queryset: QuerySet[Server]
    ) -> HttpResponse | None:
        form = AssignForm(request.POST if "assign" in request.POST else None)
        if form.is_valid():
            changed = ownership.assign(
                queryset,
                form.cleaned_data["owner"],
                actor=Actor.of(request, Source.ADMIN),
                now=timezone.now(),
            )
            said = ngettext("%(n)d server changed hands.", "%(n)d servers changed hands.", changed)
            self.message_user(request, said % {"n": changed}, messages.SUCCESS)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Assign an owner"),
            "opts": self.model._meta,
            "form": form,
            "servers": queryset,
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return render(request, "admin/servers/assign_owner.html", context)
