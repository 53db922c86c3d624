"""servers/{id}/events/: what happened to a server, put together of what each app knows."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from alerts.timeline import alerts_of
from monitoring.api import DAY, QuerySerializer, seconds
from monitoring.history import fitting_range
from servers.access import server_for
from servers.models import Server
from servers.timeline import Happening, actions_of
from snapshots.timeline import snapshots_of


class EventSerializer(serializers.Serializer[Happening]):
    kind = serializers.ChoiceField(choices=["action", "alert", "snapshot"])
    at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null while it lasts")
    outcome = serializers.ChoiceField(choices=["good", "info", "warning", "critical", "running"])
    title = serializers.CharField()
    detail = serializers.CharField()
    address = serializers.CharField(help_text="The page that tells of it in full")


class EventsSerializer(serializers.Serializer[dict[str, object]]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    is_cut = serializers.BooleanField(help_text="There were more: ask for less time")
    events = EventSerializer(many=True)


class ServerEvents(APIView):
    @extend_schema(
        operation_id="servers_events",
        parameters=[
            OpenApiParameter("start", str, description="ISO 8601; a day before the end"),
            OpenApiParameter("end", str, description="ISO 8601; now"),
        ],
        responses=EventsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """What happened in a time: actions, alerts and snapshots, oldest first."""
        server = server_for(request.user, pk)
        if not isinstance(request.user, User):
            raise Http404
        query = QuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = int(datetime.now(UTC).timestamp())
        end = seconds(query.validated_data.get("end"), now)
        start = seconds(query.validated_data.get("start"), min(end, now) - DAY)
        # The same times as those of the charts are refused, in the same words.
        fitting_range(start, end, None, now=now)
        span = (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
        found, is_cut = happenings(server, request.user, *span)
        body = {"start": span[0], "end": span[1], "is_cut": is_cut, "events": found}
        return Response(EventsSerializer(body).data)


def happenings(
    server: Server, viewer: User, start: datetime, end: datetime
) -> tuple[list[Happening], bool]:
    """Oldest first, and whether some were left out."""
    parts = [
        part(server, viewer, start=start, end=end)
        for part in (actions_of, alerts_of, snapshots_of)
    ]
    found = [each for part, _ in parts for each in part]
    return in_order(found), any(is_cut for _, is_cut in parts)


def in_order(found: Iterable[Happening]) -> list[Happening]:
    """A snapshot stands for the action that took it."""
    listed = list(found)
    made = {each.action for each in listed if each.kind == "snapshot"}
    return sorted(
        (each for each in listed if each.kind != "action" or each.action not in made),
        key=lambda each: (each.at, each.kind),
    )
