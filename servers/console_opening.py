"""From a redeemed ticket to Proxmox's leave to open that guest's console.

What asks the database and what asks Proxmox are apart: the one has a thread for the whole process,
the other may take its time.
"""

import logging
from dataclasses import dataclass

from servers import console_ends, consoles, locate
from servers.clusters import access_to, gateway_to
from servers.console_ends import End, Over
from servers.identity import same_guest
from servers.models import Cluster, ClusterToken, ConsoleSession, Server
from servers.proxmox.errors import (
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxUnreachable,
)
from servers.proxmox.types import Access, ConsoleGrant, GuestConfig, Kind

logger = logging.getLogger(__name__)

# A VM that is paused still has its screen.
OFF = frozenset((Server.Status.STOPPED, Server.Status.SUSPENDED))


@dataclass(frozen=True)
class Target:
    """Which guest's console is to be opened, and the two tokens that it takes."""

    server_id: int
    kind: Kind
    vmid: int
    node: str
    identity: str
    console: consoles.Kind
    reader: Access
    actor: Access


@dataclass(frozen=True)
class Opened:
    grant: ConsoleGrant
    config: GuestConfig


def target_of(session: ConsoleSession) -> Target:
    """By the database alone. Raises Over."""
    server = session.server
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=server.cluster_id)
    try:
        reader = access_to(cluster, ClusterToken.Purpose.READ)
        actor = access_to(cluster, ClusterToken.Purpose.ACT)
    except ProxmoxError as error:
        raise Over(end_of(error)) from error
    return Target(
        server_id=server.pk,
        kind=server.guest_kind,
        vmid=server.vmid,
        node=server.node.name if server.node else "",
        identity=server.identity,
        console=consoles.Kind(session.kind),
        reader=reader,
        actor=actor,
    )


def ask(target: Target) -> Opened:
    """By Proxmox alone: is it the server's guest, has it such a console, is it on. Raises Over."""
    try:
        return asked(target)
    except ProxmoxError as error:
        raise Over(end_of(error)) from error


def asked(target: Target) -> Opened:
    reader, actor = gateway_to(target.reader), gateway_to(target.actor)
    found = locate.find(reader, node=target.node, kind=target.kind, vmid=target.vmid)
    if found is None:
        raise Over(console_ends.OTHER_GUEST)
    node, config = found
    if not target.identity or not same_guest(target.identity, config.identity):
        raise Over(console_ends.OTHER_GUEST)
    lacking = consoles.lack(
        target.console, has_screen=config.has_screen, has_serial=config.has_serial
    )
    if lacking is not None:
        raise Over(lacking)
    # Of a guest that is off Proxmox grants a console too, and closes it then without a word.
    if reader.guest_state(node=node, kind=target.kind, vmid=target.vmid).status in OFF:
        raise Over(console_ends.SERVER_OFF)
    proxy = actor.vnc_proxy if target.console == consoles.Kind.VNC else actor.term_proxy
    return Opened(proxy(node=node, kind=target.kind, vmid=target.vmid), config)


def why_it_closed(target: Target, node: str) -> End:
    """Proxmox only ever hangs up; what the guest does now tells more."""
    try:
        state = gateway_to(target.reader).guest_state(
            node=node, kind=target.kind, vmid=target.vmid
        )
    except ProxmoxError:
        return console_ends.LOST
    if state.status in OFF:
        return console_ends.SERVER_OFF
    return console_ends.ENDED if target.console == consoles.Kind.TEXT else console_ends.LOST


def end_of(error: ProxmoxError) -> End:
    if isinstance(error, ProxmoxDenied):
        logger.error("A console was denied by Proxmox: %s", error)
        return console_ends.DENIED
    if isinstance(error, ProxmoxUnreachable):
        logger.warning("A console could not be opened: %s", error)
        return console_ends.UNREACHABLE
    logger.warning("Proxmox refused to open a console: %s", error)
    return console_ends.REFUSED


def doubt_identity(server_id: int) -> None:
    """Has the next look read its configuration again."""
    Server.objects.filter(pk=server_id).update(identity_due=True, identity_next_at=None)
