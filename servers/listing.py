"""The list of servers: what it is searched by, sorted by, and how each person likes to see it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Case, Count, F, FloatField, Max, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from servers import addresses, labels
from servers.models import Action, Address, Label, ListView, Server, ServerQuerySet

LONGEST_SEARCH = 128
# Labels to filter by, above the list; all others are found by search.
MOST_LABELS = 24

SORTS = {
    "name": _("Name"),
    "status": _("State"),
    "cpu": _("CPU"),
    "memory": _("Memory"),
    "disk": _("Disk"),
    "network": _("Network"),
    "uptime": _("Uptime"),
}
# What may be left out; name and state may not.
COLUMNS = {
    "cpu_line": _("CPU, last hour"),
    "cpu": _("CPU"),
    "memory": _("Memory"),
    "disk": _("Disk"),
    "network": _("Network"),
    "uptime": _("Uptime"),
    "age": _("Updated"),
    "address": _("Address"),
    "labels": _("Labels"),
}
BELOW_THE_NAME = frozenset(("address", "labels"))
LAYOUTS = dict(ListView.Layout.choices)
IS_UNKNOWN = Case(When(server__status=Server.Status.UNKNOWN, then=Value(1)), default=Value(0))


@dataclass(frozen=True)
class Arrangement:
    """`sort` is one of SORTS, `hidden` are some of COLUMNS, `layout` is one of LAYOUTS."""

    layout: str = ListView.Layout.ROWS
    sort: str = "name"
    hidden: frozenset[str] = field(default_factory=frozenset)

    @property
    def shown(self) -> list[str]:
        return [column for column in COLUMNS if column not in self.hidden]


@dataclass(frozen=True)
class LabelInUse:
    """How many of a person's servers bear it, and whether one of those is unknown. Without a value it
    is what `labels.labelled` finds by it: those with any value."""

    text: str
    count: int
    is_unknown: bool


@dataclass(frozen=True)
class Beside:
    """What stands in rows beside the servers themselves, by server: labels as text, the address that
    is shown first, the action that is under way."""

    labels: dict[int, list[str]]
    addresses: dict[int, str]
    actions: dict[int, Action]


def beside(servers: Collection[int]) -> Beside:
    """Read as tuples: a prefetch takes a model instance and a list for each."""
    borne: dict[int, list[str]] = defaultdict(list)
    rows = Label.objects.filter(server__in=servers).order_by("server_id", "key")
    for server, key, value in rows.values_list("server_id", "key", "value"):
        borne[server].append(f"{key}={value}" if value else key)
    shown: dict[int, str] = {}
    told = Address.objects.filter(server__in=servers).order_by("server_id", "position")
    for server, address in told.values_list("server_id", "address"):
        shown.setdefault(server, address)
    active = Action.objects.unfinished().filter(server__in=servers)
    return Beside(borne, shown, {action.server_id: action for action in active})


def arrangement_of(user: User) -> Arrangement:
    """As this person chose it last; what is not known any more is left out."""
    kept = ListView.objects.filter(user=user).first()
    if kept is None:
        return Arrangement()
    return fitting(kept.layout, kept.sort, kept.hidden if isinstance(kept.hidden, list) else [])


def fitting(layout: str, sort: str, hidden: Collection[object]) -> Arrangement:
    return Arrangement(
        layout=layout if layout in LAYOUTS else Arrangement.layout,
        sort=sort if sort in SORTS else Arrangement.sort,
        hidden=frozenset(column for column in COLUMNS if column in hidden),
    )


def arrange(user: User, wanted: Arrangement) -> None:
    ListView.objects.update_or_create(
        user=user,
        defaults={
            "layout": wanted.layout,
            "sort": wanted.sort,
            "hidden": sorted(wanted.hidden),
        },
    )


def found_by(servers: ServerQuerySet, text: str, *, by_staff: bool) -> ServerQuerySet:
    """By a part of the name, of a label or of an address; for staff by owner and VMID too."""
    text = text[:LONGEST_SEARCH]
    key, divider, value = text.partition("=")
    bears = Q(key__iexact=key, value__istartswith=value) if divider else (
        Q(key__icontains=text) | Q(value__icontains=text)
    )  # fmt: skip
    matches = Q(name__icontains=text)
    matches |= Q(pk__in=Label.objects.filter(bears).values("server_id"))
    if addresses.PART_OF_ADDRESS.fullmatch(text):
        matches |= Q(pk__in=addresses.having(text).values("server_id"))
    if by_staff:
        matches |= Q(owner__email__icontains=text) | Q(guest_name__icontains=text)
        if text.isascii() and text.isdigit() and len(text) <= 9:
            matches |= Q(vmid=int(text))
    return servers.filter(matches)


def labels_of(servers: ServerQuerySet) -> list[LabelInUse]:
    """The labels that these servers bear, by name; of very many those with most servers."""
    borne = Label.objects.filter(server__in=servers.order_by().values("pk")).order_by()
    rows = list(
        borne.values_list("key", "value")
        .annotate(count=Count("pk"), unknown=Max(IS_UNKNOWN))
        .order_by("-unknown", "-count", "key", "value")[:MOST_LABELS]
    )
    bare = [key for key, value, _, _ in rows if not value]
    whole = {
        labels.alike(key): (count, bool(unknown))
        for key, count, unknown in borne.filter(key__in=bare)
        .values_list("key")
        .annotate(count=Count("pk"), unknown=Max(IS_UNKNOWN))
    }
    return sorted(
        (
            LabelInUse(f"{key}={value}", count, bool(unknown))
            if value
            else LabelInUse(key, *whole.get(labels.alike(key), (count, bool(unknown))))
            for key, value, count, unknown in rows
        ),
        key=lambda label: label.text.casefold(),
    )


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
