"""What a socket says to whom."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts import tokens
from accounts.audit import SYSTEM, Actor
from accounts.models import Source, User
from servers import consumers, live, operations, ownership
from servers import hub as hub_module
from servers.hub import hub
from servers.models import Server
from tests.live.conftest import Socket, session_of, token_of

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def session_in_the_place_of(person, staff):
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/acting/begin/", {"user_pk": person.pk}).status_code == 303
    return client.session.session_key


def now():
    return datetime.now(UTC)


@pytest.fixture
async def alices(connect, server, alice):
    """A socket of Alice's, opened after her server was polled."""
    return await connect(session=await session_of(alice))


class TestSigningIn:
    async def test_with_a_session(self, alices, server):
        await alices.send(type="subscribe", server=server.pk)
        heard = await alices.hear()
        assert heard["type"] == "subscribed"
        assert heard["server"] == server.pk
        assert heard["status"] == "running"
        assert heard["metrics"]["cpu"] is not None
        assert heard["action"] is None

    async def test_whoever_comes_late_is_told_what_is_under_way(self, alices, server, alice):
        actor = Actor(alice, Source.WEB)
        action = await sync_to_async(operations.change_power)(
            server, "reboot", actor=actor, now=now()
        )
        await alices.send(type="subscribe", server=server.pk)
        heard = await alices.hear()
        assert (heard["type"], heard["action"]["id"]) == ("subscribed", action.pk)
        assert heard["action"]["type"] == "reboot"

    async def test_with_a_token_as_the_first_message(self, connect, server, alice):
        socket = await connect(token=await token_of(alice, now()), origin=None)
        await socket.send(type="subscribe", server=server.pk)
        assert (await socket.hear())["type"] == "subscribed"

    async def test_staff_in_somebodys_place_as_long_as_they_may(self, connect, staff, alice):
        key = await session_in_the_place_of(alice, staff)
        await connect(session=key)
        await User.objects.filter(pk=staff.pk).aupdate(is_active=False)
        late = Socket((b"origin", b"http://localhost"), (b"cookie", f"sessionid={key}".encode()))
        await late.open()
        code, said = await late.hear_close()
        assert (code, [each["type"] for each in said]) == (4401, ["error"])

    async def test_nobody_hears_nothing(self, connect, server):
        socket = await connect()
        await socket.send(type="subscribe", server=server.pk)
        assert (await socket.hear())["code"] == "not_authenticated"

    async def test_nobody_is_turned_out_after_a_while(self, connect, monkeypatch):
        monkeypatch.setattr(consumers, "SECONDS_TO_SIGN_IN", 0.1)
        socket = await connect()
        code, _ = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN

    @pytest.mark.parametrize("token", ["", "x.y.z", "é", None])
    async def test_a_bad_token_ends_it(self, connect, token):
        socket = await connect()
        await socket.send(type="auth", token=token)
        code, said = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN
        assert said[0]["code"] == "not_authenticated"

    async def test_a_token_of_somebody_else_changes_nothing(self, alices, bob):
        await alices.send(type="auth", token=await token_of(bob, now()))
        assert (await alices.hear())["code"] == "forbidden"

    async def test_a_token_ends_its_socket_when_it_expires(self, connect, alice, monkeypatch):
        monkeypatch.setattr(
            "rest_framework_simplejwt.tokens.AccessToken.lifetime", timedelta(seconds=1)
        )
        socket = await connect(token=await token_of(alice, now()))
        code, said = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN
        assert said[-1]["code"] == "not_authenticated"

    async def test_no_token_in_the_address(self, alice, redis_server):
        token = await token_of(alice, now())
        socket = Socket(path=f"/ws/?token={token}")
        await socket.open()
        await socket.send(type="subscribe", server=1)
        assert (await socket.hear())["code"] == "not_authenticated"
        await socket.wire.disconnect()


