"""Finding anything by what somebody has of it: a name, an address, a number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from servers.models import Action, Address, Cluster, Label, Node, Server

LONGEST = 200
# More of a kind are a click away, in its list.
MOST = 8
HIGHEST_VMID = 999_999_999
PART_OF_ADDRESS = re.compile(r"[0-9a-fA-F.:]+")


@dataclass(frozen=True)
class Group:
    """What was found of one kind: `rows` are some, `has_more` whether there are others."""

    kind: str
    rows: list[Any]
    has_more: bool


def find(text: str) -> tuple[list[Any], list[Group]]:
    """What the text names exactly, and all that it is a part of. A fixed number of queries."""
    wanted = tidy(text)
    if not wanted:
        return [], []
    kinds = {
        "server": servers(wanted).select_related("owner", "cluster").prefetch_related("addresses"),
        "person": people(wanted),
        "cluster": Cluster.objects.filter(
            Q(name__icontains=wanted) | Q(endpoints__host__icontains=wanted)
        ).distinct(),
        "node": Node.objects.filter(name__icontains=wanted).select_related("cluster"),
        "action": actions(wanted),
    }
    groups = [group_of(kind, rows) for kind, rows in kinds.items()]
    found = [group for group in groups if group.rows]
    return list(exact_among(wanted, found)), found


def tidy(text: str) -> str:
    """One line of it, without what no database stores."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]


def group_of(kind: str, rows: QuerySet[Any]) -> Group:
    found = list(rows[: MOST + 1])
    return Group(kind, found[:MOST], len(found) > MOST)


def servers(text: str) -> QuerySet[Server]:
    """By either name, VMID, identity, label or IP address, or the beginning of one."""
    named = Q(name__icontains=text) | Q(guest_name__icontains=text)
    told = Q(identity__istartswith=text) | Q(owner__email__icontains=text)
    wanted = named | told | Q(pk__in=labelled(text))
    if text.isascii() and text.isdecimal() and int(text) <= HIGHEST_VMID:
        wanted |= Q(vmid=int(text))
    if (addressed := of_address(text)) is not None:
        wanted |= Q(pk__in=addressed)
    return Server.objects.filter(wanted).order_by("name", "pk")


def labelled(text: str) -> QuerySet[Any]:
    key, mark, value = text.partition("=")
    labels = Label.objects.filter(key__iexact=key.strip())
    if mark:
        labels = labels.filter(value__istartswith=value.strip())
    else:
        labels = labels | Label.objects.filter(value__iexact=text)
    return labels.values("server_id")


def of_address(text: str) -> QuerySet[Any] | None:
    """By the whole address however it is written, or by how it begins; None: it is no address."""
    if not PART_OF_ADDRESS.fullmatch(text) or not set(text) & set(".:"):
        return None
    try:
        found = Address.objects.filter(address=str(ip_address(text)))
    except ValueError:
        found = Address.objects.filter(address__startswith=text.lower())
    return found.values("server_id")


def people(text: str) -> QuerySet[User]:
    words = Q()
    for word in text.split():
        words &= (
            Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    return User.objects.filter(words).order_by("email")


def actions(text: str) -> QuerySet[Action]:
    """By UPID, as Proxmox writes it; a part that tells nothing finds none."""
    if not text.startswith("UPID:"):
        return Action.objects.none()
    found = Action.objects.filter(upid__startswith=text)
    return found.select_related("server").order_by("-requested_at")


def exact_among(text: str, groups: list[Group]) -> Iterator[Any]:
    for group in groups:
        for row in group.rows:
            if text.casefold() in {str(name).casefold() for name in names_of(row)}:
                yield row


def names_of(row: Any) -> tuple[object, ...]:
    """What somebody would call it by, wholly."""
    match row:
        case Server():
            addresses = (each.address for each in row.addresses.all())
            return row.name, row.guest_name, row.vmid, row.identity, *addresses
        case User():
            return (row.email,)
        case Action():
            return (row.upid,)
        case _:
            return (row.name,)
