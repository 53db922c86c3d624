"""servers/{id}/console-requests/ and console-requests/{id}/: being let onto a console."""

from datetime import UTC, datetime

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from servers import console_requests
from servers.access import server_for
from servers.api.actions import actor_of
from servers.models import ConsoleRequest, Server


class ConsoleRequestSerializer(serializers.ModelSerializer[ConsoleRequest]):
    is_open = serializers.SerializerMethodField(help_text="It waits for an answer, or is allowed")

    class Meta:
        model = ConsoleRequest
        fields = [
            "id",
            "server",
            "reason",
            "asked_at",
            "answer",
            "answered_at",
            "until",
            "is_open",
        ]
        read_only_fields = fields

    def get_is_open(self, asked: ConsoleRequest) -> bool:
        return bool(asked.open) and asked.until > datetime.now(UTC)


class AskSerializer(serializers.Serializer[dict[str, str]]):
    reason = serializers.CharField(max_length=console_requests.LONGEST_REASON)


class AnswerSerializer(serializers.Serializer[dict[str, str]]):
    answer = serializers.ChoiceField(
        choices=[("allow", "allow"), ("deny", "deny"), ("end", "end")],
        help_text="The owner's word; `end` takes it back, also by who asked",
    )


class ServerConsoleRequests(APIView):
    @extend_schema(
        operation_id="servers_console_requests_list",
        responses=ConsoleRequestSerializer(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """When the staff asked for this server's console, the latest first; fifty at most."""
        server = server_for(request.user, pk)
        asked = ConsoleRequest.objects.visible_to(request.user).filter(server=server)[:50]
        return Response(ConsoleRequestSerializer(asked, many=True).data)

    @extend_schema(
        operation_id="servers_console_requests_create",
        request=AskSerializer,
        responses={
            201: ConsoleRequestSerializer,
            403: OpenApiResponse(description="For support staff alone"),
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask its owner. Asked for again while it is open, it is the same one."""
        server = server_for(request.user, pk)
        form = AskSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = console_requests.ask(
            server, form.validated_data["reason"], actor=actor_of(request), now=datetime.now(UTC)
        )
        return Response(ConsoleRequestSerializer(asked).data, status=201)


class ConsoleRequestAnswer(APIView):
    @extend_schema(
        operation_id="console_requests_answer",
        request=AnswerSerializer,
        responses={
            200: ConsoleRequestSerializer,
            403: OpenApiResponse(description="For the server's owner alone"),
            422: OpenApiResponse(description="It has been answered, or is over"),
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Allow it for an hour, deny it, or end it."""
        visible = Server.objects.visible_to(request.user)
        asked = ConsoleRequest.objects.select_related("server").get(pk=pk, server__in=visible)
        form = AnswerSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish, actor, now = form.validated_data["answer"], actor_of(request), datetime.now(UTC)
        if wish == "end":
            console_requests.end(asked, actor=actor, now=now)
        else:
            console_requests.answer(asked, allow=wish == "allow", actor=actor, now=now)
        asked.refresh_from_db()
        return Response(ConsoleRequestSerializer(asked).data)
