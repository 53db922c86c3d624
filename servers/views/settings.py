"""A server's settings: how it is called here, notes, labels, protection; and deleting it."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts import idempotency, roles
from servers import access, action_words, actions, labels, operations, ownership
from servers.access import MayNot
from servers.models import Server
from servers.operations import Invalid
from servers.power import Refusal
from servers.views import controls
from servers.views.actions import actor_of, attempt, once, see_other
from servers.views.door import of_server, person

LONGEST_NOTES = 10_000


class SettingsForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=128,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text=_("As it is called in this panel. The name inside the server stays as it is."),
    )
    notes = forms.CharField(
        label=_("Notes"),
        required=False,
        strip=False,
        max_length=LONGEST_NOTES,
        widget=forms.Textarea(attrs={"class": "input", "rows": 4}),
    )
    labels = forms.CharField(
        label=_("Labels"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(
            attrs={
                "class": "input mono",
                "rows": 4,
                "spellcheck": "false",
                "autocapitalize": "off",
            }
        ),
        help_text=_("One a line: a key, or key=value, such as env=prod."),
    )
    protected = forms.BooleanField(
        label=_("Protect it from being deleted"),
        required=False,
        help_text=_("While this is on, nobody can delete the server here, not even the staff."),
    )

    def clean_notes(self) -> str:
        # Browsers send every line's end as two characters.
        return str(self.cleaned_data["notes"]).replace("\r\n", "\n")

    def clean_labels(self) -> dict[str, str]:
        try:
            return labels.parse_all(self.cleaned_data["labels"].replace("\r", ""))
        except labels.BadLabel as error:
            raise forms.ValidationError(str(error)) from error


class DeleteForm(forms.Form):
    confirm = forms.CharField(
        label=_("Its name"),
        max_length=128,
        strip=False,
        widget=forms.TextInput(
            attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    stop_first = forms.BooleanField(label=_("Power it off first"), required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_settings(request: HttpRequest, server: Server) -> HttpResponse:
    if request.method != "POST":
        return page(request, server)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return page(request, server, form=form, status=400)
    try:
        ownership.describe(
            server, form.cleaned_data, actor=actor_of(request), now=datetime.now(UTC)
        )
    except MayNot as error:
        form.add_error(None, str(error))
        return page(request, server, form=form, status=403)
    messages.success(request, now_("Saved."))
    return see_other("server-settings", server.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@of_server
def server_delete(request: HttpRequest, server: Server) -> HttpResponse:
    if request.method != "POST":
        # Who had to sign in first is led back by GET, which deletes nothing.
        return redirect("server-settings", server.pk)
    form = DeleteForm(request.POST)
    if not form.is_valid():
        return page(request, server, deletion=form, status=400)
    wish: dict[str, Any] = form.cleaned_data

    def act() -> idempotency.Reply:
        action = operations.delete(server, **wish, actor=actor_of(request), now=datetime.now(UTC))
        return 202, {"action": action.pk}

    try:
        status, refused = attempt(lambda: once(request, "delete", act))
    except Invalid as error:
        form.add_error(error.field, str(error))
        return page(request, server, deletion=form, status=400)
    if refused:
        form.add_error(None, refused)
        return page(request, server, deletion=form, status=status)
    messages.success(request, now_("%(name)s is being deleted.") % {"name": server.name})
    return see_other("server-list")


def page(
    request: HttpRequest,
    server: Server,
    *,
    form: SettingsForm | None = None,
    deletion: DeleteForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "server": server,
        "tab": "settings",
        "form": form or SettingsForm(initial=as_it_is(server)),
        "deletion": deletion or DeleteForm(),
        "why_not_changed": access.why_not(person(request), server, roles.DESCRIBE),
        "why_not_deleted": why_not_deleted(request, server),
        "key": controls.new_key(),
    }
    return render(request, "servers/settings.html", context, status=status)


def as_it_is(server: Server) -> dict[str, object]:
    return {
        "name": server.name,
        "notes": server.notes,
        "labels": "\n".join(str(label) for label in server.labels.all()),
        "protected": server.protected,
    }


def why_not_deleted(request: HttpRequest, server: Server) -> str:
    if not operations.may_delete(actor_of(request), server):
        return action_words.reason(Refusal("forbidden"))
    offers = operations.offers(server, actions.active_action(server), person(request))
    return action_words.reason(offers.refusals["delete"])
