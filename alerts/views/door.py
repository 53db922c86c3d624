"""How the pages of alerts are got to: by who is signed in, and never from a cache."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts.models import User
from servers.views.door import person

P = ParamSpec("P")
PersonsView = Callable[Concatenate[HttpRequest, User, P], HttpResponse]


def signed_in(view: PersonsView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hands the view who is signed in."""

    @never_cache
    @login_required
    @wraps(view)
    def opened(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, person(request), *args, **kwargs)

    return opened  # type: ignore[return-value]  # login_required forgets how it is called


def back(request: HttpRequest, otherwise: str = "alerts") -> HttpResponseRedirect:
    """After a POST: to the page of ours whose form it was."""
    address = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        address = reverse(otherwise)
    return HttpResponseRedirect(address, status=303)
