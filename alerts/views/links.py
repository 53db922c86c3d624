"""What a link in a mail does. Nobody is signed in: the link itself is the permission.

A GET only asks, as mail scanners follow every link; a POST does it, the mail program's own included
(RFC 8058).
"""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from accounts.address import client_address
from accounts.audit import Actor
from accounts.models import Source
from alerts import granted, links
from servers.operations import Invalid


@csrf_exempt
@never_cache
def alert_link(request: HttpRequest, token: str) -> HttpResponse:
    now = datetime.now(UTC)
    try:
        grant = granted.of(token)
        # Whoever reads there, who need not be the owner.
        actor = Actor(None, Source.WEB, client_address(request))
        with translation.override(grant.owner.language):
            refusal = done(request, grant, actor, now) if request.method == "POST" else ""
            what = {**granted.shown(grant, now=now), "refusal": refusal}
            return page(request, "alerts/link.html", 409 if refusal else 200, what)
    except links.BadLink:
        return page(request, "alerts/link_gone.html", 410, {})


def done(request: HttpRequest, grant: granted.Grant, actor: Actor, now: datetime) -> str:
    """Why it was not done, empty where it was."""
    try:
        granted.use(grant, undo="undo" in request.POST, actor=actor, now=now)
    except Invalid as error:
        return str(error)
    return ""


def page(request: HttpRequest, name: str, status: int, what: dict[str, object]) -> HttpResponse:
    response = render(request, name, what, status=status)
    response["X-Robots-Tag"] = "noindex"
    # The address is the permission: it goes nowhere else.
    response["Referrer-Policy"] = "no-referrer"
    return response
