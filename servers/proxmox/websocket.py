"""The websocket of a console: over the same TLS, to the endpoint that granted it."""

import ssl
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from servers.proxmox import tls
from servers.proxmox.errors import (
    CertificateMismatch,
    ProxmoxDenied,
    ProxmoxMalformed,
    ProxmoxUnreachable,
)
from servers.proxmox.types import Access, ConsoleGrant, Endpoint

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 2.0
# Proxmox answers pings, but where we have stopped reading, its answer waits with the rest.
PING_SECONDS, PONG_SECONDS = 30.0, 120.0
LARGEST_MESSAGE = 1024 * 1024
MESSAGES_AHEAD = 16


class DirectConnect(connect):
    """Follows no redirect: it would lead our token elsewhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_console(access: Access, grant: ConsoleGrant) -> ClientConnection:
    """Bytes as the guest's VNC server or terminal sends them. Raises ProxmoxError.

    Neither the address, which holds the ticket, nor the library's own words get into an error.
    """
    where = grant.endpoint
    query = urlencode({"port": grant.port, "vncticket": grant.ticket})
    path = f"/api2/json/nodes/{grant.node}/{grant.kind}/{int(grant.vmid)}/vncwebsocket"
    try:
        return await DirectConnect(
            f"wss://{where}{path}?{query}",
            ssl=tls.stream_context(access, where),
            server_hostname=where.host,
            additional_headers={"Authorization": f"PVEAPIToken={access.token_id}={access.secret}"},
            # With more than one of them Proxmox echoes them all, which clients refuse.
            subprotocols=[Subprotocol("binary")],
            compression=None,
            # Neither a proxy nor anything else from the environment.
            proxy=None,
            user_agent_header=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            max_size=LARGEST_MESSAGE,
            max_queue=MESSAGES_AHEAD,
        )
    except ssl.SSLError as error:
        raise untrusted(where, error) from None
    except InvalidStatus as error:
        raise refused(where, error) from None
    except (InvalidHandshake, EOFError) as error:
        raise ProxmoxMalformed(f"{where} opens no websocket ({type(error).__name__}).") from None
    except (OSError, TimeoutError) as error:
        raise ProxmoxUnreachable(
            f"{where} does not open the console ({type(error).__name__})."
        ) from None


def untrusted(where: Endpoint, error: ssl.SSLError) -> ProxmoxUnreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateMismatch(f"The certificate of {where} cannot be trusted.")
    return ProxmoxUnreachable(f"{where} does not speak TLS as it should.")


def refused(where: Endpoint, error: InvalidStatus) -> ProxmoxDenied | ProxmoxUnreachable:
    status = error.response.status_code
    if status in (401, 403):
        return ProxmoxDenied(f"{where} does not let the token open the console ({status}).")
    return ProxmoxUnreachable(f"{where} does not open the console ({status}).")
