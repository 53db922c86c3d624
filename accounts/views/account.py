"""The account: who one is, the looks, the password, where one is signed in."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import password_validation, update_session_auth_hash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, own_password, profile, zones
from accounts.audit import Actor
from accounts.models import ApiSession, Source, User
from accounts.tokens import tell_nobody
from accounts.views.door import of_oneself

Tell = Callable[[int], None]
Follow = Callable[..., None]
WORDS = {"class": "input"}


class ProfileForm(forms.Form):
    first_name = forms.CharField(
        label=_("First name"),
        max_length=profile.LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={**WORDS, "autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=profile.LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={**WORDS, "autocomplete": "family-name"}),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=User._meta.get_field("language").choices or [],
        help_text=_("Of the pages, and of messages to you."),
        widget=forms.Select(attrs=WORDS),
    )
    time_zone = forms.CharField(label=_("Time zone"), max_length=64)
    theme = forms.ChoiceField(
        label=_("Appearance"),
        choices=lambda: [(value, capfirst(label)) for value, label in User.Theme.choices],
        required=False,
        widget=forms.Select(attrs=WORDS),
    )


class PasswordForm(forms.Form):
    current_password = forms.CharField(
        label=_("Your present password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={**WORDS, "autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        max_length=4096,
        strip=False,
        help_text=_("At least ten characters, and none that everybody would guess."),
        widget=forms.PasswordInput(attrs={**WORDS, "autocomplete": "new-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new_password(self) -> str:
        password = str(self.cleaned_data["new_password"])
        password_validation.validate_password(password, self.user)
        return password


def nothing_follows(user: User, *, now: datetime) -> None:
    """Stands where panel.urls puts what follows upon another time zone."""


@require_http_methods(["GET", "HEAD", "POST"])
@of_oneself
def account(
    request: HttpRequest, user: User, clock_changed: Follow = nothing_follows
) -> HttpResponse:
    if request.method != "POST":
        return page(request, user)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return page(request, user, profile_form=form, status=400)
    now = datetime.now(UTC)
    try:
        with transaction.atomic():
            changed = profile.change(user, form.cleaned_data, actor=actor_of(request), now=now)
            if "time_zone" in changed:
                clock_changed(user, now=now)
    except profile.BadChoice as error:
        form.add_error(error.field, str(error))
        return page(request, user, profile_form=form, status=400)
    # It is read on the next page, which is in the language that was just chosen.
    with translation.override(form.cleaned_data["language"]):
        messages.success(request, now_("Saved."))
    return HttpResponseRedirect(reverse("account"), status=303)


@require_POST
@of_oneself
def account_theme(request: HttpRequest, user: User) -> HttpResponse:
    """The switch in the menu: 204 for a module, back to where one was for a form."""
    wish = {"theme": request.POST.get("theme", "").replace("system", "")}
    try:
        profile.change(user, wish, actor=actor_of(request), now=datetime.now(UTC))
    except profile.BadChoice as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    address = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        address = reverse("account")
    return HttpResponseRedirect(address, status=303)


@sensitive_post_parameters()
@require_POST
@of_oneself
def account_password(request: HttpRequest, user: User, tell: Tell = tell_nobody) -> HttpResponse:
    """Another password ends every other session, also over the API; this one stays."""
    form = PasswordForm(user, request.POST)
    if not form.is_valid():
        return page(request, user, password_form=form, status=400)
    if not own_password.is_right(request, user, form.cleaned_data["current_password"]):
        form.add_error("current_password", now_("This is not your password."))
        return page(request, user, password_form=form, status=403)
    with transaction.atomic():
        user.set_password(form.cleaned_data["new_password"])
        user.save(update_fields=["password"])
        note(request, user, "account.password_changed")
    update_session_auth_hash(request, user)
    tell(user.pk)
    messages.success(request, now_("Your password is changed. You are signed out elsewhere."))
    return HttpResponseRedirect(reverse("account"), status=303)


@require_POST
@of_oneself
def account_session_end(
    request: HttpRequest, user: User, session: UUID, tell: Tell = tell_nobody
) -> HttpResponse:
    """What a program signed in with is good for nothing from now on."""
    now = datetime.now(UTC)
    with transaction.atomic():
        mine = ApiSession.objects.filter(pk=session, user=user)
        if mine.filter(ended_at=None).update(ended_at=now):
            note(request, user, "account.api_session_ended")
        elif not mine.exists():
            raise Http404
    tell(user.pk)
    messages.success(request, now_("It is signed out."))
    return HttpResponseRedirect(reverse("account"), status=303)


def page(
    request: HttpRequest,
    user: User,
    *,
    profile_form: ProfileForm | None = None,
    password_form: PasswordForm | None = None,
    status: int = 200,
) -> HttpResponse:
    as_it_is = {name: getattr(user, name) for name in profile.FIELDS}
    context = {
        "profile_form": profile_form or ProfileForm(initial=as_it_is),
        "password_form": password_form or PasswordForm(user),
        "zones": zones.options(),
        "sessions": ApiSession.objects.filter(user=user, ended_at=None).order_by("-renewed_at"),
        "is_own": getattr(request, "acting_staff", None) is None,
    }
    return render(request, "accounts/account.html", context, status=status)


def actor_of(request: HttpRequest) -> Actor:
    return Actor.of(request, Source.WEB)


def note(request: HttpRequest, user: User, event: str) -> None:
    audit.record(
        event,
        actor=actor_of(request),
        now=datetime.now(UTC),
        object_type="user",
        object_id=user.pk,
    )
