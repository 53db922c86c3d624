"""servers/{id}/console/: a ticket for one look at its screen or terminal."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens
from accounts.audit import Actor
from accounts.models import Source, User
from servers import consoles
from servers.access import server_for
from servers.console_ends import Over
from servers.facts import facts_of
from servers.models import Server

# What was read of its configuration longer ago decides nothing: trying tells.
FACTS_HOLD = timedelta(minutes=10)


class WishSerializer(serializers.Serializer[dict[str, str]]):
    kind = serializers.ChoiceField(
        choices=consoles.Kind.choices, required=False, help_text="What the server has, if left out"
    )


class TicketSerializer(serializers.Serializer[dict[str, object]]):
    url = serializers.CharField(
        help_text="A page that shows the console to whoever opens it first; the ticket stands "
        "after the #, which browsers send to nobody."
    )
    kind = serializers.ChoiceField(choices=consoles.Kind.choices)
    expires_at = serializers.DateTimeField(help_text="Half a minute from now")


class ServerConsole(APIView):
    @extend_schema(
        operation_id="servers_console",
        request=WishSerializer,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request, pk: int) -> Response:
        """A ticket to one console: good once, for seconds, for you and this server.

        Your own client may use it too: websocket /ws/console/, first message
        `{"type": "open", "ticket": …}`; docs/console.md says the rest.
        """
        server = server_for(request.user, pk)
        wish = WishSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        now = datetime.now(UTC)
        kind = chosen(server, wish.validated_data.get("kind"), now=now)
        user: User = request.user  # type: ignore[assignment]  # nobody else was let in
        source = Source.API if request.auth is not None else Source.WEB
        ticket, session = consoles.make_ticket(
            server, user, kind, credential_of(request, user),
            Actor.of(request._request, source), now=now,
        )  # fmt: skip
        address = request.build_absolute_uri(reverse("console"))
        body = {"url": f"{address}#{ticket}", "kind": kind, "expires_at": session.expires_at}
        return Response(
            TicketSerializer(body).data,
            status=status.HTTP_201_CREATED,
            headers={"Cache-Control": "no-store"},
        )


def chosen(server: Server, wish: str | None, *, now: datetime) -> consoles.Kind:
    """The console that is asked for, or the usual one. Raises Over."""
    facts = facts_of(server)
    kind = consoles.usual(server, facts) if wish is None else consoles.Kind(wish)
    is_fresh = server.facts_at is not None and now - server.facts_at < FACTS_HOLD
    if facts is not None and is_fresh:
        lacking = consoles.lack(kind, has_screen=facts.has_screen, has_serial=facts.has_serial)
        if lacking is not None:
            raise Over(lacking)
    return kind


def credential_of(request: Request, user: User) -> tokens.Credential:
    """What this request came with: losing it ends the console."""
    auth_hash = user.get_session_auth_hash()
    token: Any = request.auth
    if token is not None:
        return tokens.Credential(user.pk, auth_hash, api_session=tokens.session_id(token))
    return tokens.Credential(user.pk, auth_hash, session_key=request.session.session_key)
