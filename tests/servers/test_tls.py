"""The gateway over real TLS: what is trusted, what is not, and that nothing drips for ever."""

import socket
import struct
import threading
import time

import pytest

from servers.proxmox import tls
from servers.proxmox.errors import CertificateMismatch, ProxmoxUnreachable
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, Endpoint
from servers.simulator import certificates
from servers.simulator.faults import Dark
from servers.simulator.world import SimulatedCluster
from tests.serving import serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def simulated():
    return SimulatedCluster(seed=1, nodes=3, guests=12, started_at=time.time() - 3600)


@pytest.fixture
def port(simulated, certificate):
    with serving(simulated, certificate) as port:
        yield port


@pytest.fixture
def ca(certificate):
    return certificate.ca.read_text()


@pytest.fixture
def gateway_to(simulated):
    secret = simulated.access.authorization("panel@pve!panel").split("=", 2)[-1]

    def make(*endpoints, ca=""):
        return Gateway(Access(endpoints, "panel@pve!panel", secret, ca))

    return make


def test_a_ca_is_trusted(gateway_to, port, ca):
    gateway = gateway_to(Endpoint("127.0.0.1", port), ca=ca)
    assert gateway.version().major == 9
    assert len(gateway.resources().guests) == 12


def test_a_connection_is_kept(gateway_to, port, ca, monkeypatch):
    gateway = gateway_to(Endpoint("127.0.0.1", port), ca=ca)
    gateway.version()
    connects = []
    real = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda self, to: connects.append(to) or real(self, to)
    )
    gateway.version()
    assert connects == []


def test_without_a_ca_or_fingerprint_nothing_of_ours_is_trusted(gateway_to, port):
    with pytest.raises(CertificateMismatch, match="cannot be trusted"):
        gateway_to(Endpoint("127.0.0.1", port)).version()


def test_another_ca_is_not_trusted(gateway_to, port, tmp_path):
    other = certificates.ensure(tmp_path).ca.read_text()
    with pytest.raises(CertificateMismatch, match="cannot be trusted"):
        gateway_to(Endpoint("127.0.0.1", port), ca=other).version()


def test_a_pinned_fingerprint_is_trusted(gateway_to, port):
    shown = tls.shown_fingerprint(Endpoint("127.0.0.1", port))
    assert gateway_to(Endpoint("127.0.0.1", port, shown)).version().major == 9


def test_another_certificate_than_the_pinned_one_is_not(gateway_to, port, ca):
    wrong = ":".join(["AB"] * 32)
    with pytest.raises(CertificateMismatch, match="another certificate"):
        gateway_to(Endpoint("127.0.0.1", port, wrong), ca=ca).version()


def test_no_token_is_sent_before_the_certificate_is_known(gateway_to, certificate, port):
    """A wrong certificate ends the handshake: the server sees no request."""
    wrong = ":".join(["AB"] * 32)
    world = SimulatedCluster(seed=1, nodes=1, guests=1, started_at=time.time())
    seen = []
    world.advance = lambda now: seen.append(now)  # called for each request
    with serving(world, certificate) as other, pytest.raises(CertificateMismatch):
        gateway_to(Endpoint("127.0.0.1", other, wrong)).version()
    assert seen == []


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_names_and_addresses_of_the_certificate(certificate, host):
    context = tls.VerifyingAdapter(Endpoint(host), certificate.ca.read_text()).context
    assert context.check_hostname


def test_a_port_where_nobody_listens(gateway_to, ca):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    with pytest.raises(ProxmoxUnreachable, match="refuses the connection"):
        gateway_to(Endpoint("127.0.0.1", free), ca=ca).version()


def test_the_next_member_is_asked_over_the_real_network(gateway_to, port, ca):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    gateway = gateway_to(Endpoint("127.0.0.1", free), Endpoint("127.0.0.1", port), ca=ca)
    assert gateway.version().major == 9


def test_a_cluster_that_hangs_up(gateway_to, port, ca, simulated):
    simulated.dark(Dark.REFUSED)
    with pytest.raises(ProxmoxUnreachable, match="broke the connection off"):
        gateway_to(Endpoint("127.0.0.1", port), ca=ca).version()


def test_a_connection_that_proxmox_closed_meanwhile_is_opened_anew(
    gateway_to, certificate, simulated, ca
):
    with serving(simulated, certificate) as port:
        gateway = gateway_to(Endpoint("127.0.0.1", port), ca=ca)
        gateway.version()
        pool = gateway._session._sessions[0].get_adapter("https://").poolmanager
        connection = next(iter(pool.pools._container.values())).pool.queue[-1]
        connection.sock.shutdown(socket.SHUT_RDWR)
        assert gateway.version().major == 9


def test_bytes_that_drip_end_at_the_deadline(gateway_to, port, ca, simulated, monkeypatch):
    monkeypatch.setattr("servers.proxmox.gateway.QUICK_SECONDS", 0.6)
    simulated.drip(30, "/cluster/resources")
    gateway = gateway_to(Endpoint("127.0.0.1", port), ca=ca)
    started = time.monotonic()
    with pytest.raises(ProxmoxUnreachable, match="did not answer within"):
        gateway._api("cluster", "resources", seconds=0.6).get()
    assert time.monotonic() - started < 5


def test_no_tls_at_all(gateway_to):
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer():
            peer, _ = plain.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ProxmoxUnreachable, match="does not speak TLS"):
            gateway_to(Endpoint("127.0.0.1", plain.getsockname()[1])).version()
        thread.join()


@pytest.mark.parametrize("how", ["hangs", "resets"])
def test_a_handshake_that_fails_was_never_sent(gateway_to, port, ca, monkeypatch, how):
    """The typical stuck pveproxy takes connections and says nothing: the next member is asked."""
    monkeypatch.setattr(tls, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as stuck:

        def reset():
            peer, _ = stuck.accept()
            linger = struct.pack("ii", 1, 0)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            peer.close()

        if how == "resets":
            threading.Thread(target=reset).start()
        first = Endpoint("127.0.0.1", stuck.getsockname()[1])
        gateway = gateway_to(first, Endpoint("127.0.0.1", port), ca=ca)
        assert gateway.version().major == 9


def test_text_around_the_certificates_of_a_ca_is_left_out(ca):
    written = f"Ünser CA, für Proxmox:\n{ca}\nEnde"
    assert tls.valid_ca(written).strip() == ca.strip()
    tls.VerifyingAdapter(Endpoint("pve1"), tls.valid_ca(written))


class TestFingerprints:
    GOOD = "62:07:F1:DE:17:71:A2:D3:92:6C:38:98:C4:45:6A:4F:96:94:58:DE:B5:CF:F5:F4:FF:69:0C:F8:FF:8E:D7:70"

    @pytest.mark.parametrize(
        "written",
        [
            GOOD,
            GOOD.lower(),
            GOOD.replace(":", ""),
            f" {GOOD}\n",
            f"SHA256:{GOOD}",
            f"sha-256 {GOOD}",
        ],
    )
    def test_usual_spellings(self, written):
        assert tls.normal_fingerprint(written) == self.GOOD

    @pytest.mark.parametrize("written", ["", "62:07", GOOD[:-3], GOOD + ":00", "ZZ" * 32])
    def test_what_is_none(self, written):
        with pytest.raises(ValueError, match="32 bytes"):
            tls.normal_fingerprint(written)
