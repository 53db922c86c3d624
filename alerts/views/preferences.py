"""When a person would rather not be told."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.models import User
from alerts import preferences
from alerts.views.door import signed_in
from servers.operations import Invalid
from servers.views.actions import actor_of, see_other

CLOCK = {"class": "input", "type": "time"}


class PreferencesForm(forms.Form):
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs=CLOCK, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=_("until"),
        required=False,
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs=CLOCK, format="%H:%M"),
    )
    critical_anyway = forms.BooleanField(
        label=_("Tell me of what is critical all the same"), required=False
    )
    incidents = forms.BooleanField(
        label=_("Tell me when a node, a storage or a cluster is at fault"), required=False
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.is_staff:
            del self.fields["incidents"]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def alert_preferences(request: HttpRequest, user: User) -> HttpResponse:
    if request.method != "POST":
        return page(request, PreferencesForm(user, initial=as_they_are(user)))
    form = PreferencesForm(user, request.POST)
    if not form.is_valid():
        return page(request, form, status=400)
    try:
        preferences.change(user, form.cleaned_data, actor=actor_of(request), now=datetime.now(UTC))
    except Invalid as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return page(request, form, status=400)
    messages.success(request, now_("Saved."))
    return see_other("alert-preferences")


def as_they_are(user: User) -> dict[str, object]:
    kept = preferences.of(user)
    return {name: preferences.value_of(user, kept, name) for name in preferences.OF_ALERTS}


def page(request: HttpRequest, form: PreferencesForm, *, status: int = 200) -> HttpResponse:
    context = {
        "tab": "preferences",
        "form": form,
    }
    return render(request, "alerts/preferences.html", context, status=status)
