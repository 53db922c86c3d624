"""alert-preferences/"""

from datetime import UTC, datetime, time
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from alerts import preferences
from alerts.api.rules import person_of
from servers.api.actions import actor_of

LANGUAGES = User._meta.get_field("language").choices or []


class PreferencesSerializer(serializers.Serializer[dict[str, Any]]):
    """What is not named stays as it is. Times of day by the clock of your time zone."""

    quiet_from = serializers.TimeField(required=False, allow_null=True)
    quiet_until = serializers.TimeField(required=False, allow_null=True)
    critical_anyway = serializers.BooleanField(
        required=False, help_text="What is critical is told in quiet hours, too"
    )
    incidents = serializers.BooleanField(
        required=False, help_text="Of staff: whether they are told of incidents"
    )
    language = serializers.ChoiceField(choices=LANGUAGES, required=False)
    time_zone = serializers.CharField(
        max_length=64, required=False, help_text="Such as Europe/Berlin"
    )

    def validate_quiet_from(self, at: time | None) -> time | None:
        return whole_minutes(at)

    def validate_quiet_until(self, at: time | None) -> time | None:
        return whole_minutes(at)


def whole_minutes(at: time | None) -> time | None:
    """MariaDB keeps no fraction of a second."""
    return None if at is None else at.replace(second=0, microsecond=0)


class Preferences(APIView):
    @extend_schema(
        operation_id="alert_preferences_retrieve", responses={200: PreferencesSerializer}
    )
    def get(self, request: Request) -> Response:
        """How you want to be told."""
        return Response(preferences_json(person_of(request)))

    @extend_schema(
        operation_id="alert_preferences_update",
        request=PreferencesSerializer,
        responses={
            200: PreferencesSerializer,
            400: OpenApiResponse(description="A field is not right"),
        },
    )
    def patch(self, request: Request) -> Response:
        """Change what is named."""
        form = PreferencesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        person = person_of(request)
        preferences.change(
            person, form.validated_data, actor=actor_of(request), now=datetime.now(UTC)
        )
        return Response(preferences_json(person))


def preferences_json(person: User) -> dict[str, Any]:
    kept = preferences.of(person)
    return dict(
        PreferencesSerializer(
            {
                **{name: getattr(kept, name) for name in preferences.OF_ALERTS},
                **{name: getattr(person, name) for name in preferences.OF_PERSON},
            }
        ).data
    )
