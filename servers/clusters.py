"""From a cluster's rows to a gateway that reaches it."""

import threading

from servers.models import Cluster, ClusterToken
from servers.proxmox.errors import ProxmoxDenied
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, Endpoint

# Gateways keep connections open and are not to be shared between threads.
kept = threading.local()


def access_to(cluster: Cluster, purpose: ClusterToken.Purpose) -> Access:
    """Endpoints and token for a purpose; without a token of its own, the read token serves.

    Raises ProxmoxDenied where the cluster has no token at all.
    """
    tokens = {token.purpose: token for token in cluster.tokens.all()}
    token = tokens.get(purpose) or tokens.get(ClusterToken.Purpose.READ)
    endpoints = tuple(
        Endpoint(endpoint.host, endpoint.port, endpoint.fingerprint)
        for endpoint in cluster.endpoints.all()
    )
    if token is None or not endpoints:
        raise ProxmoxDenied(f"{cluster} has no API token or no endpoint yet.")
    if token.is_lost:
        raise ProxmoxDenied(
            f"The stored secret of {token.token_id} cannot be decrypted: the key it was encrypted "
            "with is missing from ENCRYPTION_KEYS."
        )
    return Access(endpoints, token.token_id, token.secret, cluster.ca_pem)


def gateway_to(access: Access) -> Gateway:
    """This thread's gateway for that access, with its connections kept open."""
    gateways: dict[Access, Gateway] = kept.__dict__.setdefault("gateways", {})
    if access not in gateways:
        if len(gateways) > 100:
            gateways.clear()
        gateways[access] = Gateway(access)
    return gateways[access]
