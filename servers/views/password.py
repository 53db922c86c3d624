"""A new password for a user inside a server: asked for with one's own, and shown once."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import idempotency, own_password, roles
from servers import access, operations, passwords, reading, steps
from servers.models import Action, Server
from servers.operations import Invalid
from servers.power import Refusal
from servers.views import controls
from servers.views.actions import actor_of, attempt, once
from servers.views.door import of_server, person
from servers.views.safety import Safety, wished

LONGEST_PASSWORD = 4096
GENERATED, CHOSEN = "generated", "chosen"
# Offered beside the server's usual one; any other may be typed.
USERS = ("root", "Administrator", "debian", "ubuntu")

WAYS = {
    steps.AGENT: _("At once, by the guest agent"),
    steps.CLOUD_INIT: _("At the next start, by cloud-init"),
}


class PasswordForm(forms.Form):
    username = forms.CharField(
        label=_("User in the server"),
        max_length=operations.LONGEST_USER_NAME,
        widget=forms.TextInput(
            attrs={
                "class": "input mono",
                "list": "users",
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
    )
    way = forms.ChoiceField(label=_("How"), widget=forms.RadioSelect)
    kind = forms.ChoiceField(
        label=_("New password"),
        choices=[(GENERATED, _("Make a strong one")), (CHOSEN, _("My own"))],
        initial=GENERATED,
        widget=forms.RadioSelect,
    )
    password = forms.CharField(
        label=_("Your own choice"),
        required=False,
        strip=False,
        max_length=passwords.LONGEST,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "new-password"}),
    )
    snapshot_first = forms.BooleanField(
        label=_("Take a snapshot first, deleted after 24 h"), required=False
    )
    current_password = forms.CharField(
        label=_("Your password for this panel"),
        strip=False,
        max_length=LONGEST_PASSWORD,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "current-password"}),
    )

    def __init__(self, server: Server, *args: Any, **kwargs: Any) -> None:
        ways = operations.password_ways(server)
        usual = operations.usual_user(server)
        kwargs["initial"] = {"username": usual, "way": ways[0] if ways else ""}
        super().__init__(*args, **kwargs)
        self.fields["way"].choices = [(way, WAYS[way]) for way in ways]  # type: ignore[attr-defined]
        self.users = list(dict.fromkeys([usual, *USERS]))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("kind") == GENERATED:
            cleaned["password"] = ""
        elif cleaned.get("kind") == CHOSEN and not cleaned.get("password"):
            self.add_error("password", now_("Enter the password that it is to be."))
        return cleaned


@sensitive_post_parameters("password", "current_password")
@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_password(
    request: HttpRequest, server: Server, safety: Safety | None = None
) -> HttpResponse:
    if not access.may(person(request), server, roles.OPERATE):
        status = 403 if request.method == "POST" else 200
        return page(request, server, PasswordForm(server), safety, status=status)
    if request.method != "POST":
        is_asked = reading.ask(server, now=datetime.now(UTC))
        return page(request, server, PasswordForm(server), safety, is_asked=is_asked)
    form = PasswordForm(server, request.POST)
    if not form.is_valid():
        return page(request, server, form, safety, status=400)
    if not own_password.is_right(request, person(request), form.cleaned_data["current_password"]):
        form.add_error("current_password", now_("This is not your password."))
        return page(request, server, form, safety, status=403)
    return reset(request, server, form, safety)


def reset(
    request: HttpRequest, server: Server, form: PasswordForm, safety: Safety | None
) -> HttpResponse:
    wish = form.cleaned_data
    done: dict[str, Any] = {}

    def act() -> idempotency.Reply:
        action, password = operations.reset_password(
            server,
            way=wish["way"],
            username=wish["username"],
            password=wish["password"],
            actor=actor_of(request),
            now=datetime.now(UTC),
            prelude=wished(request, safety),
        )
        return 202, {"action": action.pk, "password": password}

    def act_once() -> idempotency.Reply:
        status, body = once(request, "password", act, secrets=("password",))
        done.update(body)
        return status, body

    try:
        status, refused = attempt(act_once)
    except Invalid as error:
        form.add_error(error.field, str(error))
        return page(request, server, form, safety, status=400)
    if refused:
        form.add_error(None, refused)
        return page(request, server, form, safety, status=status)
    context = {
        **controls.context_of(server, person(request)),
        "tab": "password",
        "username": wish["username"],
        "is_generated": wish["kind"] == GENERATED,
        # None where the form was sent twice: it is shown once.
        "password": done["password"],
        "action": Action.objects.get(pk=done["action"]),
    }
    return render(request, "servers/password_set.html", context)


def page(
    request: HttpRequest,
    server: Server,
    form: PasswordForm,
    safety: Safety | None,
    *,
    is_asked: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "server": server,
        "tab": "password",
        "form": form,
        "refusal": refusal_of(request, server),
        "ways": operations.password_ways(server),
        "is_pending": operations.password_is_pending(server),
        "is_asked": is_asked,
        "has_safety": safety is not None,
        "safety_refused": safety.refused(server) if safety else "",
        "key": controls.new_key(),
    }
    return render(request, "servers/password.html", context, status=status)


def refusal_of(request: HttpRequest, server: Server) -> Refusal | None:
    if access.may(person(request), server, roles.OPERATE):
        return operations.password_refused(server)
    return Refusal("role")
