"""From the browser's socket to the guest and back, through our relay and real TLS."""

import asyncio
import struct

import pytest
from asgiref.sync import sync_to_async

from accounts.audit import SYSTEM
from servers import console_flow, console_relay, hub, ownership
from servers.models import ConsoleSession, Server
from tests.consoles import rfb
from tests.consoles.conftest import audited, session_key_of, ticket_for

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def fresh(session):
    return ConsoleSession.objects.get(pk=session.pk)


async def a_ticket(server, *args, now, **more):
    return (await sync_to_async(ticket_for)(server, server.owner, *args, now=now, **more))[0]


async def end_of(connect, ticket, **more):
    socket = await connect()
    await socket.open(ticket, **more)
    return await socket.hear_end()


class TestOpening:
    @pytest.mark.parametrize("form", ["recorded", "old", "new", "prefixed"])
    async def test_a_screen_whatever_the_reply_looks_like(self, form, world, server, open_console):
        world.consoles.speak(form)
        socket, ready, _ = await open_console(server)
        assert (ready["kind"], ready["name"], len(ready["password"])) == ("vnc", "web1", 8)
        assert await socket.see(ready["password"]) == "web1"

    async def test_a_wrong_password_is_the_guests_own_business(self, server, open_console):
        socket, _, _ = await open_console(server)
        with pytest.raises(AssertionError, match="password"):
            await socket.see("not this")

    async def test_pixels_come_and_keys_go(self, server, open_console):
        socket, ready, _ = await open_console(server)
        await socket.see(ready["password"])
        await socket.send(rfb.ask_for_update())
        before = await rfb.read_update(socket)
        assert len(set(struct.iter_unpack("<I", before))) > 1
        for letter in "hello":
            await socket.send(rfb.key(ord(letter)))
        await asyncio.sleep(0.2)
        await socket.send(rfb.ask_for_update())
        assert await rfb.read_update(socket) != before

    @pytest.mark.parametrize("name", ["web1", "mail", "cust-4711"])
    async def test_a_terminal_of_vm_and_container(self, name, server_called, open_console):
        server = await sync_to_async(server_called)(name)
        socket, ready, _ = await open_console(server, "text")
        # The ticket of a terminal never leaves the panel.
        assert (ready["kind"], ready["password"]) == ("text", "")
        await socket.until(b"login: ")
        await socket.type("root\rhostname\r")
        await socket.until(f"{name}\r\n".encode())

    async def test_a_shell_that_is_left_ends_the_session(self, server, open_console):
        socket, _, session = await open_console(server, "text")
        await socket.type("root\rexit\r")
        assert await socket.hear_end() == ("ended", 4000)
        assert (await fresh(session)).close_reason == "ended"

    async def test_much_comes_through_unchanged(self, server, open_console):
        socket, _, _ = await open_console(server, "text")
        await socket.until(b"login: ")
        await socket.type("root\r")
        await socket.until(b"$ ")
        await socket.type("seq 60000\r")
        await socket.until(b"\r\n")
        expected = "\r\n".join(map(str, range(1, 60001))).encode()
        assert await socket.exactly(len(expected)) == expected
        assert any(said["type"] == "mark" for said in socket.said)


class TestRefusing:
    async def test_a_server_that_is_off(self, world, server, connect, clock):
        world.set_power(server.vmid, "stopped")
        assert await end_of(connect, await a_ticket(server, now=clock())) == ("server_off", 4410)

    @pytest.mark.parametrize(
        ("name", "kind", "reason"),
        [
            ("mail", "vnc", "no_screen"),
            ("cust-4711", "vnc", "no_screen"),
            ("web2", "text", "no_serial"),
            ("node-builder", "vnc", "no_console"),
            ("node-builder", "text", "no_console"),
        ],
    )
    async def test_a_console_that_is_not_there(
        self, name, kind, reason, server_called, connect, clock
    ):
        server = await sync_to_async(server_called)(name)
        assert (await end_of(connect, await a_ticket(server, kind, now=clock())))[0] == reason

    async def test_a_vmid_that_another_guest_has_now(self, world, server, connect, clock):
        world.reuse_vmid(server.vmid)
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket))[0] == "other_guest"
        server = await Server.objects.aget(pk=server.pk)
        assert server.identity_due

    async def test_a_server_not_yet_identified(self, server, connect, clock):
        await Server.objects.filter(pk=server.pk).aupdate(identity="")
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket))[0] == "other_guest"

    async def test_a_server_that_moved_is_found(self, world, server, open_console):
        world.migrate(server.vmid, "pve3")
        socket, ready, _ = await open_console(server)
        assert await socket.see(ready["password"]) == "web1"

    async def test_proxmox_that_does_not_answer(self, world, server, connect, clock):
        world.dark()
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket))[0] == "unreachable"

    async def test_a_token_that_may_not(self, world, server, connect, clock):
        world.revoke("panel@pve!panel")
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket))[0] == "denied"

    async def test_proxmox_that_refuses(self, world, server, connect, clock):
        world.fail_next("POST", "vncproxy", reason="no space left on device")
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket))[0] == "refused"

    async def test_the_ticket_comes_in_time(self, connect, redis_server, monkeypatch, db):
        monkeypatch.setattr(console_relay, "SECONDS_TO_OPEN", 0.1)
        assert await (await connect()).hear_end() == ("bad_ticket", 4403)

    @pytest.mark.parametrize(
        "first", [{"type": "ack", "mark": "x"}, {"type": "open"}, {"type": "shout"}, {"a": 1}]
    )
    async def test_anything_else_comes_first(self, first, connect, db):
        socket = await connect()
        await socket.say(**first)
        assert await socket.hear_end() == ("invalid", 4400)

    async def test_bytes_come_before_the_console_is_open(self, connect, db):
        socket = await connect()
        await socket.send(b"\0")
        assert await socket.hear_end() == ("invalid", 4400)


