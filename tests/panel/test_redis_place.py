"""Where Redis is: the forms of its address, and a Sentinel that really moves a service."""

import asyncio
import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.core.cache.backends.redis import RedisCache
from kombu import Connection
from redis import Redis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.exceptions import RedisError

from panel import embedded
from panel.redis_place import BadAddress, RedisPlace
from servers import listening
from servers.listening import Listener

SERVICE = "redis+sentinel://me:p%40ss@one:26380,two,[::1]:26379/main/3"
PATIENCE_SECONDS = 20


class TestOneServer:
    def test_as_it_is(self):
        place = RedisPlace.of("redis://:secret@host:6379/2")
        assert place.broker_url() == place.channel_host() == "redis://:secret@host:6379/2"
        assert place.cache()["LOCATION"] == place.url
        assert place.broker_options() == {}

    def test_a_socket(self):
        place = RedisPlace.of("unix:///run/redis.sock")
        assert place.broker_url() == "redis+socket:///run/redis.sock"
        assert place.channel_host() == "unix:///run/redis.sock"


class TestService:
    def test_is_read(self):
        place = RedisPlace.of(SERVICE)
        assert place.sentinels == (("one", 26380), ("two", 26379), ("::1", 26379))
        assert (place.service, place.database) == ("main", 3)
        assert place.login == {"username": "me", "password": "p@ss"}

    def test_as_celery_wants_it(self):
        place = RedisPlace.of("redis+sentinel://:a%2Fb@one,two:1/main", sentinel_password="s")
        assert place.broker_url() == "sentinel://:a%2Fb@one:26379/0;sentinel://:a%2Fb@two:1/0"
        assert place.broker_options()["master_name"] == "main"
        assert place.broker_options()["sentinel_kwargs"]["password"] == "s"

    def test_without_a_login(self):
        place = RedisPlace.of("redis+sentinel://one/main/0")
        assert place.broker_url() == "sentinel://one:26379/0"
        assert place.login == {}

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("http://host", "must be like"),
            ("", "must be like"),
            ("redis+sentinel://host:26379", "service"),
            ("redis+sentinel:///main/0", "name the Sentinels"),
            ("redis+sentinel://host,,other/main", "name the Sentinels"),
            ("redis+sentinel://host:port/main", "cannot be"),
            ("redis+sentinel://host:99999/main", "cannot be"),
            ("redis+sentinel://host/main/zero", "number of a database"),
            ("redis+sentinel://:a[b@host/main/0", "cannot be read"),
            ("redis+sentinel://host/main/0?ssl=true", "knows no options"),
        ],
    )
    def test_what_makes_no_sense(self, address, words):
        with pytest.raises(BadAddress, match=words):
            RedisPlace.of(address)

    def test_a_password_that_is_not_encoded_is_not_told(self):
        with pytest.raises(BadAddress) as raised:
            RedisPlace.of("redis+sentinel://user:secret/x@host/main/0")
        assert "secret" not in str(raised.value)

    def test_shows_no_password(self):
        place = RedisPlace.of(SERVICE, sentinel_password="hidden")
        assert "p@ss" not in repr(place)
        assert "hidden" not in repr(place)


# Moved


