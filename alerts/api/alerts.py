"""alerts/, alerts/{id}/, alerts/{id}/acknowledge/, alerts/{id}/explanation/, alert-mutes/"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import idempotency
from alerts import episodes, mutes, rules
from alerts.api.facts import ExplanationSerializer, explanation_json
from alerts.api.rules import LARGEST_ID, person_of
from alerts.events import alert_json
from alerts.explain import explain_alert
from alerts.models import Alert, AlertQuerySet, AlertRule, Metric, Mute, Severity
from servers.access import server_for
from servers.api.actions import KEY_HEADER, actor_of, answer_once, in_some_year
from servers.models import Server
from servers.operations import Invalid


class AlertSerializer(serializers.Serializer[Alert]):
    """One episode of a rule on a server, with the terms it fired under. Fractions from 0 to 1,
    bytes per second, seconds."""

    id = serializers.IntegerField()
    server = serializers.IntegerField()
    rule = serializers.IntegerField(allow_null=True, help_text="null: deleted meanwhile")
    kind = serializers.ChoiceField(choices=Alert.Kind.choices)
    metric = serializers.ChoiceField(choices=Metric.choices)
    mountpoint = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    condition = serializers.ChoiceField(choices=AlertRule.Condition.choices)
    threshold = serializers.FloatField(allow_null=True)
    clear_at = serializers.FloatField(allow_null=True)
    duration = serializers.IntegerField()
    state = serializers.ChoiceField(choices=[("firing", "firing"), ("ended", "ended")])
    since = serializers.DateTimeField(help_text="When it crossed")
    fired_at = serializers.DateTimeField(help_text="When that had held for long enough")
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.ChoiceField(choices=[("", ""), *Alert.End.choices])
    value = serializers.FloatField(allow_null=True, help_text="When it fired")
    end_value = serializers.FloatField(allow_null=True)
    detail = serializers.CharField(help_text="Which file system, or what failed")
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    found_later = serializers.BooleanField(
        help_text="Found in Proxmox's history after the panel had been away"
    )

    def to_representation(self, instance: Alert) -> dict[str, Any]:
        return alert_json(instance)


class AlertFilter(filters.FilterSet):
    state = filters.ChoiceFilter(
        method="in_state", choices=[("firing", "firing"), ("ended", "ended")]
    )
    server = filters.NumberFilter(min_value=1, max_value=LARGEST_ID)
    rule = filters.NumberFilter(min_value=1, max_value=LARGEST_ID)
    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    metric = filters.MultipleChoiceFilter(choices=Metric.choices)
    acknowledged = filters.BooleanFilter(
        field_name="acknowledged_at", lookup_expr="isnull", exclude=True
    )
    since = filters.IsoDateTimeFilter(
        field_name="fired_at", lookup_expr="gte", validators=[in_some_year]
    )
    until = filters.IsoDateTimeFilter(
        field_name="fired_at", lookup_expr="lte", validators=[in_some_year]
    )

    class Meta:
        model = Alert
        fields = [
            "state", "server", "rule", "severity", "metric", "acknowledged", "since", "until"
        ]  # fmt: skip

    def in_state(self, queryset: AlertQuerySet, name: str, value: str) -> AlertQuerySet:
        return queryset.firing() if value == "firing" else queryset.filter(active=None)


class AlertViews(generics.GenericAPIView[Alert]):
    serializer_class = AlertSerializer
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = AlertFilter

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.visible_to(self.request.user).order_by("-fired_at", "-pk")


class AlertList(AlertViews, generics.ListAPIView[Alert]):
    @extend_schema(operation_id="alerts_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Alerts of your servers, the latest first; staff see everybody's."""
        return super().get(request, *args, **kwargs)


