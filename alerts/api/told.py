"""notifications/ and notifications/{id}/: what one was told, and how that went."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers

from alerts.models import DeliveryAttempt, Notification


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    class Meta:
        model = Notification
        fields = [
            "id", "kind", "channel", "channel_kind", "address", "subject", "server", "status",
            "attempts", "created_at", "next_attempt_at", "sent_at", "answer", "error",
        ]  # fmt: skip
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ["began_at", "ended_at", "outcome", "answer"]
        read_only_fields = fields


class ToldSerializer(NotificationSerializer):
    """With its text, the alerts it tells of, and each attempt with what was answered."""

    alerts = serializers.PrimaryKeyRelatedField(many=True, read_only=True)  # type: ignore[var-annotated]
    log = AttemptSerializer(many=True, read_only=True)

    class Meta(NotificationSerializer.Meta):
        fields = [*NotificationSerializer.Meta.fields, "body", "alerts", "log"]
        read_only_fields = fields


class NotificationFilter(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=Notification.Kind.choices)
    status = filters.MultipleChoiceFilter(choices=Notification.Status.choices)

    class Meta:
        model = Notification
        fields = ["kind", "status"]


class NotificationViews(generics.GenericAPIView[Notification]):
    serializer_class: type[NotificationSerializer] = NotificationSerializer
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = NotificationFilter

    def get_queryset(self) -> QuerySet[Notification]:
        """One's own: staff, too, read those of others in the delivery log alone."""
        if not self.request.user.is_authenticated:
            return Notification.objects.none()
        return Notification.objects.filter(recipient=self.request.user).order_by(
            "-created_at", "-pk"
        )


class NotificationList(NotificationViews, generics.ListAPIView[Notification]):
    @extend_schema(operation_id="notifications_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """What you were told, the latest first."""
        return super().get(request, *args, **kwargs)


class NotificationDetail(NotificationViews, generics.RetrieveAPIView[Notification]):
    serializer_class = ToldSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[Notification]:
        return super().get_queryset().prefetch_related("alerts", "log")

    @extend_schema(operation_id="notifications_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One message, with each attempt to get it through."""
        return super().get(request, *args, **kwargs)
