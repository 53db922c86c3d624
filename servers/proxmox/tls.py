"""TLS towards Proxmox: verified always, against a CA or a pinned fingerprint."""

import hashlib
import hmac
import re
import socket
import ssl
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from servers.proxmox.errors import ProxmoxUnreachable
from servers.proxmox.types import Access, Endpoint

FINGERPRINT = re.compile(r"([0-9A-F]{2}:){31}[0-9A-F]{2}")
CONNECT_SECONDS = 5.0


def normal_fingerprint(text: str) -> str:
    """`62:07:F1…` as Proxmox shows it, from any usual spelling.

    Raises ValueError where the text is no SHA-256 fingerprint.
    """
    digits = re.sub(r"[\s:]|sha-?256", "", text, flags=re.IGNORECASE).upper()
    fingerprint = ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    if not FINGERPRINT.fullmatch(fingerprint):
        raise ValueError("A SHA-256 fingerprint has 32 bytes, like 62:07:F1:…")
    return fingerprint


def valid_ca(pem: str) -> str:
    """The certificates alone, without what was written around them.

    Raises ValueError where there is none.
    """
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise ValueError("This is no PEM certificate.") from error
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in found)


def shown_fingerprint(endpoint: Endpoint) -> str:
    """The fingerprint of the certificate that the endpoint shows, to be compared by a person.

    Nothing is trusted and nothing is sent: the certificate is looked at, the connection closed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=endpoint.host) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
    except OSError as error:
        raise ProxmoxUnreachable(f"{endpoint} does not answer with TLS: {error}") from error
    if shown is None:
        raise ProxmoxUnreachable(f"{endpoint} shows no certificate.")
    digest = x509.load_der_x509_certificate(shown).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket whose reads end at a deadline, however slowly the bytes drip.

    A read timeout alone bounds the wait for each packet: two seconds lasted twenty.
    """

    deadline: float | None = None

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        if self.deadline is not None:
            left = self.deadline - monotonic()
            if left <= 0:
                raise TimeoutError("The read operation timed out")
            self.settimeout(left)
        return super().read(len, buffer)


class DeadlineConnection(HTTPSConnection):
    def connect(self) -> None:
        """What fails before the handshake is done was never sent: urllib3 calls it a read."""
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "The TLS handshake timed out") from error
        except ConnectionError as error:
            raise NewConnectionError(self, f"The TLS handshake broke off: {error}") from error

    def getresponse(self) -> Any:
        if isinstance(self.sock, DeadlineSocket) and self.timeout is not None:
            self.sock.deadline = monotonic() + float(self.timeout)
        return super().getresponse()


class DeadlinePool(HTTPSConnectionPool):
    ConnectionCls = DeadlineConnection


def context_for(endpoint: Endpoint, ca_pem: str) -> ssl.SSLContext:
    """Trusts what the cluster's CA signed. With a pinned certificate nothing is verified here:
    that one itself is compared after the handshake, and who signed it for which name says nothing
    more."""
    context = ssl.create_default_context(cadata=ca_pem or None)
    if endpoint.fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def stream_context(access: Access, endpoint: Endpoint) -> ssl.SSLContext:
    """For asyncio, where the handshake itself fails with another certificate than the pinned."""
    context = context_for(endpoint, access.ca_pem)

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            digest = hashlib.sha256(self.getpeercert(binary_form=True) or b"").digest()
            if not hmac.compare_digest(digest.hex(":").upper(), endpoint.fingerprint):
                raise ssl.SSLCertVerificationError("Fingerprints did not match")

    if endpoint.fingerprint:
        context.sslobject_class = Pinned
    return context


class VerifyingAdapter(HTTPAdapter):
    """Verifies one endpoint as its cluster says; the read timeout is a total deadline."""

    def __init__(self, endpoint: Endpoint, ca_pem: str) -> None:
        self.fingerprint = endpoint.fingerprint
        self.context = context_for(endpoint, ca_pem)
        self.context.sslsocket_class = DeadlineSocket
        super().__init__(pool_connections=1, pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"https": DeadlinePool}

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: object, cert: object = None
    ) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, True)
        return host, {
            "ssl_context": self.context,
            "cert_reqs": "CERT_NONE" if self.fingerprint else "CERT_REQUIRED",
            "assert_fingerprint": self.fingerprint or None,
        }

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Nothing more to set: the pool was made with our context."""


def adapter_for(access: Access, endpoint: Endpoint) -> HTTPAdapter:
    """The one seam below proxmoxer: tests put a simulated cluster here."""
    return VerifyingAdapter(endpoint, access.ca_pem)