class AlertDetail(AlertViews, generics.RetrieveAPIView[Alert]):
    filter_backends = []

    @extend_schema(operation_id="alerts_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One alert."""
        return super().get(request, *args, **kwargs)


def alert_for(request: Request, alert_id: int) -> Alert:
    """The alert if this person may see it, else Alert.DoesNotExist, which is a 404."""
    visible = Alert.objects.visible_to(request.user)
    return visible.select_related("rule", "server", "incident").get(pk=alert_id)


Mark = Callable[..., bool]


class AlertAcknowledgement(APIView):
    @extend_schema(
        operation_id="alerts_acknowledge",
        request=None,
        parameters=[KEY_HEADER],
        responses={200: AlertSerializer, 422: OpenApiResponse(description="It is over")},
    )
    def post(self, request: Request, pk: int) -> Response:
        """You have seen it and are at it: no reminders any more."""
        return answer_once(request, lambda: (200, marked(request, pk, episodes.acknowledge)))

    @extend_schema(
        operation_id="alerts_acknowledge_destroy",
        responses={200: AlertSerializer, 422: OpenApiResponse(description="It is over")},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Take it back."""
        return Response(marked(request, pk, episodes.unacknowledge))


def marked(request: Request, alert_id: int, mark: Mark) -> dict[str, Any]:
    alert = alert_for(request, alert_id)
    if not alert.may_be_marked_by(person_of(request)):
        raise PermissionDenied
    if not mark(alert, actor=actor_of(request), now=datetime.now(UTC)):
        alert.refresh_from_db()
        if not alert.active:
            raise episodes.Over
    return alert_json(alert)


class AlertExplanation(APIView):
    @extend_schema(operation_id="alerts_explanation", responses={200: ExplanationSerializer})
    def get(self, request: Request, pk: int) -> Response:
        """Which samples crossed when, what was told or held back and why, and what comes next."""
        alert = alert_for(request, pk)
        found = explain_alert(alert, person=person_of(request), now=datetime.now(UTC))
        return Response(explanation_json(found))


# Mutes


class MuteSerializer(serializers.ModelSerializer[Mute]):
    class Meta:
        model = Mute
        fields = ["id", "rule", "server", "until", "created_at"]
        read_only_fields = fields


class MuteWishSerializer(serializers.Serializer[dict[str, Any]]):
    """Without a rule of every rule, without a server of every server."""

    rule = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST_ID
    )
    server = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST_ID
    )
    until = serializers.DateTimeField(
        required=False, allow_null=True, default_timezone=UTC, help_text="null: until taken back"
    )

    def validate_until(self, until: datetime | None) -> datetime | None:
        if until is not None and not 1970 <= until.year < 9999:
            raise serializers.ValidationError(_("Years from 1970 to 9998 alone."))
        return until


class MuteViews(generics.GenericAPIView[Mute]):
    serializer_class = MuteSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[Mute]:
        if not self.request.user.is_authenticated:
            return Mute.objects.none()
        in_force = mutes.in_force(datetime.now(UTC))
        return in_force.filter(owner=self.request.user).order_by("-created_at", "-pk")


class MuteList(MuteViews, generics.ListAPIView[Mute]):
    @extend_schema(operation_id="alert_mutes_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """What you have muted."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="alert_mutes_create",
        request=MuteWishSerializer,
        parameters=[KEY_HEADER],
        responses={
            201: MuteSerializer,
            400: OpenApiResponse(description="A field is not right"),
        },
    )
    def post(self, request: Request) -> Response:
        """Be told nothing until then. Alerts go on, and what lasts is told of afterwards."""
        form = MuteWishSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data

        def act() -> idempotency.Reply:
            made = mutes.mute(
                person_of(request),
                rule=rule_named(request, wish.get("rule")),
                server=server_named(request, wish.get("server")),
                until=wish.get("until"),
                actor=actor_of(request),
                now=datetime.now(UTC),
            )
            return 201, dict(MuteSerializer(made).data)

        return answer_once(request, act)


def rule_named(request: Request, rule_id: int | None) -> AlertRule | None:
    try:
        return None if rule_id is None else rules.rule_for(request.user, rule_id)
    except AlertRule.DoesNotExist as error:
        raise Invalid("rule", _("There is no such rule.")) from error


def server_named(request: Request, server_id: int | None) -> Server | None:
    try:
        return None if server_id is None else server_for(request.user, server_id)
    except Server.DoesNotExist as error:
        raise Invalid("server", _("There is no such server.")) from error


class MuteDetail(MuteViews):
    @extend_schema(
        operation_id="alert_mutes_destroy",
        responses={204: OpenApiResponse(description="What still fires is told of now")},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Take it back."""
        made = self.get_queryset().get(pk=pk)
        mutes.unmute(made, actor=actor_of(request), now=datetime.now(UTC))
        return Response(status=204)
