"""servers/ and servers/{id}/"""

from datetime import UTC, datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from servers import addresses, labels, operations, ownership
from servers.access import server_for
from servers.api import rows
from servers.api.actions import (
    KEY_HEADER,
    REFUSALS,
    ActionSerializer,
    DeleteSerializer,
    actor_of,
    answer_once,
    answered_before,
)
from servers.live import metrics_of
from servers.models import Action, Server, ServerQuerySet

LONGEST_NOTES = 10_000


class SourcesSerializer(serializers.Serializer[dict[str, str | None]]):
    cpu = serializers.CharField(allow_null=True, help_text="host")
    memory = serializers.CharField(allow_null=True, help_text="host or guest")
    disk = serializers.CharField(allow_null=True, help_text="host or agent")


class MetricsSerializer(serializers.Serializer[dict[str, object]]):
    """Bytes, bytes per second, seconds; `cpu` from 0 to 1; null where not known."""

    taken_at = serializers.IntegerField(help_text="Unix seconds")
    cpu = serializers.FloatField(allow_null=True)
    memory_used = serializers.IntegerField(allow_null=True)
    memory_total = serializers.IntegerField(allow_null=True)
    disk_used = serializers.IntegerField(allow_null=True)
    disk_total = serializers.IntegerField(allow_null=True)
    network_in = serializers.FloatField(allow_null=True)
    network_out = serializers.FloatField(allow_null=True)
    disk_read = serializers.FloatField(allow_null=True)
    disk_write = serializers.FloatField(allow_null=True)
    uptime = serializers.IntegerField(allow_null=True)
    disk_measured_at = serializers.IntegerField(
        allow_null=True, help_text="Unix seconds; the guest agent is asked less often"
    )
    sources = SourcesSerializer()


class ServerSerializer(serializers.ModelSerializer[Server]):
    labels = serializers.SerializerMethodField()
    addresses = serializers.SerializerMethodField(
        help_text="As its guest last told them, the best to reach it by first"
    )
    action = serializers.SerializerMethodField()
    metrics = serializers.SerializerMethodField()

    class Meta:
        model = Server
        fields = [
            "id", "name", "kind", "status", "status_since", "lock", "cpus", "labels", "addresses",
            "notes",
            "protected", "action", "metrics",
        ]  # fmt: skip
        read_only_fields = fields

    def get_labels(self, server: Server) -> dict[str, str]:
        return {label.key: label.value for label in server.labels.all()}

    def get_addresses(self, server: Server) -> list[str]:
        return [each.address for each in server.addresses.all()]

    @extend_schema_field(ActionSerializer(allow_null=True))
    def get_action(self, server: Server) -> dict[str, object] | None:
        active: list[Action] = getattr(server, "active_actions", [])
        return ActionSerializer(active[0], context=self.context).data if active else None

    @extend_schema_field(MetricsSerializer(allow_null=True))
    def get_metrics(self, server: Server) -> dict[str, object] | None:
        return metrics_of(getattr(server, "last_sample", None))


class ChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """What is not named stays as it is."""

    name = serializers.CharField(max_length=128, required=False)
    notes = serializers.CharField(
        max_length=LONGEST_NOTES, required=False, allow_blank=True, trim_whitespace=False
    )
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=63),
        required=False,
        help_text="All of them: those that are not named are taken off",
    )
    protected = serializers.BooleanField(required=False)

    def validate_labels(self, value: dict[str, str]) -> dict[str, str]:
        try:
            labels.check_all(value)
        except labels.BadLabel as error:
            raise serializers.ValidationError(str(error)) from error
        return value


class IdsFilter(filters.BaseInFilter, filters.NumberFilter):
    pass


class ServerFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Server.Status.choices)
    kind = filters.ChoiceFilter(choices=Server.Kind.choices)
    name = filters.CharFilter(lookup_expr="icontains", max_length=128)
    id = IdsFilter(
        lookup_expr="in", min_value=1, max_value=2**63 - 1, help_text="One or several, by commas"
    )

    label = filters.CharFilter(method="labelled", max_length=127, help_text="`env`, or `env=prod`")

    address = filters.CharFilter(
        method="addressed",
        max_length=39,
        help_text="An IP address, or a part of one: `198.51.100.`",
    )

    class Meta:
        model = Server
        fields = ["status", "kind", "name", "id", "label", "address"]

    def addressed(self, queryset: ServerQuerySet, name: str, value: str) -> ServerQuerySet:
        if not addresses.PART_OF_ADDRESS.fullmatch(value):
            raise serializers.ValidationError(
                {"address": [_("This is no part of an IP address.")]}
            )
        return queryset.filter(pk__in=addresses.having(value).values("server_id"))

    def labelled(self, queryset: ServerQuerySet, name: str, value: str) -> ServerQuerySet:
        try:
            return labels.labelled(queryset, value)
        except labels.BadLabel as error:
            raise serializers.ValidationError({"label": [str(error)]}) from error


class FilteredIfAsked(filters.DjangoFilterBackend):
    """A set of filters is made anew for each request, forms and all: not where none is asked for."""

    def filter_queryset(self, request, queryset, view):  # type: ignore[no-untyped-def]
        if not ServerFilter.base_filters.keys() & request.query_params.keys():
            return queryset
        return super().filter_queryset(request, queryset, view)


class NamedOrdering(OrderingFilter):
    """`ordering=-cpu`: the metrics by their own names; the id makes every order total."""

    names = {"cpu": "last_sample__cpu", "memory_used": "last_sample__memory_used"}

    def get_ordering(self, request, queryset, view):  # type: ignore[no-untyped-def]
        chosen = super().get_ordering(request, queryset, view) or ["name"]
        named = [
            ("-" if term.startswith("-") else "")
            + self.names.get(term.lstrip("-"), term.lstrip("-"))
            for term in chosen
        ]
        return [*named, "id"]


class ServerViews(generics.GenericAPIView[Server]):
    serializer_class = ServerSerializer

    def get_queryset(self) -> QuerySet[Server]:
        active = Action.objects.unfinished().select_related("server__cluster", "server__owner")
        return (
            Server.objects.visible_to(self.request.user)
            .select_related("last_sample")
            .prefetch_related(
                "labels", "addresses", Prefetch("actions", active, to_attr="active_actions")
            )
        )


class ServerList(ServerViews, generics.ListAPIView[Server]):
    filterset_class = ServerFilter
    filter_backends = [FilteredIfAsked, NamedOrdering]
    ordering_fields = ["name", "status", "status_since", "cpu", "memory_used", "id"]

    @extend_schema(operation_id="servers_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Your servers with their last sample; staff see all."""
        found = self.filter_queryset(rows.columns().visible_to(request.user))
        page: list[Any] = self.paginate_queryset(found) or []
        return self.get_paginated_response(rows.listed(page, self.get_serializer_context()))


class ServerDetail(ServerViews, generics.RetrieveAPIView[Server]):
    @extend_schema(operation_id="servers_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One server with its last sample."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="servers_update", request=ChangesSerializer, responses={200: ServerSerializer}
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Rename it, write notes, label it, protect it. Its name in Proxmox stays."""
        server = server_for(request.user, pk)
        form = ChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        ownership.describe(
            server, form.validated_data, actor=actor_of(request), now=datetime.now(UTC)
        )
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="servers_destroy",
        request=DeleteSerializer,
        parameters=[KEY_HEADER],
        responses={
            202: ActionSerializer,
            403: OpenApiResponse(description="Deleting is the staff's here"),
            **REFUSALS,
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Delete the server with its disks, for good."""
        try:
            server = server_for(request.user, pk)
        except Server.DoesNotExist:
            # It may be gone because of this very request, whose answer was lost.
            if (before := answered_before(request)) is not None:
                return before
            raise
        form = DeleteSerializer(data=request.data)
        form.is_valid(raise_exception=True)

        def act() -> idempotency.Reply:
            action = operations.delete(
                server, **form.validated_data, actor=actor_of(request), now=datetime.now(UTC)
            )
            return 202, ActionSerializer(action, context={"request": request}).data

        return answer_once(request, act)
