"""What is answered where no view answers: JSON below /api/, as everything there; pages elsewhere."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return error(400, "invalid", _("The request is not right."))
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API):
        return error(404, "not_found", _("There is no such object."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Neither way touches the database: it may be what failed."""
    if request.path.startswith(API):
        return error(500, "failed", _("The panel failed to answer. Please try again in a moment."))
    return defaults.server_error(request)


def error(status: int, code: str, message: str) -> JsonResponse:
    body = {"error": {"code": code, "message": message, "fields": {}}}
    return JsonResponse(body, status=status)
