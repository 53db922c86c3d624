"""How a page gets to its server: for who is signed in and may see it, and never from a cache."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from accounts.models import User
from servers.access import server_for
from servers.models import Server

P = ParamSpec("P")
ServerView = Callable[Concatenate[HttpRequest, Server, P], HttpResponse]


def of_server(view: ServerView[P]) -> Callable[Concatenate[HttpRequest, int, P], HttpResponse]:
    """Hands the view the server that the address names; whoever may not see it gets a 404."""

    @never_cache
    @login_required
    @wraps(view)
    def found(request: HttpRequest, pk: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            server = server_for(request.user, pk)
        except Server.DoesNotExist as error:
            raise Http404 from error
        return view(request, server, *args, **kwargs)

    return found  # type: ignore[return-value]  # login_required forgets how it is called


def person(request: HttpRequest) -> User:
    """Who is signed in; `of_server` let nobody else through."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    return user
