"""Consoles as Proxmox hands them out: one connection, soon, by whoever asked."""

import asyncio
import ssl
import time
from urllib.parse import urlencode

import pytest
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from servers.simulator import certificates, demo, websocket
from servers.simulator.letters import CELL_HEIGHT, CELL_WIDTH, strip
from servers.simulator.terminal import Shell
from servers.simulator.world import SimulatedCluster
from tests.serving import serving

RUNNING, STOPPED, CONTAINER, NO_SERIAL = 100, 111, 103, 101


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("simulator"))


class Client:
    def __init__(self, cluster, certificate, port):
        self.cluster = cluster
        self.authority = f"localhost:{port}"
        self.ca = str(certificate.ca)

    def path(self, vmid, verb):
        guest = self.cluster.guest(vmid)
        return f"/api2/json/nodes/{guest.node}/{guest.kind}/{vmid}/{verb}"

    def ask(self, vmid, verb, token=demo.FULL, **data):
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"https://{self.authority}{self.path(vmid, verb)}",
                data=data,
                headers={"Authorization": self.cluster.access.authorization(token)},
                verify=self.ca,
                timeout=10,
            )

    async def granted(self, vmid, verb="vncproxy", **data):
        answer = await asyncio.to_thread(self.ask, vmid, verb, **data)
        return answer.json()["data"]

    def socket(self, vmid, granted, token=demo.FULL, subprotocols=("binary",)):
        query = urlencode({"port": granted["port"], "vncticket": granted["ticket"]})
        return connect(
            f"wss://{self.authority}{self.path(vmid, 'vncwebsocket')}?{query}",
            ssl=ssl.create_default_context(cafile=self.ca),
            additional_headers={"Authorization": self.cluster.access.authorization(token)},
            subprotocols=list(subprotocols),
            proxy=None,
        )

    async def ends(self, vmid, granted):
        async with self.socket(vmid, granted) as socket:
            async with asyncio.timeout(5):
                async for _ in socket:
                    pass

    def exit_text(self):
        return next(
            task.exitstatus for task in self.cluster.tasks.everywhere() if task.type == "vncproxy"
        )


@pytest.fixture
def client(certificate):
    cluster = SimulatedCluster(started_at=time.time())
    with serving(cluster, certificate) as port:
        yield Client(cluster, certificate, port)


async def test_a_screen_says_what_it_speaks(client):
    granted = await client.granted(RUNNING, websocket=1)
    async with client.socket(RUNNING, granted) as socket:
        assert socket.subprotocol == "binary"
        assert await socket.recv() == b"RFB 003.008\n"


async def test_one_connection_a_call(client, monkeypatch):
    monkeypatch.setattr(websocket, "DROPPED_AFTER", 0.1)
    granted = await client.granted(RUNNING)
    async with client.socket(RUNNING, granted):
        with pytest.raises((InvalidHandshake, EOFError)):
            await client.socket(RUNNING, granted)


async def test_nobody_listens_after_ten_seconds(client, monkeypatch):
    monkeypatch.setattr(websocket, "DROPPED_AFTER", 0.1)
    granted = await client.granted(RUNNING)
    client.cluster.consoles.listeners[int(granted["port"])].opened_at -= 11
    with pytest.raises((InvalidHandshake, EOFError)):
        await client.socket(RUNNING, granted)


@pytest.mark.parametrize("what", ["late", "identity", "ticket", "port", "guest"])
async def test_a_ticket_that_is_not_good(client, what):
    granted = await client.granted(RUNNING)
    vmid, token = RUNNING, demo.FULL
    if what == "late":
        client.cluster.consoles.listeners[int(granted["port"])].opened_at -= 41
    elif what == "identity":
        token = demo.ACT
    elif what == "ticket":
        granted["ticket"] += "x"
    elif what == "port":
        granted["port"] = "5999"
    else:
        vmid = NO_SERIAL
    with pytest.raises(InvalidStatus) as refused:
        await client.socket(vmid, granted, token)
    assert refused.value.response.status_code == 401
    assert "invalid PVEVNC ticket" in refused.value.response.reason_phrase


