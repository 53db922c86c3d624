"""The simulated cluster below a real `requests.Session`: no port, no waiting."""

from collections.abc import Callable, Mapping
from http.client import RemoteDisconnected
from io import BytesIO, RawIOBase
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import ConnectionError, ConnectTimeout, ReadTimeout
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from servers.simulator.faults import Dark, Silence
from servers.simulator.refusals import Refusal
from servers.simulator.wire import PREFIX, Reply, Request, parameters_of, refused, reply
from servers.simulator.world import SimulatedCluster

Timeout = float | tuple[float | None, float | None] | None


class SimulatedAdapter(BaseAdapter):
    """Mount it with `session.mount("https://", SimulatedAdapter(cluster, clock))`.

    A host that begins with a node's name is that member: it is unreachable while the node is
    down. Every other host is the first member that is up. `clock` gives unix seconds. An answer
    slower than the read timeout raises ReadTimeout at once; `sleep`, if given, is called with the
    seconds an answer takes.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        clock: Callable[[], float],
        *,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__()
        self.cluster = cluster
        self.clock = clock
        self.requests: list[Request] = []
        self._sleep = sleep
        self._builder = HTTPAdapter()

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer as the wire would, and remember what was asked in `requests`."""
        with self.cluster.lock:
            now = self.clock()
            self.cluster.advance(now)
            address = urlsplit(request.url or "")
            member = self._member(address.hostname or "", request)
        answer = self._answer(request, now, member)
        self._wait(answer, timeout, request)
        return self._builder.build_response(request, self._raw(request, answer, timeout))

    def close(self) -> None:
        self._builder.close()

    def _member(self, host: str, request: PreparedRequest) -> str:
        if self.cluster.darkness is Dark.REFUSED:
            raise _not_connected("[Errno 111] Connection refused", request)
        if self.cluster.darkness is Dark.TIMEOUT:
            raise ConnectTimeout(f"Connection to {host} timed out.", request=request)
        named = self.cluster.nodes.get(host.partition(".")[0])
        if named is not None and not named.alive:
            raise _not_connected("[Errno 113] No route to host", request)
        if named is None and not self.cluster.online():
            raise _not_connected("[Errno 113] No route to host", request)
        return "" if named is None else named.name

    def _answer(self, request: PreparedRequest, now: float, member: str) -> Reply:
        address = urlsplit(request.url or "")
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise TypeError("the simulated cluster takes bodies of bytes or text")
        content_type = str(request.headers.get("Content-Type", ""))
        try:
            params = parameters_of(address.query, body, content_type)
        except Refusal as refusal:
            return refused(refusal)
        asked = Request(
            method=request.method or "GET",
            path=address.path.removeprefix(PREFIX),
            params=params,
            authorization=str(request.headers.get("Authorization", "")),
            now=now,
            member=member,
        )
        self.requests.append(asked)
        return reply(self.cluster, asked)

    def _wait(self, answer: Reply, timeout: Timeout, request: PreparedRequest) -> None:
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if answer.silence is Silence.BROKEN:
            raise _hung_up(request)
        is_late = patience is not None and answer.delay > patience
        if is_late or answer.silence is Silence.TIMEOUT:
            raise ReadTimeout(f"Read timed out. (read timeout={patience})", request=request)
        if self._sleep is not None and answer.delay:
            self._sleep(answer.delay)

    def _raw(self, request: PreparedRequest, answer: Reply, timeout: Timeout) -> HTTPResponse:
        headers = {"Server": "pve-api-daemon/3.0", "Cache-Control": "max-age=0"}
        if answer.content_type is not None:
            headers["Content-Type"] = answer.content_type
        headers["Content-Length"] = str(len(answer.body))
        body: RawIOBase | BytesIO = BytesIO(answer.body)
        if answer.drip:
            body = _Drip(answer.body, answer.drip, self._sleep or (lambda seconds: None))
        return HTTPResponse(
            body=body,
            headers=headers,
            status=answer.status,
            reason=answer.reason,
            version=11,
            preload_content=False,
            decode_content=False,
            request_method=request.method,
        )


def _not_connected(why: str, request: PreparedRequest) -> ConnectionError:
    """As Requests raises it where no connection came about: the reason lies two levels deep."""
    pool = HTTPConnectionPool(urlsplit(request.url or "").hostname or "")
    cause = NewConnectionError(pool, why)  # type: ignore[arg-type]  # names the host alone
    return ConnectionError(MaxRetryError(pool, request.url or "", cause), request=request)


def _hung_up(request: PreparedRequest) -> ConnectionError:
    """As Requests raises it where the connection ends before an answer."""
    cause = RemoteDisconnected("Remote end closed connection without response")
    return ConnectionError(ProtocolError("Connection aborted.", cause), request=request)


class _Drip(RawIOBase):
    """A body that trickles: each read gives a few bytes after its share of the time."""

    PIECES = 50

    def __init__(self, body: bytes, seconds: float, sleep: Callable[[float], None]) -> None:
        super().__init__()
        size = max(1, len(body) // self.PIECES)
        self._pieces = [body[i : i + size] for i in range(0, len(body), size)]
        self._pause = seconds / max(1, len(self._pieces))
        self._sleep = sleep

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        if not self._pieces or not isinstance(buffer, memoryview | bytearray):
            return 0
        self._sleep(self._pause)
        piece = self._pieces.pop(0)
        if len(piece) > len(buffer):
            self._pieces.insert(0, piece[len(buffer) :])
            piece = piece[: len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)
