"""What a web process tells of its sockets."""

import asyncio

import pytest

from servers import hub, meter
from tests.live.conftest import session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told(settings, monkeypatch):
    """The gauges that are set, by name."""
    settings.METRICS_TOKEN = "scrape-me-3f9a1c77e2"
    monkeypatch.setattr(meter, "pending", meter.Pending())
    monkeypatch.setattr(meter, "write_soon", lambda: None)
    monkeypatch.setattr(hub, "RECHECK_SECONDS", 0.05)
    return lambda: meter.pending.gauges


async def until(true):
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


async def test_sockets_and_what_they_follow(told, connect, alice, server):
    session = await session_of(alice)
    first, second = await connect(session=session), await connect(session=session)
    assert told()["panel_sockets_open"] == 2
    await first.send(type="subscribe", server=server.pk)
    assert (await first.hear())["type"] == "subscribed"
    await until(lambda: told().get("panel_socket_subscriptions") == 1)
    await second.wire.disconnect()
    assert told()["panel_sockets_open"] == 1
    # Each minute anew, or it would count as dead.
    told().clear()
    await until(lambda: told().get("panel_sockets_open") == 1)
    await first.wire.disconnect()
    assert told() == {"panel_sockets_open": 0, "panel_socket_subscriptions": 0}
