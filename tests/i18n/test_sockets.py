"""Sockets say what is wrong in the person's language; their codes never change."""

import re

import pytest
from asgiref.sync import sync_to_async

from accounts.models import User
from tests.live.conftest import connect, session_of  # noqa: F401 — a fixture

pytestmark = pytest.mark.django_db(transaction=True)
WRONG = ({"type": "dance"}, {"type": "subscribe"}, {"type": "subscribe", "server": 999_999},
         {"type": "subscribe", "servers": list(range(1, 600))}, {"no": "type"})  # fmt: skip


async def heard_of(socket):
    for message in WRONG:
        await socket.send(**message)
        yield await socket.hear()


async def test_in_russian(server, alice, connect):  # noqa: F811
    english = [each async for each in heard_of(await connect(session=await session_of(alice)))]
    await sync_to_async(User.objects.filter(pk=alice.pk).update)(language="ru")
    russian = [each async for each in heard_of(await connect(session=await session_of(alice)))]
    assert [each["code"] for each in russian] == [each["code"] for each in english]
    assert all(re.search("[а-я]", each["message"]) for each in russian)
    assert not any(re.search("[а-я]", each["message"]) for each in english)
