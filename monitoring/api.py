"""servers/{id}/metrics/"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring import sheet
from monitoring.history import SERIES, Point, Range, fitting_range, history
from servers.access import server_for

DAY = 86400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class QuerySerializer(serializers.Serializer[dict[str, object]]):
    start = serializers.DateTimeField(required=False, default_timezone=UTC)
    end = serializers.DateTimeField(required=False, default_timezone=UTC)
    step = serializers.IntegerField(required=False, min_value=1, max_value=7 * DAY)

    def validate_start(self, at: datetime) -> datetime:
        return representable(at)

    def validate_end(self, at: datetime) -> datetime:
        return representable(at)


class SeriesSerializer(serializers.Serializer[dict[str, object]]):
    """Each a list of [time in Unix seconds, average, minimum, maximum]; null three times where
    there is no sample."""

    for name in SERIES:
        locals()[name] = serializers.ListField(
            child=serializers.ListField(
                child=serializers.FloatField(allow_null=True), min_length=4, max_length=4
            )
        )
    del name


class MetricsHistorySerializer(serializers.Serializer[dict[str, object]]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step = serializers.IntegerField(help_text="seconds")
    series = SeriesSerializer()


class CsvRenderer(BaseRenderer):
    """`Accept: text/csv`, or `?format=csv`. An error stays what it is everywhere."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if "series" in data:
            return sheet.comma_separated(data["series"]).encode()
        if renderer_context:
            renderer_context["response"]["Content-Type"] = "application/json"
        rendered: bytes = JSONRenderer().render(data)
        return rendered


class ServerMetrics(APIView):
    renderer_classes = [JSONRenderer, CsvRenderer]

    @extend_schema(
        operation_id="servers_metrics",
        parameters=[
            OpenApiParameter("start", str, description="ISO 8601; a day before the end"),
            OpenApiParameter("end", str, description="ISO 8601; now"),
            OpenApiParameter("step", int, description="seconds; about 300 points without it"),
            OpenApiParameter("format", str, enum=["json", "csv"]),
        ],
        responses=MetricsHistorySerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """History in buckets: average, minimum and maximum of each."""
        server = server_for(request.user, pk)
        wanted = wanted_of(request.query_params, usually=DAY)
        found = history(server.pk, wanted)
        return Response(
            {
                "start": datetime.fromtimestamp(wanted.start, UTC).isoformat(),
                "end": datetime.fromtimestamp(wanted.end, UTC).isoformat(),
                "step": wanted.step,
                "series": {name: rounded(name, points) for name, points in found.series.items()},
            }
        )


def wanted_of(asked: Mapping[str, str], *, usually: int) -> Range:
    """The range that a request asks for; the last `usually` seconds where it does not.

    Raises BadRange, or DRF's ValidationError.
    """
    query = QuerySerializer(data=asked)
    query.is_valid(raise_exception=True)
    now = int(datetime.now(UTC).timestamp())
    end = seconds(query.validated_data.get("end"), now)
    start = seconds(query.validated_data.get("start"), min(end, now) - usually)
    return fitting_range(start, end, query.validated_data.get("step"), now=now)


def rounded(name: str, points: list[Point]) -> list[list[float | int | None]]:
    """To whole bytes, and fractions to a thousandth of a per cent: a third of the length."""
    digits = 5 if name == "cpu" else None
    return [
        [at, *(None if value is None else round(value, digits) for value in values)]
        for at, *values in points
    ]


def representable(at: datetime) -> datetime:
    """Buckets begin before what was asked for; before year 1 there is nothing to begin in."""
    if at < EPOCH:
        raise serializers.ValidationError(_("There is no history from before 1970."))
    return at


def seconds(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else int(at.timestamp())