class TestOrigin:
    @pytest.mark.parametrize(
        "origin", [b"https://evil.example", b"null", b"http://localhost.evil.example", b"x"]
    )
    async def test_another_sites_page_does_not_get_in(self, origin, alice, redis_server):
        cookie = f"sessionid={await session_of(alice)}".encode()
        accepted, _ = await Socket((b"origin", origin), (b"cookie", cookie)).open()
        assert not accepted

    async def test_without_an_origin_a_cookie_is_worth_nothing(self, connect, alice, server):
        cookie = f"sessionid={await session_of(alice)}".encode()
        socket = Socket((b"cookie", cookie))
        await socket.open()
        await socket.send(type="subscribe", server=server.pk)
        assert (await socket.hear())["code"] == "not_authenticated"
        await socket.wire.disconnect()

    async def test_another_path_is_refused(self):
        accepted, _ = await Socket((b"origin", b"http://localhost"), path="/ws/other/").open()
        assert not accepted


class TestEvents:
    async def test_metrics_of_what_was_subscribed(self, alices, server):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        row = [server.pk, 5, 0.5, 1, 2, None, 4, 0.1, 0.2, 0.3, 0.4, 99, "host", "", None]
        other = [server.pk + 1000, *row[1:]]
        await live.send_all([{"type": "live", "metrics": [other, row]}])
        heard = await alices.hear()
        assert heard["type"] == "metrics"
        assert heard["server"] == server.pk
        assert heard["metrics"]["cpu"] == 0.5
        assert heard["metrics"]["disk_used"] is None
        assert heard["metrics"]["sources"] == {"cpu": "host", "memory": "host", "disk": None}
        assert await alices.silence()

    async def test_a_cycle_is_heard(self, alices, server, pass_cycle):
        await alices.send(type="subscribe", server=server.pk)
        before = (await alices.hear())["metrics"]["taken_at"]
        await sync_to_async(pass_cycle)()
        assert (await alices.hear())["metrics"]["taken_at"] == before + 30

    async def test_a_change_of_state_is_heard(self, alices, server, world, pass_cycle):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        world.set_power(server.vmid, "stopped")
        await sync_to_async(pass_cycle)()
        heard = await alices.hear()
        assert (heard["type"], heard["status"]) == ("state", "stopped")

    async def test_after_unsubscribing_there_is_silence(self, alices, server, pass_cycle):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        await alices.send(type="unsubscribe", server=server.pk)
        assert (await alices.hear())["type"] == "unsubscribed"
        await sync_to_async(pass_cycle)()
        assert await alices.silence()

    async def test_nothing_is_published_for_a_cycle_that_failed(
        self, alices, server, world, pass_cycle
    ):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        world.dark()
        await sync_to_async(pass_cycle)(looking=False)
        assert await alices.silence()

    async def test_many_at_once(self, alices, server, alice):
        mine = [s.pk async for s in Server.objects.filter(owner=alice)]
        await alices.send(type="subscribe", servers=[*mine, 10**9])
        heard = [await alices.hear() for _ in range(len(mine) + 1)]
        assert {h["server"] for h in heard if h["type"] == "subscribed"} == set(mine)
        assert heard[-1] == {
            "type": "error", "code": "not_found", "message": "There is no such server.",
            "server": 10**9,
        }  # fmt: skip


