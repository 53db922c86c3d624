"""What all tests share: a clock, a simulated cluster below the real gateway, three people."""

import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.test import APIClient

from accounts.audit import SYSTEM
from accounts.models import User
from monitoring import cycle, look
from panel import embedded
from servers import clusters, ownership, queue, registration
from servers.models import Server
from servers.proxmox import tls
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.registration import Credentials
from servers.simulator.adapter import SimulatedAdapter
from servers.simulator.world import SimulatedCluster

START = 1_795_176_000.0
TOKEN = "panel@pve!panel"


# What a test has that asks the database or Redis something.
OUTSIDE = frozenset(("db", "transactional_db", "redis_server"))


def pytest_addoption(parser):
    parser.addoption(
        "--outside", action="store_true",
        help="only tests that ask the database or Redis something: the others are the same on any",
    )  # fmt: skip


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--outside"):
        return
    kept = [
        item
        for item in items
        if (item.get_closest_marker("django_db") or OUTSIDE.intersection(item.fixturenames))
        # Words are the same on any.
        and not item.nodeid.startswith("tests/i18n/")
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


@dataclass
class Clock:
    """Time stands still until a test moves it."""

    seconds: float = START

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def unix(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> datetime:
        self.seconds += seconds
        return self()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(clock):
    """A simulated cluster that started an hour ago."""
    return SimulatedCluster(seed=1, nodes=3, guests=12, started_at=clock.seconds - 3600)


@pytest.fixture
def wire(world, clock, monkeypatch):
    """Puts the simulated cluster below the gateway; `wire.requests` tells what was asked."""
    adapter = SimulatedAdapter(world, clock.unix)
    monkeypatch.setattr(tls, "adapter_for", lambda access, endpoint: adapter)
    monkeypatch.setattr(clusters, "kept", threading.local())
    return adapter


@pytest.fixture
def credentials(world):
    authorization = world.access.authorization(TOKEN)
    return Credentials(TOKEN, authorization.split("=", 2)[-1])


@pytest.fixture
def cluster(db, wire, credentials, clock):
    """The simulated cluster, registered."""
    endpoints = (Endpoint("pve.example.com"),)
    tokens = {Purpose.READ: credentials}
    made, _ = registration.register(
        name="fra1",
        endpoints=endpoints,
        ca_pem="",
        tokens=tokens,
        examination=registration.examine(endpoints, "", tokens),
        actor=SYSTEM,
        now=clock(),
    )
    wire.requests.clear()
    return made


@pytest.fixture
def pass_cycle(cluster, clock):
    """Lets time pass, then runs a cycle, and a look into guests unless told not to."""

    def run(seconds=30, *, looking=True):
        clock.pass_by(seconds)
        assert cycle.poll(cluster.pk, clock=clock)
        if looking:
            look.look_into(cluster.pk, clock=clock)

    return run


@pytest.fixture
def polled(cluster, pass_cycle):
    """The cluster after two cycles: servers are known, and what they measured."""
    pass_cycle()
    pass_cycle()
    return cluster


@pytest.fixture
def alice(db):
    return User.objects.create_user("alice@example.com", "correct horse", first_name="Alice")


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob@example.com", "battery staple", first_name="Bob")


@pytest.fixture
def staff(db):
    return User.objects.create_superuser("staff@example.com", "tr0ubador &3")


@pytest.fixture
def server(db, polled, alice, clock):
    """A running VM of Alice's, with a sample."""
    found = Server.objects.filter(
        status=Server.Status.RUNNING, kind=Server.Kind.QEMU, last_sample__isnull=False
    ).earliest("vmid")
    ownership.assign([found], alice, actor=SYSTEM, now=clock())
    found.refresh_from_db()
    return found


@pytest.fixture
def browser_of():
    """A test client with somebody's session; nobody's without a person."""

    def make(person=None):
        client = Client()
        if person is not None:
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def api_of():
    """An API client with somebody's access token."""

    def make(person=None, password=None):
        client = APIClient()
        if person is not None:
            body = {"email": person.email, "password": password or PASSWORDS[person.email]}
            answer = client.post("/api/v1/auth/token/", body)
            assert answer.status_code == 200, answer.content
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        return client

    return make


PASSWORDS = {
    "alice@example.com": "correct horse",
    "bob@example.com": "battery staple",
    "staff@example.com": "tr0ubador &3",
}


@pytest.fixture(scope="session")
def redis_server():
    """A Redis for this test process, unless REDIS_URL names one."""
    if not settings.REDIS_URL.startswith("unix://"):
        yield settings.REDIS_URL
        return
    path = Path(settings.REDIS_URL.removeprefix("unix://"))
    server = subprocess.Popen(
        embedded.redis_command(path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_redis()
        yield settings.REDIS_URL
    finally:
        server.terminate()
        server.wait(5)


def wait_for_redis():
    until = time.monotonic() + 10
    while True:
        try:
            with Redis.from_url(settings.REDIS_URL) as client:
                client.ping()
            return
        except (RedisError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@dataclass(frozen=True)
class Sent:
    name: str
    arguments: dict[str, object]
    options: dict[str, object]


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    """What was sent to Celery, instead of sending it."""
    messages: list[Sent] = []
    monkeypatch.setattr(
        queue,
        "send",
        lambda name, arguments, **options: messages.append(Sent(name, arguments, options)),
    )
    return messages


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No test reaches beyond this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        local = isinstance(address, str | bytes) or address[0] in {"127.0.0.1", "::1", "localhost"}
        if not local:
            raise AssertionError(f"A test tried to reach {address}.")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Runs what waits for the commit, as life does."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