class Servers:
    """A Redis, its replica and a Sentinel that makes the one the other when it is away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master, self.replica, self.watch = (free_port() for _ in range(3))
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        self.run(self.master, "--requirepass", "secret", "--masterauth", "secret")
        self.run(
            self.replica, "--requirepass", "secret", "--masterauth", "secret",
            "--replicaof", f"127.0.0.1 {self.master}",
        )  # fmt: skip
        replicating = {"role": "slave", "master_link_status": "up"}
        until(lambda: replicating.items() <= self.info(self.replica).items())
        config = self.folder / "sentinel.conf"
        config.write_text(
            f"port {self.watch}\n"
            f"dir {self.folder}\n"
            f"sentinel monitor main 127.0.0.1 {self.master} 1\n"
            "sentinel auth-pass main secret\n"
            "sentinel down-after-milliseconds main 500\n"
            "sentinel failover-timeout main 3000\n"
        )
        self.spawn(self.watch, [str(embedded.redis_server()), str(config), "--sentinel"])
        until(lambda: self.sentinel().sentinel_slaves("main"))

    def run(self, port: int, *options: str) -> None:
        program = str(embedded.redis_server())
        common = [
            "--port",
            str(port),
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--bind",
            "127.0.0.1",
        ]
        self.spawn(port, [program, *common, *options])

    def spawn(self, port: int, command: list[str]) -> None:
        quiet = subprocess.DEVNULL
        self.running[port] = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        until(lambda: self.answers(port))

    def answers(self, port: int) -> bool:
        with Redis(port=port, password=None if port == self.watch else "secret") as client:
            return bool(client.ping())

    def info(self, port: int):
        with Redis(port=port, password="secret") as client:
            return client.info("replication")

    def sentinel(self) -> Redis:
        return Redis(port=self.watch)

    def kill_master(self) -> None:
        master = self.running.pop(self.master)
        master.kill()
        master.wait(5)
        until(lambda: self.info(self.replica)["role"] == "master")

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds):
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if holds():
                return
        except (RedisError, OSError):
            pass
        assert time.monotonic() < end, "It did not come about."
        time.sleep(0.05)


@pytest.fixture
def servers(tmp_path):
    found = Servers(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def test_cache_broker_and_health_follow_it(servers):
    place = RedisPlace.of(f"redis+sentinel://:secret@127.0.0.1:{servers.watch}/main/0")
    options = place.cache()
    cache = RedisCache(options["LOCATION"], {"OPTIONS": options["OPTIONS"]})
    works(place, cache, "before")
    servers.kill_master()
    until(lambda: cache.set("moved", 1) is None)
    works(place, cache, "after")


def works(place: RedisPlace, cache: RedisCache, word: str) -> None:
    cache.set("word", word)
    assert cache.get("word") == word
    with place.client(timeout=2) as client:
        assert client.ping()
    with Connection(
        place.broker_url(), transport_options={"socket_timeout": 2, **place.broker_options()}
    ) as broker:
        queue = broker.SimpleQueue("moved")
        queue.put(word)
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == word
        queue.close()


@pytest.fixture
async def tidied(monkeypatch):
    """channels_redis leaves its connections to Sentinel to the end of the process."""
    made = []

    class Kept(AsyncSentinel):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.extend(self.sentinels)

    monkeypatch.setattr("redis.asyncio.sentinel.Sentinel", Kept)
    yield
    for client in made:
        await client.aclose()


async def test_live_updates_follow_it(servers, tidied, monkeypatch):
    """As a web server's hub has them: whatever its listener raises, it starts that one again."""
    place = RedisPlace.of(f"redis+sentinel://:secret@127.0.0.1:{servers.watch}/main/0")

    def layer(_=None):
        return RedisPubSubChannelLayer(hosts=[place.channel_host()])

    monkeypatch.setattr(channel_layers, "make_backend", layer)
    monkeypatch.setattr(listening, "QUIET_SECONDS", 1)
    monkeypatch.setattr(listening, "ANSWER_SECONDS", 1)
    heard: list[dict[str, object]] = []
    hearing = asyncio.create_task(listen(heard))
    await say_until_heard(layer, heard, "before")
    await asyncio.to_thread(servers.kill_master)
    await say_until_heard(layer, heard, "after")
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


async def listen(heard: list[dict[str, object]]) -> None:
    listener = Listener("words")
    while True:
        try:
            async with listener.subscribed():
                while True:
                    heard.append(await listener.hear())
        except (RedisError, OSError):
            await asyncio.sleep(0.2)


async def say_until_heard(layer, heard: list[dict[str, object]], word: str) -> None:
    """By a layer of its own each time, as a task of a worker does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while {"word": word} not in heard:
        assert time.monotonic() < end, f"It never heard {word!r}."
        one = layer()
        try:
            async with asyncio.timeout(2):
                await one.group_send("words", {"word": word})
        except (RedisError, OSError):
            pass
        with contextlib.suppress(RedisError, OSError):
            await one.flush()
        await asyncio.sleep(0.2)
