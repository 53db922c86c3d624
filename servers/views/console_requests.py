"""Asking a server's owner for its console, and the owner's word on it."""

from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from servers import console_requests
from servers.access import MayNot
from servers.models import ConsoleRequest, Server
from servers.views import controls
from servers.views.actions import actor_of, is_fetched, see_other
from servers.views.door import of_server, person

LIST = "server-console-requests"


class AskForm(forms.Form):
    reason = forms.CharField(
        label=_("Why you need it"),
        max_length=console_requests.LONGEST_REASON,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "dir": "auto"}),
        help_text=_("The owner of the server reads this, and it is kept."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_console_requests(request: HttpRequest, server: Server) -> HttpResponse:
    """What was asked, and for support the form that asks."""
    form = AskForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return page(request, server, form)
    if not form.is_valid():
        return page(request, server, form, status=400)
    actor, now = actor_of(request), datetime.now(UTC)
    try:
        made = console_requests.ask(server, form.cleaned_data["reason"], actor=actor, now=now)
    except MayNot as error:
        form.add_error(None, str(error))
        return page(request, server, form, status=403)
    except console_requests.BadReason as error:
        form.add_error("reason", str(error))
        return page(request, server, form, status=400)
    if made.answer == console_requests.Answer.ALLOWED:
        return see_other("server-console", server.pk)
    messages.success(request, now_("Its owner has been asked. This page tells what they say."))
    return see_other(LIST, server.pk)


@require_POST
@of_server
def server_console_request(request: HttpRequest, server: Server, request_pk: int) -> HttpResponse:
    """The owner's word: allow, deny, or end it; whoever asked may end it too."""
    asked = ConsoleRequest.objects.filter(server=server, pk=request_pk).first()
    if asked is None:
        raise Http404
    asked.server = server
    status, error = decided(request, asked)
    if is_fetched(request):
        return controls.answer(request, server, status=status, error=error)
    if error:
        messages.error(request, error)
        return page(request, server, AskForm(), status=status)
    return redirect(LIST, server.pk)


def decided(request: HttpRequest, asked: ConsoleRequest) -> tuple[int, str]:
    actor, now = actor_of(request), datetime.now(UTC)
    wish = request.POST.get("answer", "")
    try:
        if wish in ("allow", "deny"):
            console_requests.answer(asked, allow=wish == "allow", actor=actor, now=now)
        elif wish == "end":
            console_requests.end(asked, actor=actor, now=now)
        else:
            return 400, now_("Say whether you allow it.")
    except MayNot as error:
        return 403, str(error)
    except console_requests.Over:
        return 422, now_("It has been answered, or is over.")
    return 200, ""


def page(
    request: HttpRequest, server: Server, form: AskForm, *, status: int = 200
) -> HttpResponse:
    viewer, now = person(request), datetime.now(UTC)
    asked = (
        ConsoleRequest.objects.visible_to(viewer).filter(server=server).select_related("asked_by")
    )
    context = {
        "server": server,
        "tab": "console",
        "form": form,
        "standing": console_requests.standing(viewer, server, now=now),
        "requests": asked[: controls.RECENT],
        "now": now,
    }
    return render(request, "servers/console_requests.html", context, status=status)
