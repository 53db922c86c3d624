"""How requests get from the ASGI server to Django: in a few threads that stay."""

import asyncio
import contextlib
import io
import threading
import time
import warnings

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.signals import request_finished, request_started
from django.db import connection
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from panel.handler import ThreadedHandler

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.panel.test_handler"),
]

THREADS = 3
inside: list[str] = []
most = 0
lock = threading.Lock()
pieces_taken: list[int] = []


def busy(request):
    """Says which thread it runs in, and stays there long enough to meet the others."""
    global most
    with lock:
        inside.append(threading.current_thread().name)
        most = max(most, len(inside))
    time.sleep(0.05)
    with lock:
        inside.remove(threading.current_thread().name)
    return HttpResponse(threading.current_thread().name)


def speaking(request):
    before = translation.get_language()
    translation.activate(request.GET["language"])
    return HttpResponse(before)


@csrf_exempt
def echo(request):
    return HttpResponse(request.read())


def broken(request):
    raise LookupError


def connected(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()" if connection.vendor == "mysql" else "SELECT 1")
        return HttpResponse(str(cursor.fetchone()[0]))


def streamed(request):
    async def pieces():
        for number in range(int(request.GET.get("pieces", 3))):
            pieces_taken.append(number)
            yield f"{number}\n"
            await asyncio.sleep(0.01)
            if "broken" in request.GET:
                raise LookupError

    return StreamingHttpResponse(pieces())


def read_by_stream(request):
    """A stream that asks the database, and says where."""

    async def pieces():
        for _ in range(2):
            name, number = await sync_to_async(where_a_query_runs)()
            yield f"{name} {number}\n"

    return StreamingHttpResponse(pieces())


def where_a_query_runs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    streamed_by.append(connection.connection)
    return threading.current_thread().name, id(connection.connection)


streamed_by: list[object] = []


def slow_stream(request):
    entered.set()
    release.wait(10)
    return streamed(request)


def file(request):
    return FileResponse(io.BytesIO(b"x" * 200_000))


def held(request):
    entered.set()
    release.wait(10)
    return HttpResponse("held")


entered, release = threading.Event(), threading.Event()

urlpatterns = [
    path("file", file),
    path("slow-stream", slow_stream),
    path("held", held),
    path("health/live", lambda request: HttpResponse("alive")),
    path("read-by-stream", read_by_stream),
    path("busy", busy),
    path("speaking", speaking),
    path("echo", echo),
    path("broken", broken),
    path("connected", connected),
    path("streamed", streamed),
]


@pytest.fixture
def handler():
    handler = ThreadedHandler(THREADS)
    yield handler
    for pool in (handler.threads, *handler.apart.values()):
        pool.shutdown()


def client(handler, target, method="GET"):
    where, _, query = target.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": where,
        "query_string": query.encode("latin-1"), "headers": [(b"host", b"testserver")],
    }  # fmt: skip
    return ApplicationCommunicator(handler, scope)


@contextlib.contextmanager
def told_by(*signals):
    """(signal, thread) of each that is sent meanwhile."""
    told = []

    def tell(signal, **_):
        told.append((signal, threading.current_thread().name))

    for signal in signals:
        signal.connect(tell)
    try:
        yield told
    finally:
        for signal in signals:
            signal.disconnect(tell)


async def ask(handler, target, *body):
    """(status, body) of one request whose body comes in parts."""
    asked = client(handler, target, "POST" if body else "GET")
    parts = body or (b"",)
    for number, part in enumerate(parts, 1):
        message = {"type": "http.request", "body": part, "more_body": number < len(parts)}
        await asked.send_input(message)
    start = await asked.receive_output(10)
    content, more = b"", True
    while more:
        message = await asked.receive_output(10)
        content += message.get("body", b"")
        more = message.get("more_body", False)
    await asked.wait(10)
    return start["status"], content


async def test_requests_share_a_few_threads(handler):
    answers = await asyncio.gather(*(ask(handler, "/busy") for _ in range(4 * THREADS)))
    assert {status for status, _ in answers} == {200}
    assert most == THREADS
    assert {name for _, name in answers} == {f"request_{n}".encode() for n in range(THREADS)}


async def test_nothing_of_a_request_stays_in_its_thread(handler):
    before = [await ask(handler, "/speaking?language=ru") for _ in range(2 * THREADS)]
    assert {content for _, content in before} == {b"en"}


async def test_a_body_in_parts_is_one(handler):
    assert await ask(handler, "/echo", b"one", b" and ", b"two") == (200, b"one and two")


async def test_who_leaves_before_the_body_is_whole_has_asked_nothing(handler):
    asked = client(handler, "/busy", "POST")
    await asked.send_input({"type": "http.request", "body": b"half", "more_body": True})
    await asked.send_input({"type": "http.disconnect"})
    await asked.wait(10)
    assert await asked.receive_nothing()


