"""What the panel's processes count and time, kept in Redis for whichever of them answers /metrics.

Web servers and workers are many processes, maybe on many machines. Each adds up in memory, and a
thread of its own writes the sums every few seconds by one pipelined write, however much was counted:
nobody waits for Redis, and one that is away fails nothing. What it did not take is written later.

Without METRICS_TOKEN nobody can read any of it, and nothing is counted.
"""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import time
from typing import ClassVar

import msgspec
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WRITE_AFTER_SECONDS = 5.0
# A gauge that its process did not set again for so long is that of a dead process.
GAUGE_LASTS_SECONDS = 180
SUMS = "panel:metrics:sums"
GAUGES = "panel:metrics:gauges"

# From a call within the machine room to one that runs into its deadline.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)

# Name, values of the labels, and which part of it: "" or "sum", or the bound of a bucket.
Key = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True)
class Counter:
    """Adds up. Values of labels come from our own code, never from people or guests."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def add(self, *values: str, amount: float = 1) -> None:
        keep({(self.name, values, ""): amount})


@dataclass(frozen=True)
class Histogram:
    """How often something took how many seconds."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = SECONDS

    def observe(self, *values: str, seconds: float) -> None:
        bound = next((each for each in self.bounds if seconds <= each), float("inf"))
        keep({(self.name, values, str(bound)): 1, (self.name, values, "sum"): seconds})


@dataclass(frozen=True)
class Gauge:
    """How much there is of something in this process. To be set again each minute."""

    name: str
    help: str
    labels: ClassVar[tuple[str, ...]] = ("process",)

    def set(self, value: float) -> None:
        if settings.METRICS_TOKEN:
            with pending.lock:
                pending.gauges[self.name] = value
            write_soon()


@dataclass
class Pending:
    """What this process has not written yet."""

    sums: dict[Key, float] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_timed: bool = False

    def take(self) -> tuple[dict[Key, float], dict[str, float]]:
        with self.lock:
            taken = self.sums, self.gauges
            self.sums, self.gauges, self.is_timed = {}, {}, False
        return taken

    def put_back(self, sums: Mapping[Key, float], gauges: Mapping[str, float]) -> None:
        with self.lock:
            for key, amount in sums.items():
                self.sums[key] = self.sums.get(key, 0) + amount
            self.gauges = {**gauges, **self.gauges}


pending = Pending()


def start_anew() -> None:
    """A forked worker has no thread of its parent's, and would write its parent's sums again."""
    global pending
    pending = Pending()


os.register_at_fork(after_in_child=start_anew)


def keep(sums: Mapping[Key, float]) -> None:
    if settings.METRICS_TOKEN:
        pending.put_back(sums, {})
        write_soon()


def write_soon() -> None:
    with pending.lock:
        if pending.is_timed:
            return
        pending.is_timed = True
    timer = threading.Timer(WRITE_AFTER_SECONDS, write)
    timer.daemon = True
    timer.start()


def write() -> None:
    """All sums of this process in one transaction of Redis. What Redis took, but could not say so, is
    written again: it counts at least once."""
    sums, gauges = pending.take()
    process = f"{socket.gethostname()}:{os.getpid()}"
    try:
        with redis() as client, client.pipeline() as pipe:
            for key, amount in sums.items():
                pipe.hincrbyfloat(SUMS, encoded(key), amount)
            for name, value in gauges.items():
                pipe.hset(GAUGES, encoded((name, process)), encoded((value, time())))
            pipe.execute()
    except (RedisError, OSError) as error:
        logger.info("Metrics could not be written, Redis is away: %s", error)
        pending.put_back(sums, gauges)


def encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()


def redis() -> "Redis":
    client: Redis = settings.REDIS.client(timeout=2)
    return client


@dataclass(frozen=True)
class Kept:
    """What all processes together counted since Redis was empty, and what gauges they have set."""

    sums: Mapping[Key, float] = field(default_factory=dict)
    gauges: Mapping[tuple[str, str], float] = field(default_factory=dict)


def kept(client: "Redis") -> Kept:
    """Raises RedisError or OSError where Redis is away. Gauges of dead processes are forgotten, and
    what another version may have written otherwise is left out."""
    sums: dict[Key, float] = {}
    for name, amount in client.hgetall(SUMS).items():
        with suppress(msgspec.DecodeError, ValueError):
            sums[msgspec.json.decode(name, type=Key)] = float(amount)
    gauges: dict[tuple[str, str], float] = {}
    dead = []
    for name, text in client.hgetall(GAUGES).items():
        with suppress(msgspec.DecodeError):
            value, set_at = msgspec.json.decode(text, type=tuple[float, float])
            if abs(time() - set_at) > GAUGE_LASTS_SECONDS:
                dead.append(name)
            else:
                gauges[msgspec.json.decode(name, type=tuple[str, str])] = value
    if dead:
        client.hdel(GAUGES, *dead)
    return Kept(sums, gauges)
