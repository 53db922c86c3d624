"""servers/{id}/actions/, actions/ and actions/{id}/, servers/{id}/password/"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import idempotency, own_password
from accounts.audit import Actor
from accounts.models import Source, User
from servers import action_words, operations, passwords, power
from servers.access import server_for
from servers.actions import action_for
from servers.live import action_of
from servers.models import Action, Server

LONGEST_PASSWORD = 4096


class ActionErrorSerializer(serializers.Serializer[dict[str, str]]):
    code = serializers.CharField()
    message = serializers.CharField(
        help_text="In Proxmox's own words; empty where they are for staff. See `summary`."
    )


class StepSerializer(serializers.Serializer[dict[str, Any]]):
    step = serializers.CharField()
    upid = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField()


class HostSerializer(serializers.Serializer[dict[str, Any]]):
    """What staff see besides."""

    cluster = serializers.CharField()
    node = serializers.CharField()
    upid = serializers.CharField()
    message = serializers.CharField(help_text="Why it failed, with addresses and tokens")
    log = serializers.ListField(child=serializers.CharField())
    steps = StepSerializer(many=True)
    requested_by = serializers.CharField(allow_null=True)
    owner = serializers.CharField(allow_null=True)


class ActionSerializer(serializers.Serializer[Action]):
    """An operation on a server, from the request to its end."""

    id = serializers.IntegerField()
    server = serializers.IntegerField()
    type = serializers.CharField(help_text="start, shutdown, …, delete, password.reset")
    status = serializers.ChoiceField(choices=Action.Status.choices)
    step = serializers.CharField(help_text="Of several: deleting may stop the server first.")
    summary = serializers.CharField(help_text="What happened, in one sentence.")
    error = ActionErrorSerializer(allow_null=True)
    warnings = serializers.IntegerField()
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField(
        allow_null=True, help_text="Its owner; null: staff, a former owner, or the panel"
    )
    by_staff = serializers.BooleanField()
    source = serializers.ChoiceField(choices=Source.choices)  # type: ignore[assignment]
    host = HostSerializer(allow_null=True, help_text="null unless you are staff")

    def to_representation(self, instance: Action) -> dict[str, Any]:
        user = self.context["request"].user
        return {
            **action_of(instance),
            "summary": action_words.sentence(instance),
            "host": host_of(instance) if user.is_staff else None,
        }


def host_of(action: Action) -> dict[str, object]:
    owner = action.server.owner
    return {
        "cluster": action.server.cluster.name,
        "node": action.node,
        "upid": action.upid,
        "message": action.error_message,
        "log": action.log.splitlines(),
        "steps": action.steps,
        "requested_by": action.requested_by_email or None,
        "owner": owner.email if owner else None,
    }


def in_some_year(moment: datetime) -> None:
    """At either end of the calendar another zone's time is in no year at all."""
    if not 1970 <= moment.year < 9999:
        raise ValidationError(_("Years from 1970 to 9998 alone."))


class ActionFilter(filters.FilterSet):
    server = filters.NumberFilter(min_value=1, max_value=2**63 - 1)
    type = filters.CharFilter(max_length=32)
    status = filters.MultipleChoiceFilter(choices=Action.Status.choices)
    source = filters.ChoiceFilter(choices=Source.choices)
    by = filters.CharFilter(
        field_name="requested_by_email", lookup_expr="icontains", max_length=254,
        help_text="Part of the mail address of whoever asked for it",
    )  # fmt: skip
    cluster = filters.CharFilter(
        field_name="server__cluster__name", max_length=64, help_text="Its name; for staff"
    )
    since = filters.IsoDateTimeFilter(
        field_name="requested_at", lookup_expr="gte", validators=[in_some_year]
    )
    until = filters.IsoDateTimeFilter(
        field_name="requested_at", lookup_expr="lte", validators=[in_some_year]
    )

    class Meta:
        model = Action
        fields = ["server", "type", "status", "source", "by", "cluster", "since", "until"]


class ActionFilterOfPerson(filters.DjangoFilterBackend):
    """Customers know nothing of clusters and staff, so they cannot ask about them either."""

    def get_filterset_kwargs(self, request, queryset, view):  # type: ignore[no-untyped-def]
        kwargs = super().get_filterset_kwargs(request, queryset, view)
        if not request.user.is_staff and kwargs["data"] is not None:
            kwargs["data"] = kwargs["data"].copy()
            kwargs["data"].pop("cluster", None)
            if kwargs["data"].get("by"):
                kwargs["queryset"] = queryset.filter(requested_by=request.user)
        return kwargs


class ActionViews(generics.GenericAPIView[Action]):
    serializer_class = ActionSerializer
    filter_backends = [ActionFilterOfPerson]
    filterset_class = ActionFilter

    def get_queryset(self) -> QuerySet[Action]:
        visible = Action.objects.visible_to(self.request.user)
        return visible.select_related("server__cluster", "server__owner")


