"""The gateway over the simulated cluster: our session, proxmoxer's paths, our error tree."""

import contextlib
import logging
from io import BytesIO

import msgspec
import pytest
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from servers.proxmox import session, tls
from servers.proxmox.errors import (
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxMalformed,
    ProxmoxRefused,
    ProxmoxUnreachable,
)
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, Endpoint

SECRET = "0b54cb17-canary-4d66-9a53-5e9a9e9f5f4a"


class CannedAdapter(BaseAdapter):
    """Answers everything alike, and keeps what was sent."""

    def __init__(self, status=200, body=b'{"data":{}}', reason="OK", headers=None):
        super().__init__()
        self.answer = (status, body, reason, headers or {})
        self.sent = []

    def send(self, request, **options):
        self.sent.append((request, options))
        status, body, reason, headers = self.answer
        raw = HTTPResponse(BytesIO(body), headers, status, reason=reason, preload_content=False)
        return HTTPAdapter().build_response(request, raw)

    def close(self):
        pass


@pytest.fixture
def answering(monkeypatch):
    """A gateway whose Proxmox always answers this."""

    def make(*args, hosts=("pve1",), **kwargs):
        adapter = CannedAdapter(*args, **kwargs)
        monkeypatch.setattr(tls, "adapter_for", lambda access, endpoint: adapter)
        endpoints = tuple(Endpoint(host) for host in hosts)
        return Gateway(Access(endpoints, "panel@pve!panel", SECRET)), adapter

    return make


def test_it_works(wire, credentials, world):
    gateway = Gateway(Access((Endpoint("pve"),), credentials.token_id, credentials.secret))
    assert gateway.version().major == 9
    resources = gateway.resources()
    assert {guest.type for guest in resources.guests} == {"qemu", "lxc"}
    assert {node.node for node in resources.nodes} == {"pve1", "pve2", "pve3"}
    assert resources.malformed == 0


def test_what_is_sent(answering):
    gateway, adapter = answering(body=b'{"data":[]}', hosts=("pve1.example.com",))
    gateway.resources()
    request, options = adapter.sent[0]
    assert request.url == "https://pve1.example.com:8006/api2/json/cluster/resources"
    assert request.headers["Authorization"] == f"PVEAPIToken=panel@pve!panel={SECRET}"
    assert options["timeout"] == (5.0, 15.0)


@pytest.mark.parametrize(
    ("status", "reason", "body", "error", "words"),
    [
        (401, "No ticket", b"", ProxmoxDenied, "No ticket"),
        (403, "Permission check failed (/vms/101, VM.Audit)", b"{}", ProxmoxDenied, "VM.Audit"),
        (595, "No route to host", b"", ProxmoxUnreachable, "No route to host"),
        (596, "", b"", ProxmoxUnreachable, "596"),
        (599, "", b"", ProxmoxUnreachable, "599"),
        (502, "Bad Gateway", b"<html>", ProxmoxUnreachable, "Bad Gateway"),
        (500, "VM is locked (backup)", b"{}", ProxmoxRefused, "VM is locked (backup)"),
        (501, "Method 'GET /x' not implemented", b"{}", ProxmoxRefused, "not implemented"),
        (500, "", b"", ProxmoxRefused, "500"),
        (
            400,
            "Parameter verification failed.",
            b'{"data":null,"errors":{"vmid":"not a VM ID\\n"}}',
            ProxmoxRefused,
            "vmid: not a VM ID",
        ),
        (302, "Found", b"", ProxmoxMalformed, "redirects"),
        (200, "OK", b"<html>Sign in</html>", ProxmoxMalformed, "not the JSON"),
        (200, "OK", b"", ProxmoxMalformed, "not the JSON"),
        (200, "OK", b'{"success":1}', ProxmoxMalformed, "no data"),
        (200, "OK", b'{"data":null}', ProxmoxMalformed, "form"),
        (200, "OK", b'{"data":42}', ProxmoxMalformed, "form"),
        (200, "OK", b'{"data":[1,2]}', ProxmoxMalformed, ""),
        (200, "OK", b"[]", ProxmoxMalformed, ""),
    ],
)
def test_each_failure_has_its_place_in_the_tree(answering, status, reason, body, error, words):
    gateway, _ = answering(status, body, reason)
    with pytest.raises(error) as caught:
        gateway.version()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("node", "vmid"),
    [
        ("../pve1", 101),
        ("pve1/qemu/102/status", 101),
        ("pve1?force=1", 101),
        ("pve1#", 101),
        ("", 101),
        ("pve1", "../../101/status/stop"),
        ("pve1", "101?purge=1"),
    ],
)
def test_no_segment_leads_to_another_path(answering, node, vmid):
    gateway, adapter = answering()
    with pytest.raises((ProxmoxRefused, ValueError)):
        gateway.file_systems(node=node, vmid=vmid)
    assert adapter.sent == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":{"result":' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
        b'{"data":{"result":[{"mountpoint":"\xff\xfe"}]}}',
        b'{"data":{"result":[{"total-bytes":1' + b"0" * 400 + b"}]}}",
    ],
    ids=["nested", "no UTF-8", "long number"],
)
def test_what_a_guest_wrote_into_an_answer_raises_nothing_else(answering, body):
    gateway, _ = answering(body=body)
    found = []
    with contextlib.suppress(ProxmoxMalformed):
        found = gateway.file_systems(node="pve1", vmid=101)
    assert found == []


