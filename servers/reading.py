"""Asking what a server can do, when somebody opens a page that depends on it."""

import logging
from datetime import datetime, timedelta

from servers import dispatch, facts, live
from servers.clusters import access_to, gateway_to
from servers.identity import same_guest
from servers.inventory import state_events
from servers.models import Cluster, ClusterToken, Server
from servers.proxmox.errors import ProxmoxError
from servers.queue import enqueue
from servers.steps import Unfit

logger = logging.getLogger(__name__)

GOOD_FOR = timedelta(minutes=10)
WORTH_ASKING = timedelta(seconds=60)


def ask(server: Server, *, now: datetime) -> bool:
    """Has a worker read the server's configuration, where what is known of it is old."""
    if not is_due(server, now):
        return False
    enqueue("servers.read_guest", expires=WORTH_ASKING, server_id=server.pk)
    return True


def is_due(server: Server, now: datetime) -> bool:
    is_known = server.facts_at is not None and now - server.facts_at < GOOD_FOR
    return bool(server.present) and not is_known


def read(server_id: int, *, now: datetime) -> bool:
    """Notes what its configuration says, and has open pages look again. False where it cannot."""
    server = Server.objects.select_related("node").filter(pk=server_id).first()
    if server is None or not is_due(server, now):
        return False
    cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=server.cluster_id)
    try:
        reader = gateway_to(access_to(cluster, ClusterToken.Purpose.READ))
        _, config = dispatch.find(server, reader)
    except (ProxmoxError, Unfit) as error:
        logger.warning("What server %s can do could not be read: %s", server_id, error)
        return False
    if server.identity and not same_guest(server.identity, config.identity):
        return False
    facts.note(server.pk, config, now=now)
    live.publish(state_events([server.pk]))
    return True
