"""The console's page: for a person who is signed in, and for a ticket from the API."""

from datetime import UTC, datetime

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import User
from servers import console_ends, console_requests, consoles
from servers.access import server_for
from servers.facts import facts_of
from servers.models import Server

# Keys that a browser or a phone keeps to itself: the names by which static/js/console-keys.js knows
# them, and what stands on them.
KEYS = [
    ("Escape", "Esc"),
    ("Tab", "Tab"),
    ("PrintScreen", "PrtSc"),
    *((f"F{number}", f"F{number}") for number in range(1, 13)),
]

# xterm.js writes style elements of its own; no other page allows that.
with_styles = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})


@never_cache
@login_required
@with_styles  # type: ignore[arg-type]  # its stubs know no view with arguments
def server_console(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        server = server_for(request.user, pk)
    except Server.DoesNotExist as error:
        raise Http404 from error
    viewer = request.user
    if isinstance(viewer, User):
        now = datetime.now(UTC)
        if not console_requests.standing(viewer, server, now=now).may_open:
            return redirect("server-console-requests", server.pk)
    facts = facts_of(server)
    offered = consoles.offers(server, facts)
    wish = request.GET.get("kind", "")
    kind = wish if wish in consoles.Kind.values else consoles.usual(server, facts)
    context = {
        "server": server,
        "kind": kind,
        # A choice is worth its place where there are two.
        "kinds": [(other, other.label) for other in offered] if len(offered) > 1 else [],
        "keys": KEYS,
        "texts": texts(),
    }
    return render(request, "servers/console.html", context)


@never_cache
@with_styles
def ticket_console(request: HttpRequest) -> HttpResponse:
    """Holds nothing that is secret: what opens a console is the ticket after the #."""
    return render(
        request, "servers/console.html", {"server": None, "keys": KEYS, "texts": texts()}
    )


def texts() -> dict[str, object]:
    """What the page's modules write, in its language; the reasons by why a console ended."""
    return {
        "connecting": _("Connecting…"),
        "connected": _("Connected"),
        "reconnecting": _("The connection was lost. Connecting again…"),
        "noTicket": _("This address opens nothing any more: a console's address is good once."),
        "noPanel": _("The panel could not be reached. Is there a network?"),
        "signIn": _("You are signed out. Sign in to open the console."),
        "notFound": _("There is no such server."),
        "tooMany": _("Too many requests. Wait a minute and try again."),
        "badPassword": _("The server's screen did not accept the password of this session."),
        "left": _("The console is closed."),
        "typing": _("Typing… {done} of {all}"),
        "screenOf": _("Screen of {name}"),
        "ends": {
            console_ends.LEFT.reason: _("The console is closed."),
            console_ends.ENDED.reason: _("The session ended."),
            console_ends.INVALID.reason: _("The console's page sent something that was not understood. Reload it."),
            console_ends.SIGNED_OUT.reason: _("You are signed out. Sign in to open the console."),
            console_ends.BAD_TICKET.reason: _("This ticket is not good any more: it opens one console once, within half a minute."),
            console_ends.NO_ACCESS.reason: _("There is no such server, or you may not see it any more."),
            console_ends.IDLE.reason: _("Nothing was typed for a long time, so the console was closed."),
            console_ends.TIME_LIMIT.reason: _("The console was open for as long as consoles may be."),
            console_ends.SERVER_OFF.reason: _("The server is switched off. Start it to open its console."),
            console_ends.NO_SCREEN.reason: _("This server has no screen: its display is a serial port, which the text console shows."),
            console_ends.NO_SERIAL.reason: _("This server has no serial port, so there is no text console. A serial port (serial0) has to be added to the VM in Proxmox, and the system inside has to use it."),
            console_ends.NO_CONSOLE.reason: _("This server has neither a screen nor a serial console. Proxmox has to be told to give it one of them."),
            console_ends.OTHER_GUEST.reason: _("It is not certain that what Proxmox has in this place still is your server. Try again in a minute."),
            console_ends.TOO_SLOW.reason: _("Your browser did not keep up with the console."),
            console_ends.TOO_MANY.reason: _("You have too many consoles open. Close one of them."),
            console_ends.TOO_MUCH.reason: _("More was sent than the server takes."),
            console_ends.LOST.reason: _("The connection to the server's console was lost."),
            console_ends.UNREACHABLE.reason: _("The host of this server does not answer."),
            console_ends.DENIED.reason: _("The panel is not allowed to open consoles there. Please tell whoever runs it."),
            console_ends.REFUSED.reason: _("The host did not open the console. Try again."),
            console_ends.FAILED.reason: _("The console failed. Try again."),
            console_ends.VANISHED.reason: _("The panel was restarted."),
        },
    }  # fmt: skip
