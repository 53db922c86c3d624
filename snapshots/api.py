"""servers/{id}/snapshots/, snapshots/{id}/, servers/{id}/snapshot-schedules/"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import idempotency, roles
from accounts.models import User
from servers import access
from servers.access import server_for
from servers.api.actions import (
    KEY_HEADER,
    REFUSALS,
    ActionSerializer,
    actor_of,
    answer_once,
)
from servers.models import Action, Server
from snapshots import flow, look, names, schedules
from snapshots.flow import Wish
from snapshots.models import Snapshot, SnapshotSchedule, state_of


class SnapshotSerializer(serializers.ModelSerializer[Snapshot]):
    is_present = serializers.SerializerMethodField(
        help_text="Whether the server has gone on from this one"
    )

    class Meta:
        model = Snapshot
        fields = [
            "id", "server", "name", "title", "description", "origin", "schedule_kind",
            "with_memory", "parent", "state", "taken_at", "expires_at", "is_present",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(bool)
    def get_is_present(self, snapshot: Snapshot) -> bool:
        state = getattr(snapshot.server, "snapshot_state", None)
        return state is not None and state.present == snapshot.name


class NewSnapshotSerializer(serializers.Serializer[dict[str, Any]]):
    title = serializers.CharField(max_length=names.LONGEST_TITLE, help_text="In any language")
    description = serializers.CharField(
        max_length=flow.LONGEST_DESCRIPTION, required=False, allow_blank=True, default=""
    )
    memory = serializers.BooleanField(default=False, help_text="With what is in its memory")


class RollBackSerializer(serializers.Serializer[dict[str, Any]]):
    confirm = serializers.CharField(max_length=128, help_text="The server's name")
    start = serializers.BooleanField(default=False, help_text="Start it afterwards")
    snapshot_first = serializers.BooleanField(
        default=False, help_text="Take a snapshot first, which is deleted after 24 hours"
    )


class SnapshotActionSerializer(ActionSerializer):
    snapshot = SnapshotSerializer()


class SnapshotViews(generics.GenericAPIView[Snapshot]):
    serializer_class = SnapshotSerializer

    def get_queryset(self) -> QuerySet[Snapshot]:
        visible = Snapshot.objects.visible_to(self.request.user)
        return visible.select_related("server__snapshot_state").order_by("taken_at", "pk")


class ServerSnapshotList(SnapshotViews, generics.ListAPIView[Snapshot]):
    filter_backends = []

    def get_queryset(self) -> QuerySet[Snapshot]:
        if getattr(self, "swagger_fake_view", False):
            return Snapshot.objects.none()
        server = server_for(self.request.user, self.kwargs["pk"])
        look.ask(server, now=datetime.now(UTC))
        return super().get_queryset().filter(server=server)

    @extend_schema(operation_id="servers_snapshots_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """The snapshots of a server, the oldest first; `taken_at` is null while one is taken."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="servers_snapshots_create",
        request=NewSnapshotSerializer,
        parameters=[KEY_HEADER],
        responses={202: SnapshotActionSerializer, **REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Take a snapshot."""
        server = server_for(request.user, pk)
        form = NewSnapshotSerializer(data=request.data)
        form.is_valid(raise_exception=True)

        def act() -> idempotency.Reply:
            snapshot, action = flow.take(
                server,
                Wish(**form.validated_data),
                actor=actor_of(request),
                now=datetime.now(UTC),
            )
            return 202, {
                **said(request, action),
                "snapshot": dict(self.get_serializer(snapshot).data),
            }

        return answer_once(request, act)


def said(request: Request, action: Action) -> dict[str, Any]:
    return dict(ActionSerializer(action, context={"request": request}).data)


class SnapshotDetail(SnapshotViews, generics.RetrieveAPIView[Snapshot]):
    filter_backends = []

    @extend_schema(operation_id="snapshots_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One snapshot."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="snapshots_destroy",
        parameters=[KEY_HEADER],
        responses={202: ActionSerializer, **REFUSALS},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a snapshot; the server stays as it is."""
        snapshot = flow.snapshot_for(request.user, pk)
        return launched(
            request,
            lambda: flow.delete(snapshot, actor=actor_of(request), now=datetime.now(UTC)),
        )


def launched(request: Request, launch: Callable[[], Action]) -> Response:
    return answer_once(request, lambda: (202, said(request, launch())))


class SnapshotRollBack(APIView):
    @extend_schema(
        operation_id="snapshots_rollback",
        request=RollBackSerializer,
        parameters=[KEY_HEADER],
        responses={202: ActionSerializer, **REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Back to how the server was then: all that came later is lost."""
        snapshot = flow.snapshot_for(request.user, pk)
        form = RollBackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        return launched(
            request,
            lambda: flow.roll_back(
                snapshot,
                confirm=wish["confirm"],
                start=wish["start"],
                take_first=wish["snapshot_first"],
                actor=actor_of(request),
                now=datetime.now(UTC),
            ),
        )


class ScheduleSerializer(serializers.ModelSerializer[SnapshotSchedule]):
    class Meta:
        model = SnapshotSchedule
        fields = [
            "kind", "hour", "minute", "weekday", "time_zone", "keep", "enabled", "next_run_at",
            "last_run_at", "last_error",
        ]  # fmt: skip
        read_only_fields = ["kind", "next_run_at", "last_run_at", "last_error"]
        extra_kwargs = {
            "hour": {"max_value": 23, "required": False},
            "minute": {"max_value": 59, "required": False},
            "weekday": {"max_value": 6, "required": False, "help_text": "0 is Monday"},
            "keep": {"min_value": 1, "max_value": schedules.MOST_KEPT, "required": False},
        }


KINDS = frozenset(SnapshotSchedule.Kind.values)


class ServerSchedules(APIView):
    @extend_schema(
        operation_id="servers_snapshot_schedules_list", responses=ScheduleSerializer(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """The schedules of a server: one of a kind."""
        server = server_for(request.user, pk)
        rows = SnapshotSchedule.objects.filter(server=server).order_by("kind")
        return Response(ScheduleSerializer(rows, many=True).data)


class ServerSchedule(APIView):
    """`kind` is hourly, daily or weekly."""

    @extend_schema(
        operation_id="servers_snapshot_schedules_update",
        request=ScheduleSerializer,
        responses={200: ScheduleSerializer},
    )
    def put(self, request: Request, pk: int, kind: str) -> Response:
        """Set the schedule of that kind; what is not named stays as it is."""
        server = the_server(request, pk, kind)
        form = ScheduleSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        now = datetime.now(UTC)
        schedule = schedules.save(
            server, kind, form.validated_data, actor=actor_of(request), now=now
        )
        return Response(ScheduleSerializer(schedule).data)

    @extend_schema(
        operation_id="servers_snapshot_schedules_destroy",
        responses={204: OpenApiResponse(description="What it has taken stays")},
    )
    def delete(self, request: Request, pk: int, kind: str) -> Response:
        """Remove the schedule of that kind."""
        server = the_server(request, pk, kind)
        schedule = SnapshotSchedule.objects.get(server=server, kind=kind)
        schedules.remove(schedule, actor=actor_of(request), now=datetime.now(UTC))
        return Response(status=204)


def the_server(request: Request, pk: int, kind: str) -> Server:
    server = server_for(request.user, pk)
    if kind not in KINDS:
        raise SnapshotSchedule.DoesNotExist
    return server


class AbilitySerializer(serializers.Serializer[dict[str, Any]]):
    """null or empty where nothing is in the way."""

    can_take = serializers.BooleanField(allow_null=True, help_text="null: not known yet")
    refused = serializers.CharField(help_text="Why none can be taken now")
    memory_refused = serializers.CharField(help_text="Why its memory cannot be saved with it")
    newest_only = serializers.BooleanField(help_text="It can go back to the newest alone")
    count = serializers.IntegerField()
    limit = serializers.IntegerField()
    limit_days = serializers.IntegerField(help_text="0: any age")
    delete_first = serializers.IntegerField(
        allow_null=True, help_text="At the limit: the snapshot that would make room"
    )


class ServerSnapshotAbilities(APIView):
    @extend_schema(operation_id="servers_snapshot_abilities", responses={200: AbilitySerializer})
    def get(self, request: Request, pk: int) -> Response:
        """What can be done with the snapshots of a server, and why not."""
        server = server_for(request.user, pk)
        viewer: User = request.user  # type: ignore[assignment]  # nobody else was let in
        return Response(abilities_of(server, viewer))


def abilities_of(server: Server, viewer: User) -> dict[str, Any]:
    now = datetime.now(UTC)
    state = state_of(server)
    refused: Exception | None = flow.taking_refused(server, state)
    verdict = flow.room(server, state, now=now)
    if refused is None and verdict.over is not None:
        refused = flow.limit_reached(state, verdict)
    return {
        "can_take": state.can_take,
        "refused": access.why_not(viewer, server, roles.OPERATE) or str(refused or ""),
        "memory_refused": flow.memory_refused(server, state),
        "newest_only": state.newest_only,
        "count": Snapshot.objects.filter(server=server).count(),
        "limit": state.limit,
        "limit_days": state.limit_days,
        "delete_first": verdict.delete_first,
    }
