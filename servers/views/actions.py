"""Acting on a server from its page: with JavaScript in place, without it by forms and redirects."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import idempotency
from accounts.audit import Actor
from accounts.models import Source
from servers import action_words, actions, operations, power
from servers.access import MayNot
from servers.models import Server
from servers.operations import Invalid, NotPossible
from servers.power import Refusal
from servers.views import controls
from servers.views.door import of_server, person
from servers.views.safety import CHANGES, Safety, wished

LONGEST_KEY = idempotency.LONGEST_KEY - 40


@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_actions(
    request: HttpRequest, server: Server, safety: Safety | None = None
) -> HttpResponse:
    """GET asks once more before a power change that interrupts; POST makes one."""
    wish = request.POST if request.method == "POST" else request.GET
    type = wish.get("type", "")
    if type not in power.VERBS:
        return redirect("server-detail", server.pk)
    do = change if request.method == "POST" else ask
    return do(request, server, type, safety)


def ask(
    request: HttpRequest, server: Server, type: str, safety: Safety | None = None
) -> HttpResponse:
    active = actions.active_action(server)
    refusals = operations.offers(server, active, person(request)).refusals
    context = {
        "server": server,
        "type": type,
        "label": action_words.label(type),
        "consequence": action_words.CONSEQUENCES.get(type, ""),
        "why_not": action_words.reason(refusals.get(type, Refusal("kind", server.kind))),
        "has_safety": safety is not None and type in CHANGES,
        "safety_refused": safety.refused(server) if safety and type in CHANGES else "",
        "key": controls.new_key(),
    }
    template = "servers/confirm_form.html" if is_fetched(request) else "servers/confirm.html"
    return render(request, template, context)


def change(
    request: HttpRequest, server: Server, type: str, safety: Safety | None = None
) -> HttpResponse:
    prelude = wished(request, safety) if type in CHANGES else None

    def act() -> idempotency.Reply:
        action = operations.change_power(
            server, type, actor=actor_of(request), now=datetime.now(UTC), prelude=prelude
        )
        return 202, {"action": action.pk}

    try:
        status, error = attempt(lambda: once(request, type, act))
    except Invalid as wrong:
        status, error = 422, str(wrong)
    if is_fetched(request):
        server.refresh_from_db()
        return controls.answer(request, server, status=status, error=error)
    if error:
        messages.error(request, error)
    return see_other("server-detail", server.pk)


def attempt(act: Callable[[], idempotency.Reply]) -> tuple[int, str]:
    """The status, and why it was not done; empty where it was."""
    try:
        status, _body = act()
    except MayNot as error:
        return 403, str(error)
    except NotPossible as error:
        status = 403 if error.refusal.code == "forbidden" else 422
        return status, action_words.reason(error.refusal)
    except actions.Busy as error:
        return 409, action_words.reason(Refusal("busy", error.action.type))
    except idempotency.InProgress:
        return 409, _("This is being done already.")
    except idempotency.KeyReused:
        return 422, _("This form was sent before. Reload the page and try again.")
    return status, ""


def once(
    request: HttpRequest,
    type: str,
    act: Callable[[], idempotency.Reply],
    *,
    secrets: tuple[str, ...] = (),
) -> idempotency.Reply:
    """However often this very form is sent, it acts once."""
    key = request.POST.get("key", "")[:LONGEST_KEY]
    sent = {name: value for name, value in request.POST.items() if name not in UNSIGNED}
    return idempotency.once(
        person(request),
        f"{type}:{key}" if key else "",
        request={"path": request.path, "body": sent},
        act=act,
        now=datetime.now(UTC),
        secrets=secrets,
    )


# What may differ between two sendings of one form.
UNSIGNED = ("csrfmiddlewaretoken", "current_password")


def actor_of(request: HttpRequest) -> Actor:
    return Actor.of(request, Source.WEB)


def is_fetched(request: HttpRequest) -> bool:
    """Whether a module asks, which puts the answer into the page that is open."""
    return request.headers.get("X-Requested-With") == "fetch"


def see_other(name: str, *args: object) -> HttpResponseRedirect:
    """After a POST: the page is got anew."""
    return HttpResponseRedirect(reverse(name, args=args), status=303)
