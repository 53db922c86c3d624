"""alert-rules/, alert-rules/{id}/, alert-rules/{id}/explanation/, servers/{id}/alert-rules/"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
)
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import idempotency
from accounts.models import User
from alerts import rules, wording
from alerts.api.facts import SilenceSerializer, silence_json
from alerts.judge import State
from alerts.models import (
    Alert,
    AlertRule,
    AlertRuleQuerySet,
    AlertStanding,
    Metric,
    NotificationChannel,
    Severity,
)
from alerts.silence import explain_silence
from servers.access import server_for
from servers.api.actions import KEY_HEADER, actor_of, answer_once
from servers.models import Server
from servers.operations import Invalid

LARGEST_ID = 2**63 - 1


class ScopeSerializer(serializers.Serializer[dict[str, Any]]):
    """One of them: a server, a label (`env`, or `env=prod`), or all of the owner's."""

    server = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    label = serializers.CharField(required=False, max_length=127)  # type: ignore[assignment]
    all = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1 or attrs.get("all") is False:
            raise serializers.ValidationError("One of server, label and all.")
        return attrs


class RuleSerializer(serializers.ModelSerializer[AlertRule]):
    """Fractions from 0 to 1, bytes per second, seconds: see `metric`."""

    default = serializers.SerializerMethodField(
        "is_default", help_text="Set by staff, for every server"
    )
    owner = serializers.SerializerMethodField(help_text="Its mail address; null: a default")
    scope = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField(help_text="What it watches for, in words")
    channels = serializers.PrimaryKeyRelatedField(
        many=True, read_only=True, help_text="None: all that its owner has"
    )  # type: ignore[var-annotated]

    class Meta:
        model = AlertRule
        fields = [
            "id", "default", "owner", "scope", "metric", "mountpoint", "condition", "threshold",
            "clear_at", "duration", "severity", "trust", "no_data", "even_intended",
            "tell_recovery", "remind_every", "enabled", "replaces", "channels", "text",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def is_default(self, rule: AlertRule) -> bool:
        return rule.owner_id is None

    def get_owner(self, rule: AlertRule) -> str | None:
        return rule.owner.email if rule.owner else None

    @extend_schema_field(ScopeSerializer)
    def get_scope(self, rule: AlertRule) -> dict[str, Any]:
        return scope_json(rule)

    def get_text(self, rule: AlertRule) -> str:
        return wording.condition_of(rule)


def scope_json(rule: AlertRule) -> dict[str, Any]:
    if rule.server_id is not None:
        return {"server": rule.server_id}
    return {"label": rule.label} if rule.label else {"all": True}


class RuleWishSerializer(serializers.Serializer[dict[str, Any]]):
    """What is left out stays as it is; in a new rule as it usually is, or as in what it
    `replaces`."""

    scope = ScopeSerializer(required=False, help_text="All, unless it is named")
    metric = serializers.ChoiceField(choices=Metric.choices, required=False)
    mountpoint = serializers.CharField(
        max_length=255, required=False, allow_blank=True, trim_whitespace=False,
        help_text="Of a disk: one file system; empty: the fullest",
    )  # fmt: skip
    condition = serializers.ChoiceField(choices=AlertRule.Condition.choices, required=False)
    threshold = serializers.FloatField(required=False, allow_null=True)
    clear_at = serializers.FloatField(
        required=False, allow_null=True, help_text="Where it recovers; null: at the threshold"
    )
    duration = serializers.IntegerField(
        required=False, min_value=0, max_value=rules.LONGEST_DURATION,
        help_text="For how many seconds it has to hold",
    )  # fmt: skip
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    trust = serializers.ChoiceField(
        choices=AlertRule.Trust.choices, required=False, help_text="Which values it believes"
    )
    no_data = serializers.BooleanField(
        required=False, help_text="Also when nothing is measured any more"
    )
    even_intended = serializers.BooleanField(
        required=False, help_text="Also of what was done on purpose"
    )
    tell_recovery = serializers.BooleanField(required=False)
    remind_every = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=rules.LONGEST_DURATION,
        help_text="Seconds; null: no reminders",
    )  # fmt: skip
    enabled = serializers.BooleanField(required=False)
    channels = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        required=False,
        max_length=100,
        help_text="Ids of your channels; none: all that can be used",
    )


