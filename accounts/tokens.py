"""Tokens for the API, and what keeps a person's sockets open.

Each sign-in begins an ApiSession whose id stands in the refresh token and in all access tokens made
from it, so that signing out ends them all at once instead of when they expire.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import on_behalf
from accounts.address import client_address
from accounts.models import ApiSession, User
from accounts.session_person import session_person

CLAIM = "session"


@dataclass(frozen=True)
class Credential:
    """What lets somebody in: a browser's session or an access token.

    `auth_hash` stands for the password it was got with: another one ends it.
    """

    user_id: int
    auth_hash: str = field(repr=False)
    session_key: str | None = None
    api_session: UUID | None = None
    # One of the staff who acts on behalf of that person.
    staff_id: int | None = None
    staff_hash: str = field(default="", repr=False)
    expires_at: datetime | None = None


def begin_session(user: User, request: HttpRequest | None, *, now: datetime) -> RefreshToken:
    session = ApiSession.objects.create(
        user=user,
        address=client_address(request) if request else None,
        started_at=now,
        renewed_at=now,
    )
    refresh: RefreshToken = RefreshToken.for_user(user)
    refresh[CLAIM] = str(session.pk)
    return refresh


def renew_session(refresh: RefreshToken, *, now: datetime) -> bool:
    """Notes that a session is still in use. False where it has ended.

    It ends here if it belongs to somebody who is disabled, or has another password now: the access
    tokens that would come of it are good for nothing.
    """
    try:
        JWTAuthentication().get_user(refresh)
    except AuthenticationFailed:
        end_session(refresh, now=now)
        return False
    open_one = ApiSession.objects.filter(pk=session_id(refresh), ended_at=None)
    return bool(open_one.update(renewed_at=now))


def forget_sessions(*, now: datetime) -> int:
    """Removes sessions none of whose tokens can be good any more."""
    last = now - api_settings.REFRESH_TOKEN_LIFETIME
    deleted, _ = ApiSession.objects.filter(renewed_at__lt=last).delete()
    return deleted


def end_session(refresh: RefreshToken, *, now: datetime) -> User | None:
    """Ends the session the token belongs to. None where it had ended before."""
    session = ApiSession.objects.filter(pk=session_id(refresh)).select_related("user").first()
    if session is None:
        return None
    ended = ApiSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now)
    return session.user if ended else None


def tell_nobody(user_id: int) -> None:
    """Stands where panel.urls puts what is to happen when somebody signed out."""


def session_id(token: Token) -> UUID:
    try:
        return UUID(str(token[CLAIM]))
    except (KeyError, ValueError) as error:
        raise InvalidToken(gettext("The token belongs to no session.")) from error


def lets_in(user: User, token: Token) -> bool:
    """Whether the token is this person's, who may sign in and has the password that they had then."""
    return (
        str(token.get(api_settings.USER_ID_CLAIM)) == str(user.pk)
        and user.is_active
        and token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password)
    )


class SessionJWTAuthentication(JWTAuthentication):
    """An access token counts while its session is open."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """It speaks for its person alone, whomever a browser's session beside it stands in for."""
        found = super().authenticate(request)
        if found is not None:
            request._request.acting_staff = None  # type: ignore[attr-defined]
        return found

    def get_user(self, validated_token: Token) -> Any:
        """Of the session, in one query with it. What else may be wrong, the parent finds out."""
        person = session_person(session_id(validated_token))
        if person is not None and lets_in(person, validated_token):
            return person
        super().get_user(validated_token)
        raise AuthenticationFailed(gettext("The session has ended."), code="session_ended")


def credential_of(raw_token: str) -> Credential | None:
    """Who an access token lets in; None where it is not good."""
    authentication = SessionJWTAuthentication()
    try:
        token = authentication.get_validated_token(raw_token.encode())
        user = authentication.get_user(token)
    except (AuthenticationFailed, InvalidToken, TokenError):
        return None
    expires_at = datetime.fromtimestamp(int(token["exp"]), UTC)
    return Credential(
        user.pk,
        user.get_session_auth_hash(),
        api_session=session_id(token),
        expires_at=expires_at,
    )


def still_good(credentials: Iterable[Credential], *, now: datetime) -> set[Credential]:
    """Those that would still let somebody in: three queries for any number of them, and one or
    two more where staff act on behalf of customers."""
    asked = list(credentials)
    staff_ids = {c.staff_id for c in asked if c.staff_id is not None}
    acting = on_behalf.still_acting(staff_ids) if staff_ids else {}
    people = User.objects.filter(pk__in={c.user_id for c in asked}, is_active=True)
    auth_hashes = {user.pk: user.get_session_auth_hash() for user in people}
    sessions = live_sessions({c.session_key for c in asked if c.session_key})
    api_sessions = set(
        ApiSession.objects.filter(
            pk__in={c.api_session for c in asked if c.api_session}, ended_at=None
        ).values_list("pk", flat=True)
    )
    return {
        c
        for c in asked
        if constant_time_compare(auth_hashes.get(c.user_id, ""), c.auth_hash)
        and (c.session_key is None or c.session_key in sessions)
        and (c.api_session is None or c.api_session in api_sessions)
        and (c.expires_at is None or c.expires_at > now)
        and (
            c.staff_id is None or constant_time_compare(acting.get(c.staff_id, "-"), c.staff_hash)
        )
    }


def live_sessions(keys: set[str]) -> set[str]:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    model = store.get_model_class()
    return set(
        model.objects.filter(session_key__in=keys, expire_date__gt=datetime.now(UTC)).values_list(
            "session_key", flat=True
        )
    )
