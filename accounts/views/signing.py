"""Signing in and out of the pages."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from accounts.forms import SignInForm
from accounts.tokens import tell_nobody
from accounts.views import acting


class SignInView(LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    # Whether there is nobody yet who could sign in: then it begins elsewhere.
    is_first_run: Callable[[], bool] = staticmethod(lambda: False)

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if self.is_first_run():
            return HttpResponseRedirect(reverse("setup"))
        return super().get(request, *args, **kwargs)


class SignOutView(LogoutView):
    """By POST alone, as Django has it: a link on another site signs nobody out."""

    tell: Callable[[int], None] = staticmethod(tell_nobody)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> Any:
        person = request.user.pk
        if staff := getattr(request, "acting_staff", None):
            acting.note("acting.ended", request, request.user, staff=staff)
        response = super().post(request, *args, **kwargs)
        if person is not None:
            self.tell(person)
        return response


def locked_out(request: HttpRequest, credentials: dict[str, Any], *_: object) -> HttpResponse:
    """What axes answers once too many wrong passwords came."""
    message = gettext("Too many wrong passwords. Try again in a quarter of an hour.")
    if request.path.startswith("/api/"):
        body = {"error": {"code": "too_many_requests", "message": message, "fields": {}}}
        return JsonResponse(body, status=429, headers={"Retry-After": "900"})
    return render(request, "accounts/locked_out.html", {"message": message}, status=429)