async def test_two_subprotocols_are_both_echoed(client):
    granted = await client.granted(RUNNING)
    with pytest.raises(InvalidHandshake):
        await client.socket(RUNNING, granted, subprotocols=("binary", "base64"))


async def test_a_stopped_vm_is_granted_a_console_that_closes(client):
    await client.ends(STOPPED, await client.granted(STOPPED, websocket=1))
    await asyncio.sleep(0.1)
    assert client.exit_text() == "Failed to run vncproxy."


async def test_a_vm_without_a_serial_port_has_no_terminal(client):
    answer = await asyncio.to_thread(client.ask, NO_SERIAL, "termproxy")
    assert answer.status_code == 500
    assert "port '5900' to get ready" in answer.reason


async def test_without_the_right_there_is_no_console(client):
    answer = await asyncio.to_thread(client.ask, RUNNING, "vncproxy", demo.AUDIT)
    assert (answer.status_code, "VM.Console" in answer.reason) == (403, True)


@pytest.mark.parametrize(
    ("form", "has_field", "prefix"),
    [("recorded", True, False), ("old", False, False), ("new", True, True),
     ("prefixed", False, True)],
)  # fmt: skip
async def test_forms_of_the_reply(client, form, has_field, prefix):
    client.cluster.consoles.speak(form)
    granted = await client.granted(RUNNING, **{"websocket": 1, "generate-password": 1})
    assert ("password" in granted) == has_field
    assert (not granted["ticket"].startswith("PVEVNC:")) == prefix
    assert ":PVEVNC:" in granted["ticket"] if prefix else True


async def test_a_terminal_wants_user_and_ticket_first(client):
    granted = await client.granted(CONTAINER, "termproxy")
    async with client.socket(CONTAINER, granted) as socket:
        await socket.send(f"{granted['user']}:{granted['ticket']}\n")
        assert await socket.recv() == b"OK"
        assert b"login: " in await socket.recv()
        await socket.send("1:120:40:")
        await socket.send("2")
        # Frames need not be messages.
        for piece in ("0:5:ro", "ot\r0:", "9:hostname\r"):
            await socket.send(piece)
        shown = b""
        while b"mail\r\n" not in shown:
            shown += await asyncio.wait_for(socket.recv(), 5)


async def test_a_terminal_with_another_ticket_ends(client):
    granted = await client.granted(CONTAINER, "termproxy")
    async with client.socket(CONTAINER, granted) as socket:
        await socket.send(f"{granted['user']}:PVEVNC:made-up\n")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)


async def test_ports_are_given_back(client):
    for _ in range(110):
        listener = (await client.granted(RUNNING))["port"]
        taken = client.cluster.consoles.listeners[int(listener)]
        taken.opened_at -= 41
    assert len(client.cluster.consoles.listeners) <= 2


class TestShell:
    @pytest.fixture
    def shell(self):
        return Shell(SimulatedCluster().guest(RUNNING))

    def test_it_echoes_and_erases(self, shell):
        assert shell.take(b"ax\x7f") == b"ax\b \b"
        assert shell.take(b"\x7f\x7f") == b"\b \b"

    @pytest.mark.parametrize(
        ("command", "answer"),
        [("whoami", "root"), ("echo a b", "a b"), ("stty", "24 80"), ("seq 2", "1\r\n2"),
         ("rm -rf /", "rm: command not found")],
    )  # fmt: skip
    def test_commands(self, shell, command, answer):
        shell.take(b"root\r")
        assert f"\r\n{answer}\r\n".encode() in shell.take(f"{command}\r".encode())

    def test_it_ends(self, shell):
        shell.take(b"root\rexit\r")
        assert shell.is_over


def test_letters_fill_their_line():
    pixels = strip("Web 1?", 10, b"\xff" * 4, b"\0" * 4)
    assert len(pixels) == 10 * CELL_WIDTH * CELL_HEIGHT * 4
    assert set(pixels) == {0, 255}