async def test_a_query_that_is_no_text_is_refused(handler):
    status, _ = await ask(handler, "/echo?\xff")
    assert status == 400


async def test_begin_and_end_are_told_in_the_thread_of_the_request(handler):
    with told_by(request_started, request_finished) as told:
        _, name = await ask(handler, "/busy")
        status, _ = await ask(handler, "/broken")
    assert status == 500
    assert [signal for signal, _ in told] == [request_started, request_finished] * 2
    assert told[0][1] == told[1][1] == name.decode()
    assert told[2][1] == told[3][1]


async def test_a_threads_connection_stays_until_it_breaks(handler):
    """On MariaDB. SQLite's is opened for each request, which costs next to nothing."""
    single = ThreadedHandler(1)
    if connection.vendor != "mysql":
        assert connection.settings_dict["CONN_MAX_AGE"] == 0
        assert await ask(single, "/connected") == await ask(single, "/connected")
        return
    _, first = await ask(single, "/connected")
    assert await ask(single, "/connected") == (200, first)

    def cut():
        with connection.cursor() as cursor:
            cursor.execute(f"KILL {int(first)}")
        connection.close()

    await asyncio.to_thread(cut)
    status, second = await ask(single, "/connected")
    assert status == 200
    assert second != first


async def test_a_stream_arrives_whole_and_ends(handler):
    pieces_taken.clear()
    status, content = await ask(handler, "/streamed?pieces=5")
    assert (status, content) == (200, b"0\n1\n2\n3\n4\n")


async def test_a_stream_ends_when_nobody_listens(handler):
    pieces_taken.clear()
    asked = client(handler, "/streamed?pieces=1000")
    await asked.send_input({"type": "http.request"})
    for _ in range(3):
        await asked.receive_output(10)
    await asked.send_input({"type": "http.disconnect"})
    await asked.wait(10)
    assert len(pieces_taken) < 500


async def test_a_stream_that_breaks_is_told_to_the_server(handler):
    asked = client(handler, "/streamed?pieces=3&broken=1")
    await asked.send_input({"type": "http.request"})
    await asked.receive_output(10)
    with pytest.raises(LookupError):
        await asked.wait(10)


async def test_a_stream_reads_in_a_thread_and_by_a_connection_of_its_own(handler):
    """Sockets share one thread for the database: an export of minutes would hold them all up."""
    streamed_by.clear()
    shared = await sync_to_async(lambda: threading.current_thread().name)()
    _, content = await ask(handler, "/read-by-stream")
    names = {line.split()[0] for line in content.decode().splitlines()}
    assert len(names) == 1
    assert names.isdisjoint({shared, *(f"request_{n}" for n in range(THREADS))})
    assert len(set(map(id, streamed_by))) == 1
    with pytest.raises(connection.Database.Error):
        streamed_by[0].cursor().execute("SELECT 1")


async def test_a_file_arrives_whole(handler):
    with warnings.catch_warnings():
        # Django says that an async server reads a file at once.
        warnings.simplefilter("ignore")
        status, content = await ask(handler, "/file")
    assert (status, content) == (200, b"x" * 200_000)


class TestWhenAllThreadsAreBusy:
    @pytest.fixture
    async def single(self):
        single = ThreadedHandler(1)
        entered.clear()
        release.clear()
        busy = asyncio.create_task(ask(single, "/held"))
        await asyncio.to_thread(entered.wait, 10)
        yield single
        release.set()
        assert await busy == (200, b"held")

    async def test_it_says_that_it_is_alive(self, single):
        assert await ask(single, "/health/live") == (200, b"alive")
        release.set()

    async def test_who_leaves_the_queue_is_passed_over(self, single):
        with told_by(request_started) as told:
            asked = client(single, "/connected")
            await asked.send_input({"type": "http.request"})
            await asked.send_input({"type": "http.disconnect"})
            await asyncio.sleep(0.2)
            release.set()
            await asked.wait(10)
        assert await asked.receive_nothing()
        assert told == []


async def test_a_stream_whose_client_has_gone_meanwhile_is_closed(handler):
    release.clear()
    entered.clear()
    with told_by(request_finished) as finished:
        asked = client(handler, "/slow-stream")
        await asked.send_input({"type": "http.request"})
        await asyncio.to_thread(entered.wait, 10)
        await asked.send_input({"type": "http.disconnect"})
        await asyncio.sleep(0.1)
        release.set()
        await asked.wait(10)
    assert await asked.receive_nothing()
    assert len(finished) == 1


def test_a_web_server_waits_for_its_database_for_seconds():
    """A kept connection whose other end has vanished would hold its thread for minutes."""
    import panel.asgi  # noqa: F401 — which sets it

    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "mysql":
        assert (options["connect_timeout"], options["read_timeout"]) == (5, 20)
    else:
        assert "read_timeout" not in options
