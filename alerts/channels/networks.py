"""Into which networks a customer's address may lead. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Named one by one, as Python's own notion of what is global differs between its versions.
CLOSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
# All that is handed out of IPv6. What lies elsewhere is local, a group, or an IPv4 address in
# disguise (::ffff:0:0/96, 64:ff9b::/96).
OPEN_V6 = ip_network("2000::/3")


def address_of(text: str) -> Address:
    """Of what a resolver said; a zone (`fe80::1%eth0`) counts as part of no network of ours."""
    return ip_address(text.partition("%")[0])


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in OPEN_V6:
        return False
    return not is_within(address, CLOSED)