def test_an_endless_reply_is_cut_off(answering, monkeypatch):
    monkeypatch.setattr(session, "LARGEST_REPLY_BYTES", 1000)
    gateway, _ = answering(body=b'{"data":[' + b"1," * 2000 + b"1]}")
    with pytest.raises(ProxmoxMalformed, match="endless"):
        gateway.resources()


class TestSecrets:
    def test_none_in_an_access_that_is_shown(self):
        assert SECRET not in repr(Access((Endpoint("pve1"),), "panel@pve!panel", SECRET))

    @pytest.mark.parametrize("status", [200, 401, 403, 500, 595])
    def test_none_in_logs_or_errors(self, answering, caplog, status):
        caplog.set_level(logging.DEBUG)
        gateway, _ = answering(status, b'{"data":{"ticket":"canary"}}', "x")
        with pytest.raises(ProxmoxError) as caught:
            gateway.version()
        assert "canary" not in str(caught.value)
        assert "canary" not in caplog.text

    def test_proxmoxer_logs_nothing_below_warning(self):
        assert not logging.getLogger("proxmoxer.core").isEnabledFor(logging.INFO)


class TestFailOver:
    def gateway(self, credentials, *hosts):
        endpoints = tuple(map(Endpoint, hosts))
        return Gateway(Access(endpoints, credentials.token_id, credentials.secret))

    def test_another_member_is_asked_when_one_cannot_be_connected_to(
        self, wire, world, credentials
    ):
        gateway = self.gateway(credentials, "pve1.example.com", "pve2.example.com")
        world.node_down("pve1")
        assert gateway.version().major == 9

    def test_the_one_that_answered_is_asked_first_from_then_on(
        self, wire, world, credentials, monkeypatch
    ):
        gateway = self.gateway(credentials, "pve1.example.com", "pve2.example.com")
        world.node_down("pve1")
        gateway.version()
        asked = []
        real = wire.send
        monkeypatch.setattr(
            wire, "send", lambda request, **o: asked.append(request.url) or real(request, **o)
        )
        gateway.version()
        assert [url.split("/")[2] for url in asked] == ["pve2.example.com:8006"]

    def test_a_request_that_was_sent_is_not_sent_to_another(self, wire, world, credentials):
        gateway = self.gateway(credentials, "pve1.example.com", "pve2.example.com")
        world.slow(60, "/version")
        wire.requests.clear()
        with pytest.raises(ProxmoxUnreachable, match="did not answer within"):
            gateway.version()
        assert len(wire.requests) == 1

    def test_a_refused_token_is_not_tried_elsewhere(self, wire, world, credentials):
        gateway = self.gateway(credentials, "pve1.example.com", "pve2.example.com")
        world.fail_next("GET", "/version", status=401, reason="Authentication failed!", times=9)
        wire.requests.clear()
        with pytest.raises(ProxmoxDenied):
            gateway.version()
        assert len(wire.requests) == 1

    def test_when_all_are_away_each_is_named(self, wire, world, credentials):
        gateway = self.gateway(credentials, "pve1.example.com", "pve2.example.com")
        world.dark()
        with pytest.raises(ProxmoxUnreachable, match=r"pve1.*pve2"):
            gateway.version()


class TestRows:
    def resources(self, answering, *rows):
        gateway, _ = answering(body=msgspec.json.encode({"data": list(rows)}))
        return gateway.resources()

    def test_strings_are_taken_for_numbers(self, answering):
        row = {
            "type": "qemu", "vmid": "101", "node": "pve1", "cpu": "0.5", "mem": "12",
            "template": "0",
        }  # fmt: skip
        guest = self.resources(answering, row).guests[0]
        assert (guest.vmid, guest.cpu, guest.mem, guest.template) == (101, 0.5, 12, False)

    def test_a_guest_just_made_has_nothing_but_its_id(self, answering):
        row = {"id": "qemu/101", "type": "qemu", "vmid": 101, "node": "p", "status": "unknown"}
        guest = self.resources(answering, row).guests[0]
        assert (guest.name, guest.cpu, guest.uptime) == ("", None, None)

    def test_one_bad_row_voids_itself_alone(self, answering):
        good = {"type": "qemu", "vmid": 101, "node": "pve1"}
        bad = [
            {**good, "vmid": "many"},
            {**good, "vmid": None},
            {**good, "mem": "n/a"},
            {**good, "vmid": -3},
            {**good, "node": ""},
            {**good, "mem": 2**70},
            "no row at all",
        ]
        found = self.resources(answering, good, *bad)
        assert [guest.vmid for guest in found.guests] == [101]
        assert found.malformed == len(bad)

    def test_other_types_are_left_out(self, answering):
        rows = [{"type": "storage", "storage": "local"}, {"type": "pool", "id": "/pool/x"}]
        found = self.resources(answering, *rows)
        assert (found.guests, found.nodes, found.malformed) == ([], [], 0)
