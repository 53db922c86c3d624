"""Clusters and nodes on the staff site."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.admin import ReadOnly
from accounts.audit import Actor
from accounts.models import Source
from servers import registration, troubles
from servers.models import Cluster, ClusterEndpoint, ClusterToken, Node
from servers.proxmox.types import Endpoint
from servers.queue import enqueue
from servers.registration import Credentials, NotRegistered


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ClusterEndpoint
        fields = ("host", "port", "fingerprint", "position")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        host, port = cleaned.get("host"), cleaned.get("port")
        if not host or not port:
            return cleaned
        try:
            endpoint = registration.parse_endpoint(
                f"https://{Endpoint(host, port)}", cleaned.get("fingerprint", "")
            )
        except NotRegistered as error:
            raise ValidationError(troubles.shown(str(error))) from error
        return {**cleaned, "host": endpoint.host, "fingerprint": endpoint.fingerprint}


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """The secret goes in and never comes out: left empty, the stored one stays."""

    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text=_("Shown by Proxmox once. Leave empty to keep the one that is stored."),
    )

    class Meta:
        model = ClusterToken
        fields = ("purpose", "token_id", "secret")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        secret = cleaned.get("secret") or (self.instance.secret if self.instance.pk else "")
        try:
            registration.check_credentials(Credentials(cleaned.get("token_id", ""), secret))
        except NotRegistered as error:
            raise ValidationError(troubles.shown(str(error))) from error
        return {**cleaned, "secret": secret}


class EndpointInline(admin.StackedInline):  # type: ignore[type-arg]
    model = ClusterEndpoint
    form = EndpointForm
    extra = 0
    min_num = 1


class TokenInline(admin.StackedInline):  # type: ignore[type-arg]
    model = ClusterToken
    form = TokenForm
    extra = 0
    min_num = 1
    max_num = 3


class ClusterForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Cluster
        fields = ("name", "enabled", "ca_pem")

    def clean_ca_pem(self) -> str:
        try:
            return registration.check_ca(self.cleaned_data["ca_pem"])
        except NotRegistered as error:
            raise ValidationError(troubles.shown(str(error))) from error


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ClusterForm
    inlines = (EndpointInline, TokenInline)
    list_display = (
        "name", "health", "why", "age", "last_cycle_seconds", "servers_present", "version", "enabled",
    )  # fmt: skip
    search_fields = ("name", "endpoints__host")
    fieldsets = (
        (None, {"fields": ("name", "enabled", "ca_pem")}),
        (
            _("Health"),
            {
                "fields": (
                    "health", "why", "last_cycle_at", "last_cycle_seconds", "last_cycle_lag",
                    "overload_level", "overload_since", "failing_since", "next_cycle_at",
                    "version", "lacking",
                )
            },
        ),
    )  # fmt: skip
    readonly_fields = (
        "health", "why", "last_cycle_at", "last_cycle_seconds", "last_cycle_lag", "overload_level",
        "overload_since", "failing_since", "next_cycle_at", "version", "lacking",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        present = Count("servers", filter=Q(servers__present=True))
        return super().get_queryset(request).annotate(present=present)

    @admin.display(description=_("health"))
    def health(self, cluster: Cluster) -> str:
        if not cluster.enabled:
            return gettext("not polled")
        if cluster.failure:
            return str(cluster.get_failure_display())
        if cluster.is_stale(timezone.now()):
            return gettext("no fresh numbers")
        if cluster.warning:
            return gettext("warning")
        return gettext("overloaded") if cluster.overload_level else gettext("good")

    @admin.display(description=_("why"))
    def why(self, cluster: Cluster) -> str:
        return troubles.shown(cluster.failure_message or cluster.warning) or "–"

    @admin.display(description=_("last good cycle"), ordering="last_cycle_at")
    def age(self, cluster: Cluster) -> str:
        if cluster.last_cycle_at is None:
            return gettext("never")
        seconds = max(0, round((timezone.now() - cluster.last_cycle_at).total_seconds()))
        if seconds < 120:
            return ngettext("%(n)d second ago", "%(n)d seconds ago", seconds) % {"n": seconds}
        return gettext("%(time)s ago") % {"time": timesince(cluster.last_cycle_at)}

    @admin.display(description=_("servers"))
    def servers_present(self, cluster: Any) -> int:
        return int(cluster.present)

    @admin.display(description=_("missing privileges"))
    def lacking(self, cluster: Cluster) -> str:
        return ", ".join(cluster.missing_privileges) or "–"

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """A cluster with servers is not deleted but disabled: their history hangs on it."""
        if isinstance(obj, Cluster) and obj.servers.exists():
            return False
        return super().has_delete_permission(request, obj)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        cluster = form.instance
        Cluster.objects.filter(pk=cluster.pk).update(next_cycle_at=None)
        audit.record(
            "cluster.changed" if change else "cluster.added",
            actor=Actor.of(request, Source.ADMIN),
            now=timezone.now(),
            object_type="cluster",
            object_id=cluster.pk,
            details={"fields": [*form.changed_data, *changed_in(formsets)]},
        )
        enqueue("servers.check_cluster", cluster_id=cluster.pk)
        enqueue("monitoring.poll_cluster", cluster_id=cluster.pk)


def changed_in(formsets: Any) -> list[str]:
    """Names of changed fields alone: values may be secret."""
    return sorted({name for formset in formsets for form in formset for name in form.changed_data})


@admin.register(Node)
class NodeAdmin(ReadOnly):
    list_display = ("name", "cluster", "status", "load", "memory", "guests", "seen_at")
    list_filter = ("cluster", "status")
    search_fields = ("name",)
    list_select_related = ("cluster",)

    def get_queryset(self, request: HttpRequest) -> Any:
        present = Count("servers", filter=Q(servers__present=True))
        return super().get_queryset(request).annotate(present=present)

    @admin.display(description=_("CPU"), ordering="cpu")
    def load(self, node: Node) -> str:
        return "–" if node.cpu is None else f"{node.cpu:.0%}"

    @admin.display(description=_("memory"))
    def memory(self, node: Node) -> str:
        if node.memory_used is None or not node.memory_total:
            return "–"
        return f"{node.memory_used / node.memory_total:.0%} of {node.memory_total / 2**30:.0f} GiB"

    @admin.display(description=_("servers"))
    def guests(self, node: Any) -> int:
        return int(node.present)