class TestLosingAccess:
    async def test_a_server_that_changes_hands(self, alices, server, bob, pass_cycle):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        await sync_to_async(ownership.assign)([server], bob, actor=SYSTEM, now=now())
        heard = await alices.hear()
        assert (heard["type"], heard["code"]) == ("error", "not_found")
        await sync_to_async(pass_cycle)()
        assert await alices.silence()

    async def test_signing_out_ends_the_sessions_sockets(self, connect, alice):
        key = await session_of(alice)
        socket = await connect(session=key)

        @sync_to_async
        def sign_out():
            from django.test import Client

            client = Client()
            client.cookies["sessionid"] = key
            assert client.post("/sign-out/").status_code == 302

        await sign_out()
        code, _ = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN

    async def test_but_not_those_of_another_browser(self, connect, alice, server):
        here, there = [await connect(session=await session_of(alice)) for _ in range(2)]
        del here
        await live.send_all([{"type": "live", "events": [{"type": "sign_out", "user": alice.pk}]}])
        await there.send(type="subscribe", server=server.pk)
        assert (await there.hear())["type"] == "subscribed"

    async def test_logging_out_of_the_api_ends_its_sockets(self, connect, alice):
        refresh = await sync_to_async(tokens.begin_session)(alice, None, now=now())
        socket = await connect(token=str(refresh.access_token), origin=None)

        @sync_to_async
        def log_out():
            from rest_framework.test import APIClient

            answer = APIClient().post("/api/v1/auth/logout/", {"refresh": str(refresh)})
            assert answer.status_code == 204

        await log_out()
        code, _ = await socket.hear_close()
        assert code == consumers.NOT_SIGNED_IN

    async def test_somebody_who_is_disabled_is_turned_out_within_a_minute(self, alices, alice):
        await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
        await hub().recheck(hub().following)
        code, _ = await alices.hear_close()
        assert code == consumers.NOT_SIGNED_IN

    async def test_another_password_ends_sockets_within_a_minute(self, connect, alice):
        sockets = [
            await connect(session=await session_of(alice)),
            await connect(token=await token_of(alice, now()), origin=None),
        ]
        alice.set_password("something else entirely")
        await alice.asave()
        await hub().recheck(hub().following)
        for socket in sockets:
            code, _ = await socket.hear_close()
            assert code == consumers.NOT_SIGNED_IN

    async def test_access_that_was_lost_without_an_event_ends_within_a_minute(
        self, alices, server
    ):
        await alices.send(type="subscribe", server=server.pk)
        await alices.hear()
        await Server.objects.filter(pk=server.pk).aupdate(owner=None)
        await hub().recheck(hub().following)
        assert (await alices.hear())["code"] == "not_found"


