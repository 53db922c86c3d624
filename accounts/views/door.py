"""How pages about oneself are got to."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import User

P = ParamSpec("P")
OwnView = Callable[Concatenate[HttpRequest, User, P], HttpResponse]


def of_oneself(view: OwnView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hands the view who is signed in. Who acts on behalf of somebody sees the page, and changes
    nothing: an account is its owner's alone."""

    @never_cache
    @login_required
    @wraps(view)
    def opened(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            raise Http404
        if request.method == "POST" and getattr(request, "acting_staff", None):
            raise PermissionDenied(_("Only the customers themselves can change their account."))
        return view(request, user, *args, **kwargs)

    return opened  # type: ignore[return-value]  # login_required forgets how it is called
