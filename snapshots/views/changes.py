"""Taking, rolling back and deleting: asked first, in a dialog or as a page of its own, then done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts import idempotency
from accounts.models import User
from servers import actions
from servers.models import Action, Server
from servers.operations import Invalid
from servers.views import controls
from servers.views.actions import actor_of, attempt, is_fetched, once, see_other
from servers.views.door import of_server, person
from snapshots import flow, names, offers
from snapshots.flow import Impossible, Wish
from snapshots.models import Snapshot, state_of
from snapshots.views.page import pieces

ASKED = ["GET", "HEAD", "POST"]
INPUT = {"class": "input", "autocomplete": "off"}


class TakeForm(forms.Form):
    title = forms.CharField(
        label=_("Title"),
        max_length=names.LONGEST_TITLE,
        widget=forms.TextInput(attrs={**INPUT, "dir": "auto"}),
        help_text=_("In any language, such as: before the upgrade."),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=flow.LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"class": "input", "rows": 2, "dir": "auto"}),
    )
    memory = forms.BooleanField(label=_("With its memory"), required=False)

    def clean_description(self) -> str:
        # Browsers send every line's end as two characters.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")


class RollBackForm(forms.Form):
    confirm = forms.CharField(
        label=_("Its name"),
        max_length=128,
        strip=False,
        widget=forms.TextInput(attrs={**INPUT, "spellcheck": "false"}),
    )
    start = forms.BooleanField(label=_("Start it afterwards"), required=False)
    snapshot_first = forms.BooleanField(
        label=_("Take a snapshot first, deleted after 24 h"), required=False
    )


class DeleteForm(forms.Form):
    """Nothing to be filled in."""


@dataclass(frozen=True)
class Question:
    """What is asked before something is done: which form, on which piece of a page."""

    request: HttpRequest
    server: Server
    template: str
    form: forms.Form
    context: dict[str, object] = field(default_factory=dict)

    def show(self, *, status: int = 200) -> HttpResponse:
        context = {
            "server": self.server,
            "tab": "snapshots",
            "form": self.form,
            "question": self.template,
            "key": controls.new_key(),
            **self.context,
        }
        template = self.template if is_fetched(self.request) else "snapshots/ask.html"
        return render(self.request, template, context, status=status)

    def answered(self, type: str, launch: Callable[[dict[str, Any]], Action]) -> HttpResponse:
        """Does it once, or asks anew with what was wrong."""
        if not self.form.is_valid():
            return self.show(status=400)
        wish = self.form.cleaned_data

        def act() -> idempotency.Reply:
            return 202, {"action": launch(wish).pk}

        try:
            status, refused = attempt(lambda: once(self.request, type, act))
        except Invalid as error:
            self.form.add_error(error.field, str(error))
            return self.show(status=400)
        except Impossible as error:
            status, refused = 422, str(error)
        if refused:
            self.form.add_error(None, refused)
            return self.show(status=status)
        if is_fetched(self.request):
            self.server.refresh_from_db()
            return pieces(self.request, self.server, status=status)
        return see_other("server-snapshots", self.server.pk)


@require_http_methods(ASKED)
@of_server
def server_snapshot_new(request: HttpRequest, server: Server) -> HttpResponse:
    state = state_of(server)
    offer = offers.taking(server, state, now=datetime.now(UTC))
    busy = offers.blocked(server, actions.active_action(server), person(request))
    context = {"offer": offer, "why_not": busy or offer.refused, "memory": memory_of(server)}
    form = TakeForm(request.POST if request.method == "POST" else None)
    question = Question(request, server, "snapshots/take_form.html", form, context)
    if request.method != "POST":
        return question.show()

    def launch(wish: dict[str, Any]) -> Action:
        return flow.take(server, Wish(**wish), actor=actor_of(request), now=datetime.now(UTC))[1]

    return question.answered(flow.CREATE, launch)


def memory_of(server: Server) -> int | None:
    """What it adds to a snapshot at most, bytes."""
    sample = getattr(server, "last_sample", None)
    return None if sample is None else sample.memory_total


@require_http_methods(ASKED)
@of_server
def server_snapshot_roll_back(
    request: HttpRequest, server: Server, snapshot_pk: int
) -> HttpResponse:
    snapshot = snapshot_of(server, snapshot_pk)
    form = RollBackForm(request.POST if request.method == "POST" else None, initial=usual(server))
    context = {
        "snapshot": snapshot,
        "why_not": why_not(snapshot, person(request)) or rolling_back_refused(snapshot),
        "has_safety": True,
        "safety_refused": safety_refused(server),
    }
    question = Question(request, server, "snapshots/roll_back_form.html", form, context)
    if request.method != "POST":
        return question.show()

    def launch(wish: dict[str, Any]) -> Action:
        return flow.roll_back(
            snapshot,
            confirm=wish["confirm"],
            start=wish["start"],
            take_first=wish["snapshot_first"],
            actor=actor_of(request),
            now=datetime.now(UTC),
        )

    return question.answered(flow.ROLL_BACK, launch)


def usual(server: Server) -> dict[str, object]:
    """What runs is expected to run again."""
    return {"start": server.status == Server.Status.RUNNING}


def rolling_back_refused(snapshot: Snapshot) -> str:
    return str(flow.rolling_back_refused(snapshot, state_of(snapshot.server)) or "")


def safety_refused(server: Server) -> str:
    """Before a roll-back: a newer one would stand in the way of storages like ZFS."""
    if state_of(server).newest_only:
        return now_("The storage goes back to the newest alone, so it would stand in the way.")
    return offers.safety_refused(server)


@require_http_methods(ASKED)
@of_server
def server_snapshot_delete(request: HttpRequest, server: Server, snapshot_pk: int) -> HttpResponse:
    snapshot = snapshot_of(server, snapshot_pk)
    form = DeleteForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {
        "snapshot": snapshot,
        "why_not": why_not(snapshot, person(request)),
    }
    question = Question(request, server, "snapshots/delete_form.html", form, context)
    if request.method != "POST":
        return question.show()
    return question.answered(
        flow.DELETE,
        lambda wish: flow.delete(snapshot, actor=actor_of(request), now=datetime.now(UTC)),
    )


def snapshot_of(server: Server, pk: int) -> Snapshot:
    """Of this very server, which its viewer may see."""
    snapshot = Snapshot.objects.filter(server=server, pk=pk).first()
    if snapshot is None:
        raise Http404
    snapshot.server = server
    return snapshot


def why_not(snapshot: Snapshot, viewer: User) -> str:
    server = snapshot.server
    if busy := offers.blocked(server, actions.active_action(server), viewer):
        return busy
    try:
        flow.check_is_there(snapshot)
    except Impossible as error:
        return str(error)
    return ""
