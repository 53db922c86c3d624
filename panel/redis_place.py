"""Where Redis is: one server, or a service that Sentinel watches over and moves.

`redis://host:6379/0`, `rediss://…` with TLS, `unix:///path`; or with Sentinel
`redis+sentinel://user:password@sentinel1:26379,sentinel2:26379/service/0`. User and password are those of
the Redis servers. Each of the libraries below us wants that in a form of its own.
"""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from redis import Redis
from redis.sentinel import Sentinel, SentinelConnectionPool

SENTINEL = "redis+sentinel"
PLAIN = ("redis", "rediss", "unix")
SENTINEL_PORT = 26379
# Seconds until the next Sentinel is asked.
SENTINEL_PATIENCE = 1


class BadAddress(ValueError):
    """`str()` says how it has to look."""


@dataclass(frozen=True)
class RedisPlace:
    """`url` is empty with Sentinel, `service` without."""

    url: str
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    database: int = 0
    username: str = ""
    password: str = ""
    sentinel_password: str = ""

    def __repr__(self) -> str:
        """Without passwords: settings are shown where something fails."""
        return f"RedisPlace({self.service or urlsplit(self.url).hostname or 'socket'!r})"

    @classmethod
    def of(cls, address: str, *, sentinel_password: str = "") -> Self:
        """Raises BadAddress."""
        scheme = address.partition("://")[0].lower()
        if scheme in PLAIN:
            return cls(address)
        if scheme != SENTINEL:
            raise BadAddress(
                "must be like redis://host:6379/0 or redis+sentinel://host:26379,host:26379/service/0"
            )
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise BadAddress(
                "cannot be read: what is special in a password is %-encoded"
            ) from error
        if parts.query or parts.fragment:
            raise BadAddress("knows no options; TLS with Sentinel is not supported")
        login, _, hosts = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        service, _, database = parts.path.strip("/").partition("/")
        if not service:
            raise BadAddress("must name Sentinel's service: redis+sentinel://host:26379/service/0")
        if database and not database.isdecimal():
            raise BadAddress("must end with the number of a database, as in …/service/0")
        return cls(
            "",
            tuple(sentinel(host) for host in hosts.split(",")),
            unquote(service),
            int(database or 0),
            unquote(username),
            unquote(password),
            sentinel_password,
        )

    @property
    def login(self) -> dict[str, Any]:
        known = {"username": self.username, "password": self.password}
        return {name: value for name, value in known.items() if value}

    @property
    def sentinel_login(self) -> dict[str, Any]:
        known = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {"socket_timeout": SENTINEL_PATIENCE, **known}

    def broker_url(self) -> str:
        """For Celery, whose options for it are `broker_options`."""
        if not self.service:
            return self.url.replace("unix://", "redis+socket://", 1)
        login = f"{quote(self.username, '')}:{quote(self.password, '')}@" if self.login else ""
        return ";".join(
            f"sentinel://{login}{bracketed(host)}:{port}/{self.database}"
            for host, port in self.sentinels
        )

    def broker_options(self) -> dict[str, Any]:
        if not self.service:
            return {}
        return {"master_name": self.service, "sentinel_kwargs": self.sentinel_login}

    def channel_host(self) -> str | dict[str, Any]:
        """One of the hosts of channels_redis."""
        if not self.service:
            return self.url
        return {
            "master_name": self.service,
            "sentinels": list(self.sentinels),
            "sentinel_kwargs": self.sentinel_login,
            "db": self.database,
            **self.login,
        }

    def cache(self) -> dict[str, Any]:
        """For one of Django's caches."""
        times: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
        if not self.service:
            return {"LOCATION": self.url, "OPTIONS": times}
        pool = {"pool_class": f"{__name__}.{SentinelPool.__name__}", "place": self}
        return {"LOCATION": f"{SENTINEL}://", "OPTIONS": {**times, **pool}}

    def client(self, *, timeout: float) -> "Redis":
        """To be closed by the caller; `timeout` in seconds, for connecting and for each answer."""
        times = {"socket_connect_timeout": timeout, "socket_timeout": timeout}
        if not self.service:
            return Redis.from_url(self.url, **times)
        return Redis.from_pool(SentinelPool.at(self, **times))


class SentinelPool(SentinelConnectionPool):
    """Connections to whichever server Sentinel calls the master."""

    @classmethod
    def at(cls, place: RedisPlace, **options: Any) -> Self:
        manager = Sentinel(place.sentinels, sentinel_kwargs=place.sentinel_login)  # type: ignore[no-untyped-call]
        return cls(place.service, manager, db=place.database, **place.login, **options)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """As Django's cache makes one; an address alone does not hold it."""
        return cls.at(options.pop("place"), **options)


def sentinel(host: str) -> tuple[str, int]:
    """`sentinel1:26379`, `[::1]:26379`, the port being the usual one where there is none."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError as error:
        # Not which one: a password that is not encoded may be taken for a part of it.
        raise BadAddress("names a Sentinel that cannot be, as for its port") from error
    if not parts.hostname:
        raise BadAddress("must name the Sentinels, divided by commas: host:26379,host:26379")
    return parts.hostname, port or SENTINEL_PORT


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
