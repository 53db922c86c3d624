"""What every API endpoint shares: one error shape, the mapping from domain errors."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from accounts.idempotency import InProgress, KeyReused
from alerts.destinations import TooOften
from alerts.episodes import Over as AlertOver
from alerts.rules import NotAllowed
from monitoring.history import BadRange
from servers import action_words, console_requests
from servers.access import MayNot
from servers.actions import Busy
from servers.api.actions import PasswordDenied
from servers.console_ends import Over
from servers.live import action_of
from servers.operations import Invalid, NotPossible
from servers.power import Refusal
from snapshots.flow import Impossible

CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def error(
    status: int, code: str, message: str, fields: dict[str, list[str]] | None = None
) -> Response:
    """The one shape of an error: {"error": {"code", "message", "fields"}}."""
    body = {"error": {"code": code, "message": message, "fields": fields or {}}}
    return Response(body, status=status)


def error_reply(raised: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: domain errors map to statuses here and nowhere else."""
    if isinstance(raised, ObjectDoesNotExist | Http404):
        set_rollback()
        return error(404, "not_found", _("There is no such object."))
    if isinstance(raised, RequestDataTooBig):
        return error(413, "too_large", _("The request is too large."))
    if isinstance(raised, BadRange):
        return error(400, "invalid", str(raised), {raised.field: [str(raised)]})
    if (refused := refusal_of(raised)) is not None:
        set_rollback()
        return refused
    if isinstance(raised, PermissionDenied):
        raised = exceptions.PermissionDenied()
    response = exception_handler(raised, context)
    if response is None or not isinstance(raised, exceptions.APIException):
        return response
    fields = fields_of(raised) if isinstance(raised, exceptions.ValidationError) else {}
    response.data = {
        "error": {
            "code": code_of(raised),
            "message": message_of(raised, fields),
            "fields": fields,
        }
    }
    return response


def refusal_of(raised: Exception) -> Response | None:
    """What a server, or the person, is not in a state for."""
    match raised:
        case Busy():
            response = error(409, "busy", action_words.reason(Refusal("busy", raised.action.type)))
            response.data["error"]["action"] = action_of(raised.action)
            return response
        case NotPossible(refusal=refusal):
            status = 403 if refusal.code == "forbidden" else 422
            return error(
                status, REFUSALS.get(refusal.code, refusal.code), action_words.reason(refusal)
            )
        case Invalid():
            fields = {raised.field: [str(raised)]}
            return error(400, "invalid", _("Some fields are not right."), fields)
        case MayNot():
            return error(403, "forbidden", str(raised))
        case PasswordDenied():
            text = _("This is not your password.")
            return error(403, "wrong_password", text, {"current_password": [text]})
        case Impossible(code=code):
            return error(422, code, str(raised))
        case Over(end=end):
            return error(422, end.reason, _(end.message))
    return alerts_refusal(raised) or consoles_refusal(raised) or repeated(raised)


def alerts_refusal(raised: Exception) -> Response | None:
    """What an alert is not in a state for, or a rule is not the person's to change."""
    match raised:
        case NotAllowed():
            return error(403, "forbidden", str(raised))
        case TooOften():
            return error(429, "too_many_requests", str(raised))
        case AlertOver():
            return error(422, "over", _("It does not fire any more."))
    return None


def consoles_refusal(raised: Exception) -> Response | None:
    """What is asked of a console's owner, or answered."""
    match raised:
        case console_requests.BadReason():
            fields = {"reason": [str(raised)]}
            return error(400, "invalid", _("Some fields are not right."), fields)
        case console_requests.Over():
            return error(422, "over", _("It has been answered, or is over."))
    return None


def repeated(raised: Exception) -> Response | None:
    """An Idempotency-Key that came before."""
    match raised:
        case KeyReused():
            text = _("This Idempotency-Key came with another request.")
            return error(422, "key_reused", text)
        case InProgress():
            return error(409, "in_progress", _("The same request is being carried out."))
    return None


# The code of a refusal where the API has another word for it.
REFUSALS = {"lock": "locked", "state": "wrong_state", "kind": "wrong_kind"}


def code_of(raised: exceptions.APIException) -> str:
    return CODES.get(raised.status_code, raised.default_code)


def message_of(raised: exceptions.APIException, fields: dict[str, list[str]]) -> str:
    if fields:
        return _("Some fields are not right.")
    detail: Any = raised.detail
    if isinstance(detail, dict):
        detail = detail.get("detail", next(iter(detail.values()), ""))
    if isinstance(detail, list):
        detail = detail[0] if detail else ""
    return str(detail)


def fields_of(raised: exceptions.ValidationError) -> dict[str, list[str]]:
    """Texts by field; what concerns no field stands under `non_field_errors`."""
    detail = raised.detail
    if isinstance(detail, list):
        return {"non_field_errors": [str(item) for item in detail]}
    return {str(name): list(texts_of(texts)) for name, texts in detail.items()}


def texts_of(detail: object) -> Iterator[str]:
    """Of a field that holds others, each text with the name of the one that it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from (f"{name}: {text}" for text in texts_of(inner))
    elif isinstance(detail, list):
        for inner in detail:
            yield from texts_of(inner)
    else:
        yield str(detail)


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
@permission_classes([AllowAny])
@authentication_classes([])
def not_found(request: Request) -> Response:
    """Any other path below the API's root: JSON as everything there."""
    return error(404, "not_found", _("There is no such object."))