class NewRuleSerializer(RuleWishSerializer):
    replaces = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_ID,
        help_text="The default rule in whose place it stands",
    )  # fmt: skip
    default = serializers.BooleanField(default=False, help_text="For every server; for staff")


class RuleFilter(filters.FilterSet):
    server = filters.NumberFilter(
        method="applying", min_value=1, max_value=LARGEST_ID, help_text="Those that apply to it"
    )
    metric = filters.ChoiceFilter(choices=Metric.choices)
    default = filters.BooleanFilter(field_name="owner", lookup_expr="isnull")
    enabled = filters.BooleanFilter()

    class Meta:
        model = AlertRule
        fields = ["server", "metric", "default", "enabled"]

    def applying(self, queryset: AlertRuleQuerySet, name: str, value: int) -> AlertRuleQuerySet:
        request = cast(Request, self.request)
        server = server_for(request.user, int(value))
        return queryset.filter(pk__in=[rule.pk for rule in rules.applying_to(server)])


class RuleViews(generics.GenericAPIView[AlertRule]):
    serializer_class = RuleSerializer
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = RuleFilter

    def get_queryset(self) -> QuerySet[AlertRule]:
        visible = AlertRule.objects.visible_to(self.request.user)
        defaults_first = F("owner").asc(nulls_first=True)
        return (
            visible.select_related("owner")
            .prefetch_related("channels")
            .order_by(defaults_first, "pk")
        )

    def said(self, rule: AlertRule) -> dict[str, Any]:
        """As it is stored, with what the database made of it."""
        return dict(self.get_serializer(self.get_queryset().get(pk=rule.pk)).data)


RULE_REFUSALS = {
    400: OpenApiResponse(description="A field is not right"),
    403: OpenApiResponse(description="A default rule, which is for staff to change"),
}