class TestWhoseItIs:
    @pytest.mark.parametrize(
        ("who", "expected"),
        [("alice", "ready"), ("bob", "no_access"), ("staff", "ready"), ("nobody", "bad_ticket")],
    )
    async def test_the_same_ticket_for_everybody(
        self, who, expected, server, alice, bob, staff, connect, clock
    ):
        """Also where somebody got hold of a ticket that he should never have been made."""
        person = {"alice": alice, "bob": bob, "staff": staff}.get(who)
        ticket = "made-up"
        if person is not None:
            ticket, session = await sync_to_async(ticket_for)(server, staff, now=clock())
            held = {"user": person, "auth_hash": person.get_session_auth_hash()}
            await ConsoleSession.objects.filter(pk=session.pk).aupdate(**held)
        socket = await connect()
        await socket.open(ticket)
        said = await socket.next()
        assert said.get("reason", said["type"]) == expected

    async def test_somebody_elses_browser(self, server, bob, connect, clock):
        ticket = await a_ticket(server, now=clock())
        socket = await connect(session=await sync_to_async(session_key_of)(bob))
        await socket.open(ticket)
        assert await socket.hear_end() == ("bad_ticket", 4403)

    async def test_ones_own_browser(self, server, alice, connect, clock):
        ticket = await a_ticket(server, now=clock())
        socket = await connect(session=await sync_to_async(session_key_of)(alice))
        await socket.open(ticket, server=server.pk)
        await socket.ready()

    async def test_no_browser_at_all(self, server, connect, clock):
        ticket = await a_ticket(server, now=clock())
        socket = await connect(origin=None)
        await socket.open(ticket)
        await socket.ready()

    async def test_another_site(self, redis_server, db):
        from tests.consoles.conftest import Socket

        socket = Socket((b"origin", b"http://evil.example"))
        accepted, _ = await socket.wire.connect()
        assert not accepted

    async def test_another_server(self, server, connect, clock):
        ticket = await a_ticket(server, now=clock())
        assert (await end_of(connect, ticket, server=server.pk + 1))[0] == "bad_ticket"

    async def test_a_second_use(self, server, open_console, connect, clock):
        ticket = await a_ticket(server, now=clock())
        first = await connect()
        await first.open(ticket)
        await first.ready()
        assert await end_of(connect, ticket) == ("bad_ticket", 4403)