class TestLimits:
    @pytest.mark.parametrize(
        "text",
        [
            "{", "[]", "5", '{"type": 5}', '{"type": "subscribe", "server": "x"}',
            '{"type": "subscribe", "color": "red"}', '{"server": 7}', '{"type": "dance"}',
            '{"type": "subscribe"}', '{"type": "subscribe", "servers": ["1"]}',
        ],
    )  # fmt: skip
    async def test_what_is_no_message_gets_a_clear_error_and_the_socket_lives(
        self, alices, server, text
    ):
        await alices.wire.send_to(text_data=text)
        assert (await alices.hear())["code"] == "invalid"
        await alices.send(type="subscribe", server=server.pk)
        assert (await alices.hear())["type"] == "subscribed"

    async def test_bytes_are_no_message(self, alices):
        await alices.wire.send_to(bytes_data=b"\x00\xff")
        assert (await alices.hear())["code"] == "invalid"

    @pytest.mark.parametrize("server", [0, -1, 2**70, 2**63])
    async def test_numbers_that_are_no_server(self, alices, server):
        await alices.send(type="subscribe", server=server)
        assert (await alices.hear())["code"] in {"not_found", "invalid"}

    async def test_a_long_message_ends_it(self, alices):
        await alices.wire.send_to(text_data="x" * (consumers.LONGEST_MESSAGE + 1))
        code, _ = await alices.hear_close()
        assert code == consumers.TOO_LONG

    async def test_too_many_messages_end_it(self, alices):
        for _ in range(int(consumers.MESSAGES_AT_ONCE) + 10):
            await alices.send(type="unsubscribe", server=1)
        code, said = await alices.hear_close()
        assert code == consumers.TOO_MUCH
        assert said[-1]["code"] == "too_many_messages"

    async def test_many_ids_over_and_over_end_it(self, alices):
        """Each is answered, and a client that does not read has us keep the answers."""
        wanted = list(range(10_000, 10_000 + consumers.MOST_SUBSCRIPTIONS))
        for _ in range(10):
            await alices.send(type="subscribe", servers=wanted)
        code, said = await alices.hear_close()
        assert code == consumers.TOO_MUCH
        assert said[-1]["code"] == "too_many_messages"
        assert len(said) == consumers.ANSWERS_AT_ONCE + 1

    async def test_a_page_with_as_many_servers_as_may_be_goes_on_for_hours(self, monkeypatch):
        at = 1000.0
        monkeypatch.setattr(consumers, "monotonic", lambda: at)
        answers = consumers.Allowance(consumers.ANSWERS_AT_ONCE, consumers.ANSWERS_PER_SECOND)
        for _ in range(50):
            assert answers.spend(consumers.MOST_SUBSCRIPTIONS)
            at += 300

    async def test_an_allowance_fills_up_to_its_brim_only(self, monkeypatch):
        at = 1000.0
        monkeypatch.setattr(consumers, "monotonic", lambda: at)
        allowance = consumers.Allowance(10, 2)
        at += 1_000_000
        assert allowance.spend(10)
        at += 1
        assert allowance.spend(2)
        assert not allowance.spend(1)

    @pytest.mark.parametrize("type", ["subscribe", "unsubscribe"])
    async def test_so_many_ids_that_they_are_refused_together(self, alices, server, type):
        for _ in range(5):
            await alices.send(type=type, servers=list(range(consumers.MOST_SUBSCRIPTIONS + 1)))
            assert (await alices.hear())["code"] == "too_many_subscriptions"
        assert await alices.silence()
        await alices.send(type="subscribe", server=server.pk)
        assert (await alices.hear())["type"] == "subscribed"

    async def test_an_id_that_is_named_often_is_answered_once(self, alices):
        await alices.send(type="unsubscribe", server=1, servers=[1] * 1000)
        assert await alices.hear() == {"type": "unsubscribed", "server": 1}
        assert await alices.silence()

    async def test_an_error_does_not_quote_at_length(self, alices):
        await alices.wire.send_to(text_data='{"%s": 1}' % ("x" * 8000))
        heard = await alices.hear()
        assert heard["code"] == "invalid"
        assert len(heard["message"]) < 300

    async def test_too_many_subscriptions_are_refused_whole(self, alices, server):
        wanted = list(range(10_000, 10_000 + consumers.MOST_SUBSCRIPTIONS + 1))
        await alices.send(type="subscribe", servers=wanted)
        assert (await alices.hear())["code"] == "too_many_subscriptions"
        await alices.send(type="subscribe", server=server.pk)
        assert (await alices.hear())["type"] == "subscribed"

    async def test_a_cancellation_that_is_swallowed_ends_a_listener_too(
        self, connect, alice, monkeypatch
    ):
        """asgiref does that to one that meets a database call; a listener that lived on would
        hand each event out twice once the next one began."""
        await connect(session=await session_of(alice))
        tasks = list(hub().tasks)

        async def swallow(self, *_):
            hub().stop()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

        monkeypatch.setattr(hub_module.Hub, "hand_out", swallow)
        # What waits for the first message has looked the method up already.
        for _ in range(2):
            await live.send_all([{"type": "live", "events": []}])
            await asyncio.sleep(0.2)
        _, pending = await asyncio.wait(tasks, timeout=3)
        assert not pending

    async def test_a_closed_socket_is_forgotten(self, connect, alice, server):
        socket = await connect(session=await session_of(alice))
        await socket.send(type="subscribe", server=server.pk)
        await socket.hear()
        await socket.wire.disconnect()
        assert hub().listeners == {}
        assert hub().following == {}


class TestWithoutRedis:
    async def test_a_socket_opens_and_answers(self, server, alice, settings, monkeypatch):
        """Nothing is pushed then, but what was subscribed is told, and the page is no worse."""
        layer = {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["unix:///nowhere/redis.sock"]},
        }
        settings.CHANNEL_LAYERS = {"default": layer}
        cookie = f"sessionid={await session_of(alice)}".encode()
        socket = Socket((b"origin", b"http://localhost"), (b"cookie", cookie))
        accepted, _ = await socket.open()
        assert accepted
        assert (await socket.hear())["type"] == "welcome"
        await socket.send(type="subscribe", server=server.pk)
        assert (await socket.hear())["type"] == "subscribed"
        await socket.wire.disconnect()
