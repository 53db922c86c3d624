"""Servers' IP addresses: kept as their guests last told them, and found by them."""

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from servers.models import Address, Server
from servers.proxmox.types import GuestAddress

AGAIN = timedelta(minutes=10)
# A guest that has just started may have no address yet, or no agent that could tell.
SOON = timedelta(minutes=1)
JUST_STARTED = timedelta(minutes=5)

PART_OF_ADDRESS = re.compile(r"(?=.*[.:])[0-9A-Fa-f.:]{2,39}")


def next_at(server: Server, found: Sequence[GuestAddress], *, now: datetime) -> datetime:
    """When to ask again; `found` is empty also where the guest did not tell."""
    is_new = now - server.status_since < JUST_STARTED
    return now + (SOON if is_new and not found else AGAIN)


def note(server: Server, found: Sequence[GuestAddress], *, now: datetime) -> None:
    """What the guest has told. What it had before goes, also when it has none any more."""
    told = [(each.address, each.interface) for each in found]
    with transaction.atomic():
        Server.objects.filter(pk=server.pk).update(
            addresses_next_at=next_at(server, found, now=now)
        )
        rows = Address.objects.filter(server_id=server.pk)
        if list(rows.values_list("address", "interface")) == told:
            return
        rows.delete()
        Address.objects.bulk_create(
            Address(server_id=server.pk, position=position, address=address, interface=interface)
            for position, (address, interface) in enumerate(told)
        )


def put_off(server: Server, *, now: datetime) -> None:
    """It did not tell: what it had last is still the best that is known."""
    Server.objects.filter(pk=server.pk).update(addresses_next_at=next_at(server, (), now=now))


def having(text: str) -> QuerySet[Address]:
    """Those that an address or a part of one names; none where it cannot be part of one."""
    if not PART_OF_ADDRESS.fullmatch(text):
        return Address.objects.none()
    found = Q(address__icontains=text)
    try:
        found |= Q(address=str(ipaddress.ip_address(text)))
    except ValueError:
        pass
    return Address.objects.filter(found)
