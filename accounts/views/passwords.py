"""Choosing a password without the old one, by a link that came by mail."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, roles
from accounts.audit import Actor
from accounts.models import Source, User
from accounts.tokens import tell_nobody

Send = Callable[..., None]
NEW = {"class": "input", "autocomplete": "new-password"}


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=254,
        widget=forms.EmailInput(
            attrs={"class": "input", "autofocus": True, "autocomplete": "email"}
        ),
    )


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    new_password1 = forms.CharField(
        label=_("New password"),
        max_length=4096,
        strip=False,
        help_text=_("At least ten characters, and none that everybody would guess."),
        widget=forms.PasswordInput(attrs={**NEW, "autofocus": True}),
    )
    new_password2 = forms.CharField(
        label=_("The same once more"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs=NEW),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def password_forgotten(request: HttpRequest, send: Send) -> HttpResponse:
    """Says the same whether there is somebody of that address or not."""
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent:
        actor = Actor.of(request, Source.WEB)
        send(form.cleaned_data["email"], actor=Actor(None, Source.WEB, actor.address),
             now=datetime.now(UTC))  # fmt: skip
    status = 400 if request.method == "POST" and not is_sent else 200
    context = {"form": form, "is_sent": is_sent}
    return render(request, "accounts/password_forgotten.html", context, status=status)


@require_POST
@login_required
def person_invite(request: HttpRequest, pk: int, invite: Send) -> HttpResponse:
    """Staff have somebody sent a mail with a link to choose a password: once more, or at first.

    Whoever may not see people gets a 404. Of somebody with a role only administrators may.
    """
    staff = request.user
    if not staff.has_perm("accounts.view_user"):
        raise Http404
    person = get_object_or_404(User, pk=pk, is_active=True)
    wanted = roles.APPOINT if person.role else "accounts.change_user"
    if not staff.has_perm(wanted):
        raise PermissionDenied
    invite(person, actor=Actor.of(request, Source.ADMIN), now=datetime.now(UTC))
    words = gettext("A mail with a link to choose a password goes to %(email)s.")
    messages.success(request, words % {"email": person.email})
    return HttpResponseRedirect(
        reverse("admin:accounts_user_change", args=[person.pk]), status=303
    )


class PasswordSetView(PasswordResetConfirmView):
    """Django keeps the link's token in the session, and leads on to an address without it."""

    template_name = "accounts/password_set.html"
    form_class = NewPasswordForm
    post_reset_login = True
    post_reset_login_backend = "django.contrib.auth.backends.ModelBackend"
    tell: Callable[[int], None] = staticmethod(tell_nobody)

    def get_success_url(self) -> str:
        return "/"

    def get_user(self, uidb64: str) -> Any:
        """Who is shut out does not get in by a link."""
        person = super().get_user(uidb64)
        return person if person is not None and person.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        person = form.user
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(
                "account.password_set",
                actor=Actor.of(self.request, Source.WEB),
                now=datetime.now(UTC),
                object_type="user",
                object_id=person.pk,
            )
        self.tell(person.pk)
        return response
