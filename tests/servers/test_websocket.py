"""The console's websocket: whoever answers is verified before the token is sent."""

import asyncio
import ssl
import time
from dataclasses import replace

import msgspec
import pytest
from aiohttp import web

from servers.proxmox import gateway, replies, tls, websocket
from servers.proxmox.errors import (
    CertificateMismatch,
    ProxmoxDenied,
    ProxmoxMalformed,
    ProxmoxUnreachable,
)
from servers.proxmox.types import Access, ConsoleGrant, Endpoint
from servers.simulator import certificates, demo, https
from servers.simulator.world import SimulatedCluster
from tests.serving import serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("simulator"))


@pytest.fixture(scope="module")
def another_ca(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("another")).ca.read_text()


@pytest.fixture
def world():
    return SimulatedCluster(started_at=time.time())


@pytest.fixture
def access(world, certificate):
    with serving(world, certificate) as port:
        secret = world.access.tokens[demo.FULL].secret
        yield Access((Endpoint("localhost", port),), demo.FULL, secret, certificate.ca.read_text())


@pytest.fixture
async def grant(access):
    def ask():
        return gateway.Gateway(access).vnc_proxy(node="pve1", kind="qemu", vmid=100)

    return await asyncio.to_thread(ask)


async def opened(access, grant):
    socket = await websocket.open_console(access, grant)
    try:
        return await socket.recv()
    finally:
        await socket.close()


def pinned(access, grant, fingerprint):
    endpoint = replace(grant.endpoint, fingerprint=fingerprint)
    return replace(access, endpoints=(endpoint,), ca_pem=""), replace(grant, endpoint=endpoint)


async def test_by_the_ca(access, grant):
    assert (await opened(access, grant)).startswith(b"RFB")


async def test_by_the_endpoint_that_granted_it(access, grant):
    nowhere = Endpoint("localhost", 9)
    several = replace(access, endpoints=(nowhere, *access.endpoints))
    asked = gateway.Gateway(several)
    granted = await asyncio.to_thread(lambda: asked.vnc_proxy(node="pve1", kind="qemu", vmid=100))
    assert granted.endpoint == grant.endpoint
    assert (await opened(several, granted)).startswith(b"RFB")


async def test_by_a_pinned_certificate(access, grant):
    shown = await asyncio.to_thread(tls.shown_fingerprint, grant.endpoint)
    assert (await opened(*pinned(access, grant, shown))).startswith(b"RFB")


async def test_another_ca(access, grant, another_ca):
    with pytest.raises(CertificateMismatch):
        await websocket.open_console(replace(access, ca_pem=another_ca), grant)


def test_the_name_is_verified_too(access):
    context = tls.stream_context(access, access.endpoints[0])
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


async def test_another_certificate_than_the_pinned_is_sent_nothing(certificate):
    heard = []

    async def note(request):
        heard.append(request.headers.get("Authorization"))
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = await https.start(app, certificate, host="127.0.0.1", port=0)
    try:
        where = Endpoint("127.0.0.1", runner.addresses[0][1], ":".join(["00"] * 32))
        access = Access((where,), "a@pve!b", "secret")
        with pytest.raises(CertificateMismatch):
            await websocket.open_console(access, a_grant(where))
        assert heard == []
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: web.Response(status=301, headers={"Location": "/elsewhere"}), ProxmoxUnreachable),
        (lambda: web.Response(status=401), ProxmoxDenied),
        (lambda: web.Response(status=403), ProxmoxDenied),
        (lambda: web.Response(status=500), ProxmoxUnreachable),
        (lambda: web.Response(status=200), ProxmoxUnreachable),
    ],
)
async def test_what_is_no_websocket(answer, error, certificate):
    asked = []

    async def handle(request):
        asked.append(request.path)
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = await https.start(app, certificate, host="127.0.0.1", port=0)
    try:
        where = Endpoint("localhost", runner.addresses[0][1])
        access = Access((where,), "a@pve!b", "secret", certificate.ca.read_text())
        with pytest.raises(error) as raised:
            await websocket.open_console(access, a_grant(where))
        # Redirects are not followed, and neither ticket nor token is in the words.
        assert len(asked) == 1
        assert "PVEVNC" not in str(raised.value)
        assert "secret" not in str(raised.value)
    finally:
        await runner.cleanup()


async def test_nobody_listens(access, grant):
    nowhere = replace(grant.endpoint, port=9)
    with pytest.raises(ProxmoxUnreachable):
        await websocket.open_console(access, replace(grant, endpoint=nowhere))


def a_grant(where):
    return ConsoleGrant(where, "pve1", "qemu", 100, 5900, "a@pve!b", "PVEVNC:6AFFBCF0::c2ln", "x")


def test_neither_ticket_nor_password_is_shown():
    shown = repr(a_grant(Endpoint("pve1")))
    assert "PVEVNC" not in shown
    assert "'x'" not in shown


@pytest.mark.parametrize(
    ("reply", "password"),
    [
        (b'{"port": "5900", "ticket": "PVEVNC:6AFFBCF0::c2", "user": "u"}', "PVEVNC:6"),
        (b'{"port": 5900, "ticket": "PVEVNC:6A::c", "user": "u", "password": "&#ITVU(<"}',
         "&#ITVU(<"),
        (b'{"port": 5900, "ticket": "&#ITVU(<:PVEVNC:6A::c", "user": "u"}', "&#ITVU(<"),
        (b'{"port": 5900, "ticket": "a:b:PVEVNC:6A::c", "user": "u"}', "a:b"),
    ],
)  # fmt: skip
def test_the_password_in_every_form(reply, password):
    granted = console(reply)
    assert (granted.password, granted.port) == (password, 5900)


@pytest.mark.parametrize(
    "reply",
    [
        b"null",
        b'{"port": 22, "ticket": "PVEVNC:6A::c", "user": "u"}',
        b'{"port": "5900 ", "ticket": "", "user": "u"}',
        b'{"port": 5900, "ticket": "PVEVNC:6A::c\\n0:1:x", "user": "u"}',
        b'{"port": 5900, "ticket": "PVEVNC:6A::c", "user": "u\\nv"}',
    ],
)
def test_replies_that_make_no_sense(reply):
    with pytest.raises(ProxmoxMalformed), gateway.translated():
        console(reply)


def console(reply):
    return replies.console(
        msgspec.Raw(reply), endpoint=Endpoint("pve1"), node="pve1", kind="qemu", vmid=100
    )
