"""alert-rules/preview/: a rule on the samples of the past, before it is saved."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts import rules
from alerts.api.rules import LARGEST_ID, NewRuleSerializer, person_of, replaced_by, wish_of
from alerts.decide import Message, Reason
from alerts.models import Alert, AlertRule
from alerts.reasons import withheld
from alerts.rehearsal import Rehearsal
from monitoring.api import representable
from monitoring.backtest import LONGEST, BackTest, Episode, moment, try_rule
from servers.access import server_for

# What is asked for is counted whole; of more, so many are listed.
MOST_LISTED = 500


class PreviewWishSerializer(NewRuleSerializer):
    """A rule as it would be, and the server on whose past it is tried. With `rule`, what is left
    out is as in that one."""

    server = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    rule = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST_ID)
    start = serializers.DateTimeField(
        required=False, default_timezone=UTC, help_text="Seven days before the end"
    )
    end = serializers.DateTimeField(required=False, default_timezone=UTC, help_text="Now")

    def validate_start(self, at: datetime) -> datetime:
        return representable(at)

    def validate_end(self, at: datetime) -> datetime:
        return representable(at)


class EpisodeSerializer(serializers.Serializer[Episode]):
    kind = serializers.ChoiceField(choices=Alert.Kind.choices)
    since = serializers.DateTimeField(help_text="When it crossed")
    fired_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null: it still lasted")
    end_reason = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="When it fired")
    peak = serializers.FloatField(allow_null=True, help_text="The furthest beyond the threshold")


def episode_json(episode: Episode) -> dict[str, Any]:
    return {
        "kind": episode.kind,
        "since": moment(episode.since).isoformat(),
        "fired_at": moment(episode.fired_at).isoformat(),
        "ended_at": moment(episode.ended_at).isoformat() if episode.ended_at else None,
        "end_reason": episode.end_reason,
        "value": episode.value,
        "peak": episode.peak,
    }


class TriedMessageSerializer(serializers.Serializer[dict[str, Any]]):
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=[(each.value, each.value) for each in Message])
    episodes = serializers.ListField(
        child=serializers.IntegerField(), help_text="By their place in `episodes`, from 0"
    )


class WithheldSerializer(serializers.Serializer[dict[str, Any]]):
    at = serializers.DateTimeField()
    episode = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=[(each.value, each.value) for each in Reason])
    until = serializers.DateTimeField(allow_null=True, help_text="null: it is not told at all")
    text = serializers.CharField()


class PreviewSerializer(serializers.Serializer[dict[str, Any]]):
    """Where the rule would have fired, and what would have been told. The lists hold 500 at most;
    the counts are of all."""

    available = serializers.BooleanField(help_text="false: it cannot be tried; `why` says why")
    why = serializers.CharField()
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What the past does not tell"
    )
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step = serializers.IntegerField(help_text="Seconds between the points of the series")
    samples = serializers.IntegerField()
    first_sample = serializers.DateTimeField(allow_null=True)
    episode_count = serializers.IntegerField()
    message_count = serializers.IntegerField(help_text="On each of the channels")
    episodes = EpisodeSerializer(many=True)
    messages = TriedMessageSerializer(many=True)
    held = WithheldSerializer(many=True)
    series = serializers.ListField(
        child=serializers.ListField(
            child=serializers.FloatField(allow_null=True), min_length=4, max_length=4
        ),
        help_text="[time in Unix seconds, average, minimum, maximum]; null three times: a gap",
    )


class RulePreview(APIView):
    @extend_schema(
        operation_id="alert_rules_preview",
        request=PreviewWishSerializer,
        responses={
            200: PreviewSerializer,
            400: OpenApiResponse(description="A field is not right"),
        },
    )
    def post(self, request: Request) -> Response:
        """Try a rule on the past. Nothing is saved, and nobody is told."""
        form = PreviewWishSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        server = server_for(request.user, given["server"])
        now = int(datetime.now(UTC).timestamp())
        end = int(given["end"].timestamp()) if "end" in given else now
        start = int(given["start"].timestamp()) if "start" in given else min(end, now) - LONGEST
        rule = wanted_rule(given, request)
        person = rule.owner or server.owner or person_of(request)
        found = try_rule(rule, server.pk, person=person, start=start, end=end, now=now)
        return Response(preview_json(found))


def wanted_rule(given: dict[str, Any], request: Request) -> AlertRule:
    """Checked, and not saved."""
    if "rule" in given:
        rule = rules.rule_for(request.user, given["rule"])
        rules.take(rule, wish_of(given, request))
        rules.check(rule)
        return rule
    owner = None if given["default"] else person_of(request)
    return rules.draft(owner, wish_of(given, request), replaces=replaced_by(given))


def preview_json(found: BackTest) -> dict[str, Any]:
    telling = found.telling
    return {
        "available": found.available,
        "why": found.why,
        "notes": list(found.notes),
        "start": moment(found.range.start).isoformat(),
        "end": moment(found.range.end).isoformat(),
        "step": found.range.step,
        "samples": found.samples,
        "first_sample": moment(found.first_sample).isoformat() if found.first_sample else None,
        "episode_count": len(found.episodes),
        "message_count": len(telling.told) if telling else 0,
        "episodes": [episode_json(each) for each in found.episodes[:MOST_LISTED]],
        **(telling_json(telling) if telling else {"messages": [], "held": []}),
        "series": [[at, *map(rounded, values)] for at, *values in found.series],
    }


def telling_json(telling: Rehearsal) -> dict[str, Any]:
    return {
        "messages": [
            {
                "at": each.at.isoformat(),
                "kind": each.message.value,
                "episodes": list(each.episodes),
            }
            for each in telling.told[:MOST_LISTED]
        ],
        "held": [
            {
                "at": each.at.isoformat(),
                "episode": each.episode,
                "reason": each.reason.value,
                "until": each.until.isoformat() if each.until else None,
                "text": withheld(each.reason, each.until),
            }
            for each in telling.withheld[:MOST_LISTED]
        ],
    }


def rounded(value: float | None) -> float | None:
    """Fractions to a thousandth of a per cent: a third of the length."""
    return None if value is None else round(value, 5)
