"""The HTTP session under proxmoxer: fail-over, deadlines, a size cap, no redirects."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException, SSLError
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from servers.proxmox import tls
from servers.proxmox.errors import (
    CertificateMismatch,
    NotDelivered,
    ProxmoxMalformed,
    ProxmoxUnreachable,
)
from servers.proxmox.types import Access, Endpoint

# 10,000 guests are 4.5 MB; a reply beyond this is no list of guests.
LARGEST_REPLY_BYTES = 128 * 1024 * 1024


class NotEvenConnected(NotDelivered):
    """The request was not sent: another endpoint may be asked."""


class Untrusted(NotEvenConnected):
    """It was not sent because of the certificate that was shown."""


@dataclass(frozen=True)
class Reply:
    """What proxmoxer reads of a response."""

    status_code: int
    reason: str
    content: bytes
    content_type: str

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class ProxmoxSession:
    """One per cluster, token and thread: keeps its connections alive.

    Requests goes to the endpoint that answered last; where that cannot be connected to, to the
    others in turn. Once sent, a request is never repeated at another endpoint.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        # Seconds that the last request took, at all endpoints that were asked.
        self.answered_in = 0.0
        self._preferred = 0
        self._sessions = [self._open(endpoint) for endpoint in access.endpoints]

    def _open(self, endpoint: Endpoint) -> requests.Session:
        session = requests.Session()
        # Neither proxies nor .netrc from the environment: .netrc would replace our token.
        session.trust_env = False
        session.headers["Authorization"] = (
            f"PVEAPIToken={self.access.token_id}={self.access.secret}"
        )
        session.headers["Accept"] = "application/json"
        session.adapters.clear()
        session.mount("https://", tls.adapter_for(self.access, endpoint))
        return session

    @property
    def answered_by(self) -> Endpoint:
        """The endpoint that answered last."""
        return self.access.endpoints[self._preferred]

    def within(self, seconds: float) -> "TimedSession":
        return TimedSession(self, seconds)

    def send(self, method: str, url: str, seconds: float, data: Any, params: Any) -> Reply:
        count = len(self._sessions)
        failures: list[NotEvenConnected] = []
        for index in (*range(self._preferred, count), *range(self._preferred)):
            try:
                reply = self._send_to(index, method, url, seconds, data, params)
            except NotEvenConnected as error:
                failures.append(error)
            else:
                self._preferred = index
                return reply
        words = " ".join(str(failure) for failure in failures)
        if any(isinstance(failure, Untrusted) for failure in failures):
            raise CertificateMismatch(words)
        raise NotDelivered(words)

    def _send_to(
        self, index: int, method: str, url: str, seconds: float, data: Any, params: Any
    ) -> Reply:
        endpoint = self.access.endpoints[index]
        parts = urlsplit(url)
        address = urlunsplit(("https", str(endpoint), parts.path, parts.query, ""))
        began = perf_counter()
        try:
            with self._sessions[index].request(
                method,
                address,
                data=data or None,
                params=params or None,
                timeout=(tls.CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(endpoint, response)
        except RequestException as error:
            raise trouble(endpoint, seconds, error) from error
        finally:
            self.answered_in += perf_counter() - began

    @staticmethod
    def _read(endpoint: Endpoint, response: requests.Response) -> Reply:
        if 300 <= response.status_code < 400:
            raise ProxmoxMalformed(f"{endpoint} redirects elsewhere: this is no Proxmox API.")
        content = bytearray()
        for piece in response.iter_content(256 * 1024):
            content += piece
            if len(content) > LARGEST_REPLY_BYTES:
                raise ProxmoxMalformed(f"{endpoint} sent an endless reply.")
        return Reply(
            response.status_code,
            response.reason or "",
            bytes(content),
            response.headers.get("Content-Type", ""),
        )


@dataclass(frozen=True)
class TimedSession:
    """What proxmoxer is handed: a session whose requests end within so many seconds."""

    session: ProxmoxSession
    seconds: float

    def request(self, method: str, url: str, data: Any = None, params: Any = None) -> Reply:
        return self.session.send(method, url, self.seconds, data, params)


def trouble(endpoint: Endpoint, seconds: float, error: RequestException) -> ProxmoxUnreachable:
    """What an error of Requests means. Its own words may hold URLs, and are not used."""
    if isinstance(error, SSLError):
        return tls_trouble(endpoint, error)
    if isinstance(error, ConnectTimeout):
        return NotEvenConnected(f"{endpoint} did not accept a connection.")
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    if isinstance(reason, NewConnectionError):
        return NotEvenConnected(f"{endpoint} refuses the connection.")
    if isinstance(error, ReadTimeout) or isinstance(reason, ReadTimeoutError):
        return ProxmoxUnreachable(f"{endpoint} did not answer within {seconds:g} s.")
    if isinstance(error, NotConnected):
        return ProxmoxUnreachable(f"{endpoint} broke the connection off.")
    return ProxmoxUnreachable(f"{endpoint} cannot be asked: {type(error).__name__}.")


def tls_trouble(endpoint: Endpoint, error: SSLError) -> NotEvenConnected:
    words = str(error)
    if "Fingerprints did not match" in words:
        return Untrusted(f"{endpoint} shows another certificate than the one that was pinned.")
    if "CERTIFICATE_VERIFY_FAILED" in words:
        why = words.split("CERTIFICATE_VERIFY_FAILED]", 1)[-1].split("(_ssl")[0]
        return Untrusted(f"The certificate of {endpoint} cannot be trusted:{why.rstrip()}.")
    return NotEvenConnected(f"{endpoint} does not speak TLS as it should.")
