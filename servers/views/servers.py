"""The pages: my servers, and one server."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, FloatField, Prefetch, Q, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from servers import labels
from servers.models import Action, Server, ServerQuerySet
from servers.views import controls
from servers.views.door import of_server, person

SERVERS_PER_PAGE = 100
STATUSES = [status for status in Server.Status if status != Server.Status.GONE]

SORTS = {
    "name": _("Name"),
    "status": _("State"),
    "cpu": _("CPU"),
    "memory": _("Memory"),
    "disk": _("Disk"),
    "network": _("Network"),
    "uptime": _("Uptime"),
}
RANGES = {
    "1h": (3600, _("1 h")),
    "6h": (6 * 3600, _("6 h")),
    "24h": (24 * 3600, _("24 h")),
    "7d": (7 * 24 * 3600, _("7 d")),
}


@dataclass(frozen=True)
class Wanted:
    """What the list's address asks for; anything that makes no sense is left out."""

    search: str
    status: str
    sort: str
    label: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Wanted":
        status = request.GET.get("status", "")
        sort = request.GET.get("sort", "")
        return cls(
            search=request.GET.get("q", "").strip()[:128],
            status=status if status in STATUSES else "",
            sort=sort if sort in SORTS else "name",
            label=label_of(request.GET.get("label", "")),
        )

    def address(self, **other: str) -> str:
        """The list's address with some of it changed; what is the default stays out."""
        asked = {
            "q": self.search,
            "label": self.label,
            "status": self.status,
            "sort": self.sort,
            **other,
        }
        if asked["sort"] == "name":
            asked["sort"] = ""
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"?{query}" if query else reverse("server-list")


@never_cache
@login_required
def server_list(request: HttpRequest) -> HttpResponse:
    wanted = Wanted.of(request)
    found = Server.objects.visible_to(request.user).exclude(status=Server.Status.GONE)
    if wanted.search:
        found = found.filter(name__icontains=wanted.search)
    if wanted.label:
        found = labels.labelled(found, wanted.label)
    counts = dict(found.order_by().values_list("status").annotate(Count("pk")))
    if wanted.status:
        found = found.filter(status=wanted.status)
    active = Prefetch("actions", Action.objects.unfinished(), to_attr="active_actions")
    found = found.select_related("last_sample", "owner").prefetch_related("labels", active)
    page = Paginator(ordered(found, wanted.sort), SERVERS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "page": page,
        "wanted": wanted.search,
        "status": wanted.status,
        "sort": wanted.sort,
        "label": wanted.label,
        "without_label": wanted.address(label=""),
        "filters": filters_of(wanted, counts),
        "sorts": [(key, label, wanted.address(sort=key)) for key, label in SORTS.items()],
        "everything": wanted.address(q="", status="", label=""),
        "page_address": wanted.address(page="0").removesuffix("0"),
        "refresh_url": refresh_url(wanted, page),
    }
    return render(request, "servers/server_list.html", context)


@of_server
def server_detail(request: HttpRequest, server: Server) -> HttpResponse:
    chosen = request.GET.get("range", "")
    context = {
        **controls.context_of(server, person(request)),
        "tab": "overview",
        "ranges": [(key, seconds, label) for key, (seconds, label) in RANGES.items()],
        "range": chosen if chosen in RANGES else "1h",
    }
    return render(request, "servers/server_detail.html", context)


def label_of(text: str) -> str:
    try:
        labels.parse(text)
    except labels.BadLabel:
        return ""
    return text.strip()


def ordered(servers: ServerQuerySet, sort: str) -> ServerQuerySet:
    """By name or state, or by a number, highest first; what is not measured comes last."""
    if sort in {"name", "status"}:
        return servers.order_by(*dict.fromkeys([sort, "name", "id"]))
    last = "last_sample__"
    values: dict[str, Combinable] = {
        "cpu": F(f"{last}cpu"),
        "memory": share(f"{last}memory_used", f"{last}memory_total"),
        "disk": share(f"{last}disk_used", f"{last}disk_total"),
        "network": F(f"{last}network_in") + F(f"{last}network_out"),
        "uptime": F(f"{last}uptime"),
    }
    measured = Q(status__in=[Server.Status.RUNNING, Server.Status.UNKNOWN])
    shown = Case(When(measured, then=Cast(values[sort], FloatField())))
    return servers.annotate(shown=shown).order_by(F("shown").desc(nulls_last=True), "name", "id")


def share(used: str, total: str) -> Case:
    return Case(When(**{f"{total}__gt": 0}, then=Cast(F(used), FloatField()) / F(total)))


def filters_of(wanted: Wanted, counts: dict[str, int]) -> list[dict[str, object]]:
    """The states to filter by with how many servers are in each, all of them first."""
    listed: list[dict[str, object]] = [
        {
            "status": status,
            "label": capfirst(status.label),
            "count": counts.get(status, 0),
            "address": wanted.address(status=status),
        }
        for status in STATUSES
    ]
    whole = {"status": "", "label": _("All"), "count": sum(counts.values())}
    return [{**whole, "address": wanted.address(status="")}, *listed]


def refresh_url(wanted: Wanted, page: Page[Server]) -> str:
    """The API's own list of the servers on this page, for when the websocket is lost."""
    asked: list[tuple[str, str | int]] = [("status", status) for status in STATUSES]
    if wanted.search:
        asked.append(("name", wanted.search))
    if wanted.label:
        asked.append(("label", wanted.label))
    if wanted.sort == "name" and not wanted.status:
        asked += [("page", page.number), ("page_size", SERVERS_PER_PAGE)]
    else:
        asked.append(("page_size", 500))
    return f"{reverse('api:servers')}?{urlencode(asked)}"
