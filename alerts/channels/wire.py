"""One HTTP request to a stranger: to an address that was looked at, within a time, and no further.

The name is resolved here, once, and the connection is made to what was resolved, so that a name
server that answers otherwise a moment later changes nothing. TLS is verified for the name. Nothing
is taken from the environment, and no redirect is followed.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import certifi

from alerts import failings
from alerts.channels.base import printable
from alerts.channels.deadline import Deadline
from alerts.channels.networks import Address, address_of

SECONDS = 10
# So much of an answer is read; of longer headers http.client has limits of its own.
MOST_READ = 4096
LONGEST_PIECE = 120


class Closed(OSError):
    """The address leads where nobody may be sent."""


@dataclass(frozen=True)
class Answer:
    status: int
    words: str
    body: bytes

    def told(self, *, without: Iterable[str]) -> str:
        """On one line, with a piece of the body; `without` what a stranger might repeat of ours."""
        words, piece = self.words, self.body.decode(errors="replace")
        # Before anything is cut: of a secret that is cut in two, nobody would know the rest.
        for secret in filter(None, without):
            words, piece = words.replace(secret, "…"), piece.replace(secret, "…")
        piece = printable(piece)[:LONGEST_PIECE]
        return printable(f"{self.status} {words}" + (f": {piece}" if piece else ""))


class Connection(http.client.HTTPConnection):
    """Goes to addresses that were chosen before; `host` is for the headers and for TLS alone."""

    def __init__(self, url: SplitResult, addresses: list[Address], deadline: Deadline) -> None:
        super().__init__(url.hostname or "", port_of(url), timeout=deadline.seconds)
        self.addresses = addresses
        self.deadline = deadline
        self.context = trusting() if url.scheme == "https" else None
        if self.context:
            # So that the Host header leaves the port out where it need not stand.
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        connection = self.reach()
        self.deadline.watch(connection)
        if self.context:
            connection = self.context.wrap_socket(connection, server_hostname=self.host)
        self.sock = connection

    def reach(self) -> socket.socket:
        """The first that answers, each in a share of the time."""
        share = self.deadline.seconds / (len(self.addresses) + 1)
        for address in self.addresses[:-1]:
            try:
                return socket.create_connection((str(address), self.port), share)
            except OSError:
                continue
        return socket.create_connection((str(self.addresses[-1]), self.port), share)


def trusting() -> ssl.SSLContext:
    """The system's authorities, and those that requests brings along where the system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    may_go: Callable[[Address], bool],
    seconds: float = SECONDS,
) -> Answer:
    """Raises OSError, whose text names neither path nor query, as those may hold secrets."""
    parts = urlsplit(url)
    addresses = resolved(parts.hostname or "", port_of(parts))
    if not all(map(may_go, addresses)):
        raise Closed(failings.NOT_OPEN)
    with Deadline(seconds) as deadline:
        connection = Connection(parts, addresses, deadline)
        try:
            return exchanged(connection, path_of(parts), body, headers, deadline)
        finally:
            connection.close()


def exchanged(
    connection: http.client.HTTPConnection,
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
) -> Answer:
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
    except OSError:  # before ValueError, as a bad certificate is both
        raise
    except (http.client.HTTPException, ValueError) as error:
        # Its text may quote the request, or whatever came for an answer.
        raise OSError(failings.NO_HTTP % {"error": type(error).__name__}) from None
    if deadline.has_passed:
        # Headers that were cut off look like headers that ended.
        raise TimeoutError
    return Answer(response.status, response.reason, piece_of(response))


def piece_of(response: http.client.HTTPResponse) -> bytes:
    """What comes of the body in time; the answer was given before it."""
    try:
        return response.read(MOST_READ)
    except (http.client.HTTPException, OSError, ValueError):
        return b""


def resolved(host: str, port: int) -> list[Address]:
    """Raises OSError. Each address once, in the system's order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(failings.NO_HOST_NAME) from None
    return list(dict.fromkeys(address_of(str(entry[4][0])) for entry in found))


def port_of(url: SplitResult) -> int:
    return url.port or (http.client.HTTPS_PORT if url.scheme == "https" else http.client.HTTP_PORT)


def path_of(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")
