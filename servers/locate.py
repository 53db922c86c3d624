"""Where a guest is now: it may have moved since the last cycle."""

from servers import verdicts
from servers.proxmox.errors import NotDelivered, ProxmoxRefused
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import GuestConfig, Kind


def find(reader: Gateway, *, node: str, kind: Kind, vmid: int) -> tuple[str, GuestConfig] | None:
    """Its node and configuration; `node` is where it was last, empty if that is not known.

    None where Proxmox does not list it any more; raises NotDelivered while it moves.
    """
    if node:
        try:
            return node, reader.guest_config(node=node, kind=kind, vmid=vmid)
        except ProxmoxRefused as error:
            if verdicts.kind_of(str(error)) != "moved":
                raise
    for guest in reader.resources().guests:
        if (guest.type, guest.vmid) != (kind, vmid):
            continue
        if guest.node == node:
            # The list is older than the move.
            raise NotDelivered("It is moving to another node.")
        return guest.node, reader.guest_config(node=guest.node, kind=kind, vmid=vmid)
    return None
