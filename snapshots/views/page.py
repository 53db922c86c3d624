"""A server's snapshots as their tree, what can be done with them, and what is being done.

The page and the piece that modules fetch anew are filled alike.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from servers.models import Server
from servers.views import controls
from servers.views.door import of_server, person
from snapshots import look, offers
from snapshots.models import ServerSnapshots, Snapshot, SnapshotSchedule, state_of
from snapshots.offers import Offer


@dataclass(frozen=True)
class Summary:
    """The line above the tree."""

    count: int
    limit: int
    old: int
    next_run: SnapshotSchedule | None
    looked_at: datetime | None

    @property
    def share(self) -> float | None:
        return self.count / self.limit if self.limit else None


@require_safe
@of_server
def server_snapshots(request: HttpRequest, server: Server) -> HttpResponse:
    is_asked = look.ask(server, now=datetime.now(UTC))
    context = {
        **context_of(request, server),
        "tab": "snapshots",
        "is_asked": is_asked,
        "controls_url": reverse("server-snapshot-pieces", args=[server.pk]),
    }
    return render(request, "snapshots/server.html", context)


@require_safe
@of_server
def server_snapshot_pieces(request: HttpRequest, server: Server) -> HttpResponse:
    """The pieces alone, for modules."""
    look.ask(server, now=datetime.now(UTC))
    return pieces(request, server)


def pieces(request: HttpRequest, server: Server, *, status: int = 200) -> HttpResponse:
    return render(request, "snapshots/pieces.html", context_of(request, server), status=status)


def context_of(request: HttpRequest, server: Server) -> dict[str, object]:
    now = datetime.now(UTC)
    viewer = person(request)
    context = controls.context_of(server, viewer)
    state = state_of(server)
    snapshots = list(Snapshot.objects.filter(server=server))
    lines = offers.lines(
        snapshots,
        state,
        active=context["active"],  # type: ignore[arg-type]  # an action, or none
        server=server,
        viewer=viewer,
        now=now,
    )
    offer = offers.taking(server, state, now=now)
    return {
        **context,
        "state": state,
        "lines": lines,
        "offer": offer,
        "taking_refused": offers.blocked(server, context["active"], viewer) or offer.refused,  # type: ignore[arg-type]  # as above
        "limit_refused": limit_words(offer, state),
        "summary": summary_of(server, state, lines),
    }


def limit_words(offer: Offer, state: ServerSnapshots) -> str:
    """What is said in sight and not on the button alone; empty where snapshots can be taken."""
    return offer.refused if offer.delete_first or state.can_take is False else ""


def summary_of(server: Server, state: ServerSnapshots, lines: list[offers.Line]) -> Summary:
    schedules = SnapshotSchedule.objects.filter(server=server, enabled=True)
    return Summary(
        count=sum(line.snapshot is not None for line in lines),
        limit=state.limit,
        old=sum(line.is_old for line in lines),
        next_run=schedules.exclude(next_run_at=None).order_by("next_run_at").first(),
        looked_at=state.looked_at,
    )