class ActionList(ActionViews, generics.ListAPIView[Action]):
    @extend_schema(operation_id="actions_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Actions on all your servers, the latest first; staff see everybody's."""
        return super().get(request, *args, **kwargs)


class ActionDetail(ActionViews, generics.RetrieveAPIView[Action]):
    filter_backends = []

    @extend_schema(operation_id="actions_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """One action: ask again until its `status` is success, failed or lost."""
        action = action_for(request.user, pk)
        return Response(self.get_serializer(action).data)


KEY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    description="Any text of your own, up to 128 characters. Sent again with the same body it is "
    "answered as before, within 24 hours, and nothing is done again.",
)
REFUSALS = {
    400: OpenApiResponse(description="A field is not right"),
    404: OpenApiResponse(description="No such server of yours"),
    409: OpenApiResponse(description="Another action is under way; `action` is it"),
    422: OpenApiResponse(description="Not in this state, or an Idempotency-Key used otherwise"),
}


SNAPSHOT_FIRST = "Take a snapshot first, which is deleted after 24 hours"


class PowerSerializer(serializers.Serializer[dict[str, Any]]):
    type = serializers.ChoiceField(choices=[(type, type) for type in power.VERBS])
    snapshot_first = serializers.BooleanField(default=False, help_text=SNAPSHOT_FIRST)


class ServerActions(ActionViews, generics.ListAPIView[Action]):
    # How a snapshot is taken before, as panel.urls says: this app knows nothing of snapshots.
    prelude: operations.MakePrelude | None = None

    def get_queryset(self) -> QuerySet[Action]:
        if getattr(self, "swagger_fake_view", False):
            return Action.objects.none()
        server = server_for(self.request.user, self.kwargs["pk"])
        return super().get_queryset().filter(server=server)

    @extend_schema(operation_id="servers_actions_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """What was done to one server, the latest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="servers_actions_create",
        request=PowerSerializer,
        parameters=[KEY_HEADER],
        responses={202: ActionSerializer, **REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Start, stop or otherwise change the power of a server."""
        server = server_for(request.user, pk)
        form = PowerSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data

        def act() -> idempotency.Reply:
            action = operations.change_power(
                server,
                wish["type"],
                actor=actor_of(request),
                now=datetime.now(UTC),
                prelude=self.prelude if wish["snapshot_first"] else None,
            )
            return 202, self.get_serializer(action).data

        return answer_once(request, act)


class DeleteSerializer(serializers.Serializer[dict[str, Any]]):
    confirm = serializers.CharField(max_length=128, help_text="The server's name")
    stop_first = serializers.BooleanField(default=False, help_text="Power it off if it runs")


class PasswordSerializer(serializers.Serializer[dict[str, str]]):
    current_password = serializers.CharField(
        trim_whitespace=False, max_length=LONGEST_PASSWORD, write_only=True,
        help_text="Your own, for the panel",
    )  # fmt: skip
    username = serializers.CharField(
        max_length=operations.LONGEST_USER_NAME, required=False, trim_whitespace=False,
        help_text="Whose password: root, Administrator, ubuntu…; else the usual one",
    )  # fmt: skip
    password = serializers.CharField(
        trim_whitespace=False, max_length=passwords.LONGEST, required=False, write_only=True,
        help_text="The new one; else one is generated",
    )  # fmt: skip
    way = serializers.ChoiceField(
        choices=[("agent", "agent"), ("cloud_init", "cloud_init")], required=False,
        help_text="At once by the guest agent, or at the next start by cloud-init; else the best",
    )  # fmt: skip
    snapshot_first = serializers.BooleanField(default=False, help_text=SNAPSHOT_FIRST)


class PasswordReplySerializer(ActionSerializer):
    username = serializers.CharField()
    password = serializers.CharField(
        allow_null=True, help_text="In this reply alone; null where the request was repeated"
    )


class PasswordDenied(Exception):
    """The person's own password was not right."""


class ServerPassword(APIView):
    prelude: operations.MakePrelude | None = None

    @extend_schema(
        operation_id="servers_password_create",
        request=PasswordSerializer,
        parameters=[KEY_HEADER],
        responses={
            202: PasswordReplySerializer,
            403: OpenApiResponse(description="Not your own password"),
            **REFUSALS,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Set the password of root, or of another user, inside a server."""
        server = server_for(request.user, pk)
        form = PasswordSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        confirm_identity(request, wish["current_password"])
        username = wish.get("username") or operations.usual_user(server)

        def act() -> idempotency.Reply:
            action, password = operations.reset_password(
                server,
                way=wish.get("way", ""),
                username=username,
                password=wish.get("password", ""),
                actor=actor_of(request),
                now=datetime.now(UTC),
                prelude=self.prelude if wish["snapshot_first"] else None,
            )
            said = ActionSerializer(action, context={"request": request}).data
            return 202, {**said, "username": username, "password": password}

        response = answer_once(request, act, secrets=("password",))
        response["Cache-Control"] = "no-store"
        return response


def confirm_identity(request: Request, password: str) -> None:
    user = request.user
    if not (isinstance(user, User) and own_password.is_right(request._request, user, password)):
        raise PasswordDenied


def actor_of(request: Request) -> Actor:
    return Actor.of(request._request, Source.API)


def answer_once(
    request: Request, act: Callable[[], idempotency.Reply], *, secrets: tuple[str, ...] = ()
) -> Response:
    """202 with what `act` says, or what it said before to this Idempotency-Key."""
    user, key, what = sender_of(request)
    status, body = idempotency.once(
        user, key, request=what, act=act, now=datetime.now(UTC), secrets=secrets
    )
    return Response(body, status=status)


def answered_before(request: Request) -> Response | None:
    """What this very request was answered before, by its Idempotency-Key."""
    user, key, what = sender_of(request)
    before = idempotency.replay(user, key, request=what)
    return None if before is None else Response(before[1], status=before[0])


def sender_of(request: Request) -> tuple[User, str, dict[str, object]]:
    """Who sends it, its key, and what makes it the same request."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > idempotency.LONGEST_KEY:
        raise serializers.ValidationError(
            {
                "Idempotency-Key": [
                    _("%(most)s characters at most.") % {"most": idempotency.LONGEST_KEY}
                ]
            }
        )
    user = request.user
    if not isinstance(user, User):
        raise Server.DoesNotExist
    return user, key, {"method": request.method, "path": request.path, "body": request.data}
