"""People, servers and tokens in the database, as many as wanted, without a cluster that answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import tokens
from accounts.models import User
from bench import pages
from servers.models import Address, Cluster, Label, LastSample, Node, Server

TOKEN_LIFETIME = timedelta(hours=3)
FIRST = 2_000_000  # server ids of the bench, apart from others


def make_people(count: int) -> list[User]:
    """Nobody signs in by password: one hash serves all."""
    nothing = make_password(None)
    User.objects.bulk_create(
        [User(email=f"person{number}@example.com", password=nothing) for number in range(count)],
        batch_size=1000,
    )
    return list(User.objects.filter(email__startswith="person").order_by("pk"))


def make_servers(owners: Sequence[User], total: int, now: datetime) -> list[int]:
    """`total` servers with a last sample, labels and addresses; owners have one each in turn."""
    cluster = Cluster.objects.create(name="bench", last_cycle_at=now)
    node = Node.objects.create(cluster=cluster, name="pve1")
    chance = Random(4)
    ids = list(range(FIRST, FIRST + total))
    Server.objects.bulk_create(
        [
            Server(
                pk=number,
                cluster=cluster,
                node=node,
                kind="qemu",
                vmid=100 + index,
                identity=f"bench-{number}",
                owner=owners[index] if index < len(owners) else None,
                name=f"server-{index}",
                status="running",
                status_since=now,
                cpus=4,
            )
            for index, number in enumerate(ids)
        ],
        batch_size=1000,
    )
    LastSample.objects.bulk_create(
        [pages.last_sample(number, now, chance) for number in ids], batch_size=1000
    )
    Label.objects.bulk_create(
        [Label(server_id=number, key="env", value="prod") for number in ids], batch_size=1000
    )
    Address.objects.bulk_create(
        [
            Address(
                server_id=n, position=0, address=f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            )
            for n in ids
        ],
        batch_size=1000,
    )
    return ids


def access_tokens(people: Sequence[User], now: datetime) -> list[str]:
    """Signed in over the API, each with a session of their own; good for longer than usual."""
    found = []
    with transaction.atomic():
        for one in people:
            token = tokens.begin_session(one, None, now=now).access_token
            token.set_exp(from_time=now, lifetime=TOKEN_LIFETIME)
            found.append(str(token))
    return found


def forget() -> None:
    """Empties what this made, for the next part."""
    Server.objects.filter(pk__gte=FIRST).delete()
    Cluster.objects.filter(name="bench").delete()
    User.objects.filter(email__endswith="@example.com").delete()
