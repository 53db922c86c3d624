"""Which addresses a guest says that it has. It may say anything."""

import ipaddress
from collections.abc import Iterable
from typing import Any

import msgspec

from servers.proxmox.errors import ProxmoxMalformed
from servers.proxmox.types import GuestAddress

MOST_ADDRESSES = 16
MOST_INTERFACES = 256
LONGEST_NAME = 64

# Bridges and ends of cables between containers inside the guest: nobody reaches it by those.
INNER = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "podman", "lxcbr", "lxdbr")
# Reached from where they are routed alone, so that they come after all others.
PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def addresses(data: msgspec.Raw) -> list[GuestAddress]:
    """Those by which the guest may be reached, each once, the best to show first.

    A VM's agent wraps the list of interfaces in `result`; a container's host sends it bare, before
    PVE 8 with `inet` and `inet6` alone.
    """
    found: dict[IPAddress, str] = {}
    for interface in interfaces(data):
        name = plain(interface.get("name"))
        if name.startswith(INNER):
            continue
        for text in texts(interface):
            if (address := reachable(text)) is not None:
                found.setdefault(address, name)
    best = sorted(found, key=lambda address: (is_private(address), address.version))
    return [GuestAddress(str(address), found[address]) for address in best[:MOST_ADDRESSES]]


def interfaces(data: msgspec.Raw) -> list[dict[str, Any]]:
    body: object = msgspec.json.decode(data)
    if isinstance(body, dict):
        body = body.get("result")
    if body is None:
        return []
    if not isinstance(body, list):
        raise ProxmoxMalformed("The reply is no list of network interfaces.")
    return [each for each in body[:MOST_INTERFACES] if isinstance(each, dict)]


def texts(interface: dict[str, Any]) -> Iterable[str]:
    listed = interface.get("ip-addresses")
    if isinstance(listed, list):
        for entry in listed[:MOST_INTERFACES]:
            if isinstance(entry, dict):
                yield str(entry.get("ip-address", ""))
    else:
        for name in ("inet", "inet6"):
            yield str(interface.get(name, "")).partition("/")[0]


def reachable(text: str) -> IPAddress | None:
    """None for what is no address, and for those that lead nowhere from outside of the guest."""
    try:
        address: IPAddress = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return None
        address = address.ipv4_mapped or address
    leads_nowhere = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address == ipaddress.IPv4Address("255.255.255.255")
    )
    return None if leads_nowhere else address


def is_private(address: IPAddress) -> bool:
    return any(address in network for network in PRIVATE)


def plain(name: object) -> str:
    return "".join(letter for letter in str(name or "")[:LONGEST_NAME] if letter.isprintable())
