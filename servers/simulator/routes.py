"""What a route of the simulated API is: data that can be walked, and one function."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from servers.simulator.flows import Order
from servers.simulator.guests import Guest, Kind
from servers.simulator.nodes import Node
from servers.simulator.parameters import Parameter, Value
from servers.simulator.refusals import failed, forbidden, missing_config
from servers.simulator.world import SimulatedCluster


@dataclass(frozen=True, slots=True)
class Needs:
    """The privileges a call needs on a path with placeholders; all of them, or any."""

    path: str
    privileges: tuple[str, ...]
    any: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Data with the `total` that Proxmox adds to lists it cuts."""

    data: object
    total: int


@dataclass(frozen=True, slots=True)
class Slow:
    """Data that takes this many seconds to get."""

    data: object
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """One checked call. `member` is the node that was asked."""

    cluster: SimulatedCluster
    identity: str
    values: Mapping[str, Value]
    member: str
    kind: Kind = Kind.QEMU

    @property
    def now(self) -> float:
        return self.cluster.now

    @property
    def node(self) -> Node:
        return self.cluster.nodes[self.text("node")]

    @property
    def vmid(self) -> int:
        return self.number("vmid")

    @property
    def order(self) -> Order:
        return Order(self.cluster, self.kind, self.text("node"), self.vmid, self.identity)

    @property
    def guest(self) -> Guest:
        """The guest on this node, or the 500 with which Proxmox misses its configuration."""
        guest = self.order.guest
        if guest is None:
            folder = "qemu-server" if self.kind is Kind.QEMU else "lxc"
            raise failed(missing_config(self.text("node"), folder, self.vmid))
        return guest

    def text(self, name: str, default: str = "") -> str:
        return str(self.values.get(name, default))

    def number(self, name: str, default: int = 0) -> int:
        return int(self.values.get(name, default))

    def flag(self, name: str) -> bool:
        return bool(self.values.get(name))

    def may(self, path: str, *privileges: str) -> bool:
        """True where the caller has any of these privileges."""
        held = self.cluster.access.privileges(self.identity, path)
        return any(privilege in held for privilege in privileges)

    def require(self, path: str, *privileges: str, any: bool = False) -> None:
        check(self.cluster, self.identity, Needs(path, privileges, any), {})


@dataclass(frozen=True)
class Route:
    """`template` as in the API's documentation; `parameters` include those of the path."""

    method: str
    template: str
    answer: Callable[[Call], object]
    parameters: tuple[Parameter, ...] = ()
    needs: Needs | None = None
    kind: Kind = Kind.QEMU

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template) + "$")

    @property
    def on_node(self) -> bool:
        """Answered by the node in the path; another member passes the call on."""
        return self.template.startswith("/nodes/{node}")


def check(
    cluster: SimulatedCluster, identity: str, needs: Needs, path_values: Mapping[str, str]
) -> None:
    """403 unless this identity may; Proxmox names the first privilege that lacks, or all."""
    path = needs.path.format_map(path_values)
    held = cluster.access.privileges(identity, path)
    if needs.any:
        if not any(privilege in held for privilege in needs.privileges):
            raise forbidden(path, "|".join(needs.privileges))
        return
    for privilege in needs.privileges:
        if privilege not in held:
            raise forbidden(path, privilege)
