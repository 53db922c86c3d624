"""auth/token/, auth/token/refresh/, auth/logout/"""

from collections.abc import Callable
from datetime import UTC, datetime

from django.contrib.auth import authenticate
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import tokens
from accounts.models import User


class CredentialsSerializer(serializers.Serializer[dict[str, str]]):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=4096, write_only=True)


class TokensSerializer(serializers.Serializer[dict[str, str]]):
    access = serializers.CharField(help_text="For `Authorization: Bearer`; valid for 15 minutes.")
    refresh = serializers.CharField(help_text="Makes new ones; valid for 7 days, once.")


class RefreshSerializer(serializers.Serializer[dict[str, str]]):
    refresh = serializers.CharField(max_length=4096)


class OpenView(APIView):
    """For those who have no token yet, or an expired one in the header."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TokenView(OpenView):
    @extend_schema(
        operation_id="auth_token_create",
        request=CredentialsSerializer,
        responses={200: TokensSerializer, 401: OpenApiResponse(description="Wrong, or too often")},
    )
    def post(self, request: Request) -> Response:
        """Sign in: a mail address and a password for a pair of tokens."""
        form = CredentialsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = authenticate(
            request._request,
            username=User.objects.normalize_email(form.validated_data["email"]),
            password=form.validated_data["password"],
        )
        if not isinstance(user, User):
            raise AuthenticationFailed(_("No such person, or another password."))
        refresh = tokens.begin_session(user, request._request, now=datetime.now(UTC))
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)})


class RefreshView(OpenView):
    @extend_schema(
        operation_id="auth_token_refresh",
        request=RefreshSerializer,
        responses={200: TokensSerializer, 401: OpenApiResponse(description="Not good any more")},
    )
    def post(self, request: Request) -> Response:
        """A new pair of tokens for a refresh token, which is used up by it."""
        refresh = refresh_token(request)
        if not tokens.renew_session(refresh, now=datetime.now(UTC)):
            raise InvalidToken(_("The session has ended."))
        renewal = TokenRefreshSerializer(data={"refresh": str(refresh)})
        try:
            renewal.is_valid(raise_exception=True)
        except TokenError as error:
            raise InvalidToken(str(error)) from error
        return Response(renewal.validated_data)


class LogoutView(OpenView):
    tell: Callable[[int], None] = staticmethod(tokens.tell_nobody)

    @extend_schema(
        operation_id="auth_logout",
        request=RefreshSerializer,
        responses={204: None, 401: OpenApiResponse(description="Not a good token")},
    )
    def post(self, request: Request) -> Response:
        """End the session: its refresh token and every access token made from it."""
        refresh = refresh_token(request)
        refresh.blacklist()
        user = tokens.end_session(refresh, now=datetime.now(UTC))
        if user is not None:
            self.tell(user.pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


def refresh_token(request: Request) -> RefreshToken:
    form = RefreshSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    try:
        return RefreshToken(form.validated_data["refresh"])
    except TokenError as error:
        raise InvalidToken(str(error)) from error
