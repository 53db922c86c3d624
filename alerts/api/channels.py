"""notification-channels/ and what belongs to one: a test, a new key, a new confirmation."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import idempotency
from alerts import destinations
from alerts.api.rules import person_of
from alerts.api.told import NotificationSerializer
from alerts.channels import ALL
from alerts.models import Notification, NotificationChannel
from servers.api.actions import KEY_HEADER, actor_of, answer_once
from servers.operations import Invalid

LONGEST_TARGET = 500
KINDS = [(channel.kind, channel.label) for channel in ALL]


class ChannelSerializer(serializers.ModelSerializer[NotificationChannel]):
    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    target = serializers.SerializerMethodField(help_text="Where it leads to, without secrets")
    own_address = serializers.SerializerMethodField(help_text="It follows your account's address")

    class Meta:
        model = NotificationChannel
        fields = [
            "id", "kind", "name", "target", "own_address", "enabled", "confirmed_at", "failed_at",
            "failure", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_target(self, channel: NotificationChannel) -> str:
        return destinations.shown(channel)

    def get_own_address(self, channel: NotificationChannel) -> bool:
        return bool(channel.own_address)


class NewChannelSerializer(serializers.Serializer[dict[str, Any]]):
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField(
        max_length=destinations.LONGEST_NAME, required=False, allow_blank=True, default=""
    )
    target = serializers.CharField(
        max_length=LONGEST_TARGET, help_text="A mail address, a URL, the id of a chat"
    )
    secret = serializers.CharField(
        max_length=LONGEST_TARGET, required=False, write_only=True,
        help_text="Of a bot: its token, which is never told again",
    )  # fmt: skip


class ChannelChangesSerializer(serializers.Serializer[dict[str, Any]]):
    """What is not named stays as it is. `enabled` also tries again where it was refused."""

    name = serializers.CharField(
        max_length=destinations.LONGEST_NAME, required=False, allow_blank=True
    )
    target = serializers.CharField(max_length=LONGEST_TARGET, required=False)
    secret = serializers.CharField(max_length=LONGEST_TARGET, required=False, write_only=True)
    enabled = serializers.BooleanField(required=False)


class RevealedSerializer(ChannelSerializer):
    secret = serializers.CharField(
        allow_null=True, help_text="The signing key, in this reply alone; null: there is none"
    )

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class KeySerializer(serializers.Serializer[dict[str, Any]]):
    secret = serializers.CharField(
        allow_null=True, help_text="In this reply alone; null where the request was repeated"
    )


CHANNEL_REFUSALS = {
    400: OpenApiResponse(description="A field is not right"),
    429: OpenApiResponse(description="Too many at once"),
}


class ChannelViews(generics.GenericAPIView[NotificationChannel]):
    serializer_class = ChannelSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[NotificationChannel]:
        """One's own alone, of staff too."""
        visible = NotificationChannel.objects.visible_to(self.request.user)
        return visible.select_related("owner").order_by("pk")


class ChannelList(ChannelViews, generics.ListAPIView[NotificationChannel]):
    @extend_schema(operation_id="notification_channels_list")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """The ways that you are told by; the first is your own mail address."""
        destinations.own_mail(person_of(request), datetime.now(UTC))
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="notification_channels_create",
        request=NewChannelSerializer,
        parameters=[KEY_HEADER],
        responses={201: RevealedSerializer, **CHANNEL_REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """Another way to be told by. The key of a webhook is made here, and told in this reply
        alone; a mail address has to be confirmed by who reads there."""
        form = NewChannelSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data

        def act() -> idempotency.Reply:
            channel, secret = destinations.add(
                person_of(request),
                wish["kind"],
                name=wish["name"],
                target=wish["target"],
                secret=wish.get("secret", ""),
                actor=actor_of(request),
                now=datetime.now(UTC),
            )
            return 201, {**self.get_serializer(channel).data, "secret": secret}

        return revealing(answer_once(request, act, secrets=("secret",)))


def revealing(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response


class ChannelDetail(ChannelViews, generics.RetrieveAPIView[NotificationChannel]):
    @extend_schema(operation_id="notification_channels_retrieve")
    def get(self, request, *args, **kwargs):  # type: ignore[no-untyped-def]
        """One of them."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="notification_channels_update",
        request=ChannelChangesSerializer,
        responses={200: ChannelSerializer, **CHANNEL_REFUSALS},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change what is named. A mail address that is another by now is to be confirmed again."""
        channel = self.get_queryset().get(pk=pk)
        form = ChannelChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = dict(form.validated_data)
        enabled = wish.pop("enabled", None)
        actor, now = actor_of(request), datetime.now(UTC)
        if wish:
            channel = destinations.change(channel, **wish, actor=actor, now=now)
        if enabled is not None:
            switch = destinations.enable if enabled else destinations.disable
            switch(channel, actor=actor, now=now)
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data)

    @extend_schema(
        operation_id="notification_channels_destroy",
        responses={
            204: OpenApiResponse(description="What waited to be sent there is given up"),
            400: OpenApiResponse(description="Your own address can be switched off alone"),
        },
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Remove it."""
        channel = self.get_queryset().get(pk=pk)
        destinations.remove(channel, actor=actor_of(request), now=datetime.now(UTC))
        return Response(status=204)


class ChannelTest(APIView):
    @extend_schema(
        operation_id="notification_channels_test",
        request=None,
        parameters=[KEY_HEADER],
        responses={202: NotificationSerializer, **CHANNEL_REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send a test. Ask `notifications/{id}/` until it is over: `answer` is what was answered."""
        channel = channel_for(request, pk)

        def act() -> idempotency.Reply:
            return 202, told(destinations.test(channel, now=datetime.now(UTC)))

        return answer_once(request, act)


class ChannelConfirmation(APIView):
    @extend_schema(
        operation_id="notification_channels_confirmation",
        request=None,
        parameters=[KEY_HEADER],
        responses={202: NotificationSerializer, **CHANNEL_REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Send the link that confirms a mail address once more."""
        channel = channel_for(request, pk)
        if channel.confirmed_at is not None:
            raise Invalid("target", _("It is confirmed."))

        def act() -> idempotency.Reply:
            return 202, told(destinations.ask_to_confirm(channel, now=datetime.now(UTC)))

        return answer_once(request, act)


class ChannelKey(APIView):
    @extend_schema(
        operation_id="notification_channels_secret",
        request=None,
        parameters=[KEY_HEADER],
        responses={200: KeySerializer, **CHANNEL_REFUSALS},
    )
    def post(self, request: Request, pk: int) -> Response:
        """A new signing key; the old one is worth nothing from now on."""
        channel = channel_for(request, pk)

        def act() -> idempotency.Reply:
            made = destinations.rotate_secret(
                channel, actor=actor_of(request), now=datetime.now(UTC)
            )
            return 200, {"secret": made}

        return revealing(answer_once(request, act, secrets=("secret",)))


def channel_for(request: Request, channel_id: int) -> NotificationChannel:
    """The person's own, else NotificationChannel.DoesNotExist, which is a 404."""
    visible = NotificationChannel.objects.visible_to(request.user)
    return visible.select_related("owner").get(pk=channel_id)


def told(notification: Notification) -> dict[str, Any]:
    return dict(NotificationSerializer(notification).data)
