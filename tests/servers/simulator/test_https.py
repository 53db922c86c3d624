"""The process's form: real TLS on the loopback, its own CA, and faults from outside."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from servers.simulator import certificates, demo, https, state
from servers.simulator.world import SimulatedCluster
from tests.serving import serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("simulator"))


class Client:
    def __init__(self, cluster, certificate, port):
        self.base = f"https://localhost:{port}"
        self.session = requests.Session()
        # Else a CA bundle named by the environment wins over the one given here.
        self.session.trust_env = False
        self.session.verify = str(certificate.ca)
        self.session.headers["Authorization"] = cluster.access.authorization(demo.FULL)

    def get(self, path, **options):
        return self.session.get(f"{self.base}/api2/json{path}", timeout=10, **options)

    def fault(self, **wish):
        return self.session.post(f"{self.base}{https.FAULTS_PATH}", json=wish, timeout=10)


@pytest.fixture
def client(certificate):
    cluster = SimulatedCluster(started_at=time.time())
    with serving(cluster, certificate) as port:
        client = Client(cluster, certificate, port)
        yield client
        client.session.close()


def test_it_answers_over_verified_tls(client):
    answer = client.get("/version")

    assert (answer.status_code, answer.reason) == (200, "OK")
    assert answer.json()["data"]["release"] == "9.1"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


def test_it_is_not_trusted_without_its_ca(client):
    client.session.verify = True

    with pytest.raises(requests.exceptions.SSLError):
        client.get("/version")


def test_a_401_has_its_reason_and_no_content_type(client):
    answer = client.get("/version", headers={"Authorization": ""})

    assert (answer.status_code, answer.reason, answer.content) == (401, "No ticket", b"")
    assert "Content-Type" not in answer.headers


def test_errors_carry_proxmoxs_words_in_the_reason(client):
    answer = client.get("/nodes/pve1/qemu/999/config")

    assert answer.status_code == 500
    assert answer.reason == "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"
    assert answer.json()["message"] == answer.reason + "\n"


def test_a_form_starts_a_task(client):
    url = f"{client.base}/api2/json/nodes/pve1/qemu/100/status/reset"
    upid = client.session.post(url, data={}, timeout=10).json()["data"]
    path = f"/nodes/pve1/tasks/{requests.utils.quote(upid, safe='')}/status"

    assert client.get(path).json()["data"]["upid"] == upid


def test_a_fault_is_set_and_lifted_from_outside(client):
    assert client.fault(fault="node_down", name="pve2").json() == {"nodes_down": ["pve2"]}
    assert client.get("/nodes/pve2/status").status_code == 595

    url = f"{client.base}{https.FAULTS_PATH}"
    assert client.session.delete(url, timeout=10).json() == {}
    assert client.get("/nodes/pve2/status").status_code == 200


def test_in_the_dark_connections_close_without_an_answer(client):
    client.fault(fault="dark")
    with pytest.raises(requests.ConnectionError):
        client.get("/version")

    client.fault(fault="light")
    assert client.get("/version").ok


def test_a_drip_takes_its_time_and_comes_whole(client):
    client.fault(fault="drip", seconds=0.5, prefix="/version")
    began = time.monotonic()

    assert client.get("/version").json()["data"]["release"] == "9.1"
    assert time.monotonic() - began > 0.4


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"fault": "nosuch"}, "unknown fault 'nosuch'"),
        ({"fault": "node_down", "name": "pve9"}, "there is no 'pve9'"),
        ({"fault": "slow"}, "missing 1 required positional argument"),
        ({"fault": "dark", "how": "maybe"}, "'maybe' is not a valid"),
    ],
)
def test_a_wrong_wish_is_explained(client, wish, words):
    answer = client.fault(**wish)

    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_faults_need_the_full_token(client):
    client.session.headers["Authorization"] = "PVEAPIToken=audit@pve!audit=x"

    assert client.fault(fault="dark").status_code == 401


def test_a_taken_port_is_told(client, certificate):
    port = int(client.base.rpartition(":")[2])
    app = https.application(SimulatedCluster(guests=0))

    with pytest.raises(https.PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
        asyncio.run(https.start(app, certificate, host="127.0.0.1", port=port))


def test_certificates_are_kept_until_they_end(tmp_path):
    first = certificates.ensure(tmp_path).server.read_bytes()
    assert certificates.ensure(tmp_path).server.read_bytes() == first

    later = datetime.now(UTC) + timedelta(days=3652)
    assert certificates.ensure(tmp_path, now=later).server.read_bytes() != first
    assert (tmp_path / "server.key").stat().st_mode & 0o777 == 0o600


def test_secrets_are_kept_and_private(tmp_path):
    one, two = SimulatedCluster(guests=0), SimulatedCluster(guests=0)
    path = state.share_tokens(one.access, tmp_path)
    state.share_tokens(two.access, tmp_path)

    assert one.access.tokens == two.access.tokens
    assert one.access.tokens[demo.FULL].secret in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_world_keeps_its_age(tmp_path):
    assert state.beginning(tmp_path, 1000.0) == 1000.0
    assert state.beginning(tmp_path, 2000.0) == 1000.0


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("timeout", requests.exceptions.ReadTimeout),
        ("broken", requests.exceptions.ConnectionError),
    ],
)
def test_a_call_can_be_carried_out_without_an_answer(client, how, error):
    client.fault(fault="accept_silently", method="POST", fragment="status/reset", how=how)
    url = f"{client.base}/api2/json/nodes/pve1/qemu/100/status/reset"

    with pytest.raises(error):
        client.session.post(url, timeout=0.5)

    rows = client.get("/nodes/pve1/tasks?source=all").json()["data"]
    assert [row["type"] for row in rows] == ["qmreset"]


def test_it_counts_calls(client):
    before = client.session.get(f"{client.base}/simulator/calls", timeout=5).json()["calls"]
    client.get("/version")
    client.get("/version")
    after = client.session.get(f"{client.base}/simulator/calls", timeout=5).json()["calls"]
    assert after - before == 2
