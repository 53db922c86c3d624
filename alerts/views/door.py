"""How the pages of alerts are got to: by who is signed in, and never from a cache."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts import idempotency
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


def once(
    request: HttpRequest,
    user: User,
    type: str,
    act: Callable[[], idempotency.Reply],
    *,
    secrets: tuple[str, ...] = (),
) -> idempotency.Reply:
    """A form that is sent twice as it is acts once. One that was gone back to and changed is
    another."""
    body = {name: request.POST.getlist(name) for name in request.POST if name != CSRF_TOKEN}
    key = request.POST.get("key", "")
    return idempotency.once(
        user,
        f"{type}:{idempotency.fingerprint_of(body)}" if key else "",
        request={"path": request.path},
        act=act,
        now=datetime.now(UTC),
        secrets=secrets,
    )


CSRF_TOKEN = "csrfmiddlewaretoken"  # noqa: S105


def back(request: HttpRequest, otherwise: str = "alerts") -> HttpResponseRedirect:
    """After a POST: to the page of ours whose form it was."""
    address = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        address = reverse(otherwise)
    return HttpResponseRedirect(address, status=303)