class RuleList(RuleViews, generics.ListAPIView[AlertRule]):
    @extend_schema(operation_id="alert_rules_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Your rules and the defaults, those first; staff see everybody's."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="alert_rules_create",
        request=NewRuleSerializer,
        parameters=[KEY_HEADER],
        responses={201: RuleSerializer, **RULE_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """A new rule."""
        form = NewRuleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        owner = None if given["default"] else person_of(request)

        def act() -> idempotency.Reply:
            rule = rules.create(
                owner,
                wish_of(given, request),
                replaces=replaced_by(given),
                channels=channels_of(given, owner) or (),
                actor=actor_of(request),
                now=datetime.now(UTC),
            )
            return 201, self.said(rule)

        return answer_once(request, act)


class RuleDetail(RuleViews, generics.RetrieveAPIView[AlertRule]):
    filter_backends = []

    @extend_schema(operation_id="alert_rules_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One rule."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="alert_rules_update",
        request=RuleWishSerializer,
        responses={200: RuleSerializer, **RULE_REFUSALS},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is named."""
        rule = rules.rule_for(request.user, pk)
        form = RuleWishSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        rules.change(
            rule,
            wish_of(given, request),
            channels=channels_of(given, rule.owner),
            actor=actor_of(request),
            now=datetime.now(UTC),
        )
        return Response(self.said(rule))

    @extend_schema(
        operation_id="alert_rules_destroy",
        responses={
            204: OpenApiResponse(description="What fired by it is over"),
            403: RULE_REFUSALS[403],
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a rule. What it replaced applies again."""
        rule = rules.rule_for(request.user, pk)
        rules.delete(rule, actor=actor_of(request), now=datetime.now(UTC))
        return Response(status=204)


def person_of(request: Request) -> User:
    return cast(User, request.user)


NAMED_ALIKE = [name for name in rules.FIELDS if name not in ("server", "label")]


def wish_of(given: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """As alerts.rules wants it."""
    wish = {name: given[name] for name in NAMED_ALIKE if name in given}
    scope = given.get("scope")
    if scope is not None:
        wish |= {"server": server_of(scope, request), "label": scope.get("label", "")}
    return wish


def server_of(scope: Mapping[str, Any], request: Request) -> Server | None:
    """One of somebody else's looks like none."""
    if "server" not in scope:
        return None
    try:
        return server_for(request.user, scope["server"])
    except Server.DoesNotExist as error:
        raise Invalid("scope", _("There is no such server.")) from error


def replaced_by(given: Mapping[str, Any]) -> AlertRule | None:
    if given.get("replaces") is None:
        return None
    found = AlertRule.objects.defaults().filter(pk=given["replaces"]).first()
    if found is None:
        raise Invalid("replaces", _("There is no such default rule."))
    return found


def channels_of(
    given: Mapping[str, Any], owner: User | None
) -> Collection[NotificationChannel] | None:
    """None where they are not named."""
    if "channels" not in given:
        return None
    wanted = set(given["channels"])
    found = list(NotificationChannel.objects.filter(owner=owner, pk__in=wanted))
    if len(found) != len(wanted):
        raise Invalid("channels", _("There is no such channel."))
    return found


class RuleExplanation(APIView):
    @extend_schema(
        operation_id="alert_rules_explanation",
        parameters=[OpenApiParameter("server", int, required=True, description="Its id")],
        responses={200: SilenceSerializer},
    )
    def get(self, request: Request, pk: int) -> Response:
        """Why the rule does not fire for this server, or whether anybody would hear of it."""
        rule = rules.rule_for(request.user, pk)
        query = ServerQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        server = server_for(request.user, query.validated_data["server"])
        found = explain_silence(rule, server, person=person_of(request), now=datetime.now(UTC))
        return Response(silence_json(found))


class ServerQuerySerializer(serializers.Serializer[dict[str, Any]]):
    server = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class RuleOfServerSerializer(RuleSerializer):
    """A rule that applies to a server, and where it stands there."""

    state = serializers.ChoiceField(choices=AlertStanding.STATES)
    since = serializers.DateTimeField(allow_null=True, help_text="null while it is ok")
    alert = serializers.IntegerField(allow_null=True, help_text="The one that fires")

    class Meta(RuleSerializer.Meta):
        fields = [*RuleSerializer.Meta.fields, "state", "since", "alert"]
        read_only_fields = fields

    def to_representation(self, instance: AlertRule) -> dict[str, Any]:
        server: Server = self.context["server"]
        standing: AlertStanding | None = self.context["standings"].get(instance.pk)
        plain = RuleSerializer(instance, context=self.context).data
        since = datetime.fromtimestamp(standing.since, UTC).isoformat() if standing else None
        return {
            **plain,
            "state": standing.state if standing else State.OK.value,
            "since": since,
            "alert": self.context["alerts"].get((instance.pk, server.owner_id)),
        }


class ServerRules(APIView):
    @extend_schema(
        operation_id="servers_alert_rules_list", responses=RuleOfServerSerializer(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """The rules that apply to a server, and where each of them stands."""
        server = server_for(request.user, pk)
        ids = [rule.pk for rule in rules.applying_to(server)]
        applying = (
            AlertRule.objects.filter(pk__in=ids)
            .select_related("owner")
            .prefetch_related("channels")
            .order_by(F("owner").asc(nulls_first=True), "pk")
        )
        standings = AlertStanding.objects.filter(server=server, owner_id=server.owner_id)
        firing = Alert.objects.firing().filter(server=server)
        context = {
            "server": server,
            "standings": {standing.rule_id: standing for standing in standings},
            "alerts": {
                (rule, owner): alert
                for alert, rule, owner in firing.values_list("pk", "rule_id", "owner_id")
            },
        }
        return Response(RuleOfServerSerializer(applying, many=True, context=context).data)
