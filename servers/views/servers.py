"""The pages: my servers, and one server."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import locale
from accounts.models import User
from servers import labels, listing
from servers.listing import SORTS
from servers.models import Server
from servers.views import controls
from servers.views.door import of_server, person

SERVERS_PER_PAGE = 100
STATUSES = [status for status in Server.Status if status != Server.Status.GONE]
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
    usual_sort: str = "name"

    @classmethod
    def of(cls, asked: QueryDict, usual_sort: str = "name") -> "Wanted":
        status = asked.get("status", "")
        sort = asked.get("sort", "")
        return cls(
            search=asked.get("q", "").strip()[: listing.LONGEST_SEARCH],
            status=status if status in STATUSES else "",
            sort=sort if sort in SORTS else usual_sort,
            label=label_of(asked.get("label", "")),
            usual_sort=usual_sort,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.status or self.label)

    def address(self, **other: str) -> str:
        """The list's address with some of it changed; what is the default stays out."""
        asked = {
            "q": self.search,
            "label": self.label,
            "status": self.status,
            "sort": self.sort,
            **other,
        }
        if asked["sort"] == self.usual_sort:
            asked["sort"] = ""
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{reverse('server-list')}?{query}" if query else reverse("server-list")


@never_cache
@login_required
def server_list(request: HttpRequest) -> HttpResponse:
    viewer = person(request)
    arrangement = listing.arrangement_of(whose_looks(request))
    wanted = Wanted.of(request.GET, arrangement.sort)
    mine = Server.objects.visible_to(viewer).exclude(status=Server.Status.GONE)
    found = mine
    if wanted.search:
        found = listing.found_by(found, wanted.search, by_staff=viewer.is_staff)
    if wanted.label:
        found = labels.labelled(found, wanted.label)
    counts = dict(found.order_by().values_list("status").annotate(Count("pk")))
    if wanted.status:
        found = found.filter(status=wanted.status)
    found = found.select_related("last_sample", *(["owner"] if viewer.is_staff else []))
    found = found.defer("facts", "notes", "tags")
    page = Paginator(listing.ordered(found, wanted.sort), SERVERS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    chips = labels_row(wanted, listing.labels_of(mine))
    context = {
        "page": page,
        "wanted": wanted.search,
        "status": wanted.status,
        "sort": wanted.sort,
        "label": wanted.label,
        "without_label": wanted.address(label=""),
        "filters": filters_of(wanted, counts),
        "labels": chips,
        "label_is_listed": any(each["is_chosen"] for each in chips),
        "sorts": SORTS.items(),
        "sort_keys": SORTS,
        "heads": heads_of(arrangement),
        "shown": arrangement.shown,
        "layout": arrangement.layout,
        "columns": listing.COLUMNS.items(),
        "is_one": not wanted.is_filtered and sum(counts.values()) < 2,
        "here": wanted.address(sort="").partition("?")[2],
        "everything": wanted.address(q="", status="", label=""),
        "page_address": wanted.address(page="0").removesuffix("0"),
        "beside": listing.beside([server.pk for server in page]),
        "refresh_url": refresh_url(page),
    }
    return render(request, "servers/server_list.html", context)


@never_cache
@login_required
@require_POST
def server_list_view(request: HttpRequest) -> HttpResponse:
    """Keeps how this person likes the list, as a whole or one thing of it."""
    reader = whose_looks(request)
    before = listing.arrangement_of(reader)
    sent = request.POST
    hidden = (
        frozenset(listing.COLUMNS) - set(sent.getlist("columns"))
        if "columns_sent" in sent
        else before.hidden
    )
    # A button that was pressed stands after the form's own fields.
    layout = (sent.getlist("layout") or [before.layout])[-1]
    sort = (sent.getlist("sort") or [before.sort])[-1]
    listing.arrange(reader, listing.fitting(layout, sort, hidden))
    wanted = Wanted.of(QueryDict(sent.get("here", "")), sort)
    return redirect(wanted.address(sort=""))


def whose_looks(request: HttpRequest) -> User:
    """Who sits at the browser: a customer's view is not changed by who acts on their behalf."""
    return locale.reader_of(request) or person(request)


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


def heads_of(arrangement: listing.Arrangement) -> list[tuple[str, object]]:
    """The columns of the table; addresses and labels stand below the name."""
    columns = [key for key in arrangement.shown if key not in listing.BELOW_THE_NAME]
    return [(key, listing.COLUMNS.get(key) or SORTS[key]) for key in ("name", "status", *columns)]


def labels_row(wanted: Wanted, used: list[listing.LabelInUse]) -> list[dict[str, object]]:
    """The labels to filter by; the chosen one leads back."""
    return [
        {
            "text": label.text,
            "count": label.count,
            "is_unknown": label.is_unknown,
            "is_chosen": label.text == wanted.label,
            "address": wanted.address(label="" if label.text == wanted.label else label.text),
        }
        for label in used
    ]


def refresh_url(page: Page[Server]) -> str:
    """The API's own list of the servers on this page, for when the websocket is lost."""
    asked: list[tuple[str, str | int]] = [("status", status) for status in STATUSES]
    asked.append(("page_size", SERVERS_PER_PAGE))
    if page.object_list:
        asked.append(("id", ",".join(str(server.pk) for server in page)))
    return f"{reverse('api:servers')}?{urlencode(asked)}"
