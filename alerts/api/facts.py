"""How explanations look over the API: a code, a sentence, and what belongs to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from alerts.api.told import AttemptSerializer, NotificationSerializer
from alerts.explain import Delivery, Explanation, Fact, Sampled, Samples
from alerts.judge import State
from alerts.models import AlertStanding
from alerts.silence import Silence
from servers.live import iso


class FactSerializer(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField()
    text = serializers.CharField(help_text="In one sentence")
    at = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    data = serializers.DictField(help_text="What belongs to the code")  # type: ignore[assignment]


def fact_json(fact: Fact) -> dict[str, Any]:
    return {
        "code": fact.code,
        "text": fact.text,
        "at": iso(fact.at),
        "until": iso(fact.until),
        "data": dict(fact.data),
    }


class StandingSerializer(serializers.Serializer[dict[str, Any]]):
    state = serializers.ChoiceField(choices=AlertStanding.STATES)
    since = serializers.DateTimeField(allow_null=True, help_text="null while it is ok")


class SilenceSerializer(serializers.Serializer[dict[str, Any]]):
    """Why a rule does not fire. `facts` are all that count, `text` is that which matters most;
    `telling` is what would hold a message back now."""

    code = serializers.CharField(
        help_text="firing, well, crossed, pending, missing, stale, never, not_believed, "
        "no_file_system, at_rest, on_purpose, unknown, locked, void, disabled, replaced, "
        "switched_off, other_owner, other_server, other_label, gone"
    )
    text = serializers.CharField()
    condition = serializers.CharField(help_text="What the rule watches for, in words")
    applies = serializers.BooleanField()
    standing = StandingSerializer()
    alert = serializers.IntegerField(allow_null=True)
    value = serializers.FloatField(allow_null=True, help_text="In the metric's unit")
    facts = FactSerializer(many=True)
    telling = FactSerializer(many=True)


def silence_json(silence: Silence) -> dict[str, Any]:
    standing = silence.standing
    since = None if standing.state == State.OK else datetime.fromtimestamp(standing.since, UTC)
    return {
        "code": silence.code,
        "text": silence.text,
        "condition": silence.condition,
        "applies": silence.applies,
        "standing": {"state": standing.state.value, "since": iso(since)},
        "alert": silence.alert.pk if silence.alert else None,
        "value": silence.value,
        "facts": [fact_json(fact) for fact in silence.facts],
        "telling": [fact_json(fact) for fact in silence.telling],
    }


class SampledField(serializers.ListField):
    """[time in Unix seconds, value or null, whether it crossed]"""

    child = serializers.JSONField()


class SamplesSerializer(serializers.Serializer[dict[str, Any]]):
    """A sample is [time in Unix seconds, value or null, whether it crossed, or null]."""

    text = serializers.CharField()
    count = serializers.IntegerField(help_text="How many crossed, from then until it was over")
    first = SampledField(allow_null=True, help_text="The first that crossed")
    furthest = SampledField(allow_null=True, help_text="The one furthest beyond the threshold")
    around = serializers.ListField(
        child=SampledField(), help_text="From before it crossed until after it fired"
    )


def samples_json(samples: Samples) -> dict[str, Any]:
    return {
        "text": samples.text,
        "count": samples.count,
        "first": sampled_json(samples.first),
        "furthest": sampled_json(samples.furthest),
        "around": [sampled_json(each) for each in samples.around],
    }


def sampled_json(sampled: Sampled | None) -> list[Any] | None:
    return None if sampled is None else list(sampled)


class DeliverySerializer(serializers.Serializer[dict[str, Any]]):
    notification = NotificationSerializer()
    attempts = AttemptSerializer(many=True)
    text = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[dict[str, Any]]):
    """Why an alert fired, what happened and was told, and what comes next."""

    alert = serializers.IntegerField()
    condition = serializers.CharField()
    text = serializers.CharField()
    samples = SamplesSerializer(allow_null=True, help_text="null: no sample shows it")
    timeline = FactSerializer(many=True)
    deliveries = DeliverySerializer(many=True)
    next = FactSerializer(help_text="When the next message could come, and why not sooner")
    incident = FactSerializer(allow_null=True, help_text="The host is at fault")


def explanation_json(found: Explanation) -> dict[str, Any]:
    return {
        "alert": found.alert.pk,
        "condition": found.condition,
        "text": found.text,
        "samples": samples_json(found.samples) if found.samples else None,
        "timeline": facts_json(found.timeline),
        "deliveries": [delivery_json(each) for each in found.deliveries],
        "next": fact_json(found.following),
        "incident": fact_json(found.incident) if found.incident else None,
    }


def facts_json(facts: Sequence[Fact]) -> list[dict[str, Any]]:
    return [fact_json(fact) for fact in facts]


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "notification": NotificationSerializer(delivery.notification).data,
        "attempts": AttemptSerializer(delivery.attempts, many=True).data,
        "text": delivery.text,
    }
