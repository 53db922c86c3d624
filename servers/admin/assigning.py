"""Giving servers to somebody: chosen from a list, or found here; what changes is said first."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import roles
from accounts.audit import Actor
from accounts.models import Source, User
from servers import finding, ownership
from servers.models import Server

# So many are listed to be ticked, and so many are named before they change hands.
MOST_FOUND = 50
MOST_NAMED = 50


class OwnerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A mail address; the page's module offers those that begin like what is typed."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(str(value).strip().lower() if value else value)


class AssignForm(forms.Form):
    owner = OwnerField(
        User.objects.filter(is_active=True),
        to_field_name="email",
        required=False,
        label=_("New owner"),
        help_text=_("Mail address. Left empty, the servers belong to nobody."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "list": "people", "data-suggest": "", "size": 40}
        ),
        error_messages={"invalid_choice": _("There is nobody with this address who can sign in.")},
    )


def assign(request: HttpRequest) -> HttpResponse:
    """The page of its own: `owner` is a mail address, `q` finds servers, which are ticked."""
    if not request.user.has_perm(roles.DESCRIBE):
        raise PermissionDenied
    wish = request.POST if request.method == "POST" else request.GET
    ticked = wish.getlist(ACTION_CHECKBOX_NAME)
    chosen = [int(each) for each in ticked if each.isdecimal() and len(each) < 19]
    servers = Server.objects.filter(pk__in=chosen, present=True)
    if chosen:
        form = AssignForm(request.POST if "assign" in request.POST else None)
        form.initial["owner"] = wish.get("owner", "")
        return confirm(request, servers, form, action="")
    return choose(request, wish.get("q", ""), wish.get("owner", ""))


def choose(request: HttpRequest, text: str, owner: str) -> HttpResponse:
    wanted = finding.tidy(text)
    found = finding.servers(wanted) if wanted else Server.objects.filter(owner=None)
    found = found.filter(present=True).exclude(owner__email=owner) if owner else found
    context = {
        **admin.site.each_context(request),
        "title": gettext("Assign servers"),
        "opts": Server._meta,
        "q": wanted,
        "owner": owner,
        "found": found.filter(present=True).select_related("owner", "cluster")[:MOST_FOUND],
        "most": MOST_FOUND,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return render(request, "admin/servers/choose_servers.html", context)


def confirm(
    request: HttpRequest, servers: QuerySet[Server], form: AssignForm, *, action: str
) -> HttpResponse:
    """Says what changes hands and asks for whom; does it once that is said. `action` is that of the
    list, which sends itself what is ticked."""
    if form.is_valid():
        owner = form.cleaned_data["owner"]
        give(request, servers, owner)
        if owner is not None and not action:
            return redirect("admin:accounts_user_change", owner.pk)
        return redirect("admin:servers_server_changelist")
    named = list(servers.select_related("owner", "cluster").order_by("name", "pk"))
    context = {
        **admin.site.each_context(request),
        "title": gettext("Assign an owner"),
        "opts": Server._meta,
        "form": form,
        "servers": named,
        "named": named[:MOST_NAMED],
        "unnamed": max(0, len(named) - MOST_NAMED),
        "concerned": concerned(servers),
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "action": action,
        "address": "" if action else reverse("admin:servers_server_assign"),
    }
    return render(request, "admin/servers/assign_owner.html", context)


def give(request: HttpRequest, servers: QuerySet[Server], owner: User | None) -> None:
    actor = Actor.of(request, Source.ADMIN)
    changed = ownership.assign(servers, owner, actor=actor, now=timezone.now())
    said = ngettext("%(n)d server changed hands.", "%(n)d servers changed hands.", changed)
    messages.success(request, said % {"n": changed})


def concerned(servers: QuerySet[Server]) -> dict[str, int]:
    """How many of them have what the next owner gets with them, or what ends with this one."""
    ids = servers.values("pk")
    of = Server.objects.filter(pk__in=ids)
    return {
        "owned": of.exclude(owner=None).count(),
        "schedules": of.filter(snapshot_schedules__enabled=True).distinct().count(),
        "rules": of.filter(Q(alert_rules__isnull=False)).distinct().count(),
        "consoles": of.filter(console_requests__open=True).distinct().count(),
    }