class TestEnding:
    async def test_the_server_is_switched_off(self, world, server, open_console):
        socket, ready, _ = await open_console(server)
        await socket.see(ready["password"])
        world.set_power(server.vmid, "stopped")
        assert await socket.hear_end() == ("server_off", 4410)

    async def test_the_host_falls_silent(self, world, server, open_console, monkeypatch):
        monkeypatch.setattr(console_relay, "SECONDS_TO_TELL_WHY", 0.2)
        socket, ready, _ = await open_console(server)
        await socket.see(ready["password"])
        world.slow(1.5, "/nodes")
        (listener,) = world.consoles.listeners.values()
        listener.guest.end()
        assert await socket.hear_end() == ("lost", 4502)

    async def test_the_server_changes_hands(self, server, bob, open_console, clock):
        socket, _, session = await open_console(server)
        await asyncio.wait_for(hub.hub().listening.wait(), 5)
        await sync_to_async(ownership.assign)([server], bob, actor=SYSTEM, now=clock())
        assert await socket.hear_end() == ("no_access", 4404)
        assert (await fresh(session)).close_reason == "no_access"

    async def test_the_person_is_disabled(self, server, alice, open_console):
        socket, _, _ = await open_console(server)
        alice.is_active = False
        await alice.asave()
        await hub.hub().recheck(hub.hub().following)
        assert await socket.hear_end() == ("signed_out", 4401)

    async def test_nothing_is_typed(self, server, open_console, settings, monkeypatch):
        monkeypatch.setattr(console_relay, "LOOK_EVERY", 0.05)
        settings.CONSOLE_IDLE_MINUTES = 0.01
        socket, ready, _ = await open_console(server)
        await socket.see(ready["password"])
        # What a VNC client sends by itself is not typing.
        for _ in range(4):
            await socket.send(rfb.ask_for_update(incremental=True))
            await asyncio.sleep(0.1)
        assert await socket.hear_end() == ("idle", 4408)

    async def test_it_lasts_for_too_long(self, server, open_console, settings, monkeypatch):
        monkeypatch.setattr(console_relay, "LOOK_EVERY", 0.05)
        settings.CONSOLE_MAX_HOURS = 0.5 / 3600
        socket, _, _ = await open_console(server)
        assert await socket.hear_end() == ("time_limit", 4409)

    async def test_the_person_leaves(self, server, open_console, world):
        socket, ready, session = await open_console(server)
        await socket.see(ready["password"])
        await socket.wire.disconnect(timeout=5)
        assert (await fresh(session)).close_reason == "left"
        (task,) = (task for task in world.tasks.everywhere() if task.type == "vncproxy")
        await asyncio.sleep(0.3)
        assert task.done

    async def test_opened_and_closed_are_in_the_audit_log(self, server, alice, open_console):
        socket, ready, _ = await open_console(server)
        await socket.see(ready["password"])
        await socket.wire.disconnect(timeout=5)
        (opened,), (closed,) = await audited("console.opened"), await audited("console.closed")
        assert opened.actor_id == closed.actor_id == alice.pk
        assert closed.details["reason"] == "left"
        assert closed.details["seconds"] >= 0
        assert closed.details["bytes_sent"] > 50
        assert closed.details["bytes_received"] > 20


class TestPressure:
    async def test_who_does_not_read_is_sent_no_more_than_the_window(
        self, server, open_console, monkeypatch
    ):
        monkeypatch.setattr(console_relay, "SECONDS_UNREAD", 0.7)
        socket, _, _ = await open_console(server, "text")
        socket.acks = False
        await socket.type("root\r" + "seq 100000\r" * 8)
        assert (await socket.hear_end())[0] == "too_slow"
        ended = (await audited("console.closed"))[-1].details
        most = console_flow.WINDOW + console_flow.MARK_EVERY + 2 * 1024 * 1024
        assert console_flow.WINDOW <= ended["bytes_sent"] <= most

    async def test_marks_cannot_be_guessed(self, server, open_console):
        socket, _, _ = await open_console(server)
        await socket.say(type="ack", mark="0123456789abcdef")
        assert (await socket.hear_end())[0] == "invalid"

    async def test_more_is_sent_than_proxmox_takes(self, server, open_console, monkeypatch):
        monkeypatch.setattr(console_flow, "MOST_PENDING", 100_000)
        socket, _, _ = await open_console(server)
        # The simulated screen never asked for this much, and stops reading.
        for _ in range(40):
            await socket.send(b"\6\0\0\0\0\1\0\0" + bytes(90_000))
        assert (await socket.hear_end())[0] in {"too_much", "lost"}


async def test_no_secret_reaches_a_log(server, open_console, connect, clock, caplog, world):
    """The ticket of ours, those of Proxmox, the VNC password, the API token."""
    with caplog.at_level("DEBUG", logger=""):
        ticket = await a_ticket(server, now=clock())
        socket = await connect()
        await socket.open(ticket)
        password = (await socket.ready())["password"]
        await socket.see(password)
        granted = [listener.ticket for listener in world.consoles.listeners.values()]
        world.set_power(server.vmid, "stopped")
        await socket.hear_end()
        world.set_power(server.vmid, "running")
        world.fail_next("GET", "vncwebsocket", status=401, reason="permission denied")
        refused = await a_ticket(server, now=clock())
        assert (await end_of(connect, refused))[0] == "denied"
        granted += [listener.ticket for listener in world.consoles.listeners.values()]
    entries = [*(await audited("console.opened")), *(await audited("console.closed"))]
    told = caplog.text + "".join(str(entry.details) for entry in entries)
    secret = world.access.tokens["panel@pve!panel"].secret
    assert granted
    for hidden in (ticket, refused, password, secret, *granted):
        assert hidden not in told
