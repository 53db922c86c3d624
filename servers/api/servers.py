"""servers/ and servers/{id}/"""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.filters import OrderingFilter

from servers.live import metrics_of
from servers.models import Server


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
    metrics = serializers.SerializerMethodField()

    class Meta:
        model = Server
        fields = ["id", "name", "kind", "status", "status_since", "lock", "cpus", "metrics"]
        read_only_fields = fields

    @extend_schema_field(MetricsSerializer(allow_null=True))
    def get_metrics(self, server: Server) -> dict[str, object] | None:
        return metrics_of(getattr(server, "last_sample", None))


class IdsFilter(filters.BaseInFilter, filters.NumberFilter):
    pass


class ServerFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=Server.Status.choices)
    kind = filters.ChoiceFilter(choices=Server.Kind.choices)
    name = filters.CharFilter(lookup_expr="icontains", max_length=128)
    id = IdsFilter(
        lookup_expr="in", min_value=1, max_value=2**63 - 1, help_text="One or several, by commas"
    )

    class Meta:
        model = Server
        fields = ["status", "kind", "name", "id"]


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
        return Server.objects.visible_to(self.request.user).select_related("last_sample")


class ServerList(ServerViews, generics.ListAPIView[Server]):
    filterset_class = ServerFilter
    filter_backends = [filters.DjangoFilterBackend, NamedOrdering]
    ordering_fields = ["name", "status", "status_since", "cpu", "memory_used", "id"]

    @extend_schema(operation_id="servers_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Your servers with their last sample; staff see all."""
        return super().get(request, *args, **kwargs)


class ServerDetail(ServerViews, generics.RetrieveAPIView[Server]):
    @extend_schema(operation_id="servers_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One server with its last sample."""
        return super().get(request, *args, **kwargs)
