"""The simulated cluster below a real requests.Session."""

import pytest
import requests

from servers.simulator import demo
from servers.simulator.adapter import SimulatedAdapter
from servers.simulator.faults import Dark

BASE = "https://pve.example.org:8006/api2/json"


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock(cluster):
    return Clock(cluster.now)


@pytest.fixture
def adapter(cluster, clock):
    return SimulatedAdapter(cluster, clock, sleep=clock.sleep)


@pytest.fixture
def session(cluster, adapter):
    with requests.Session() as session:
        session.mount("https://", adapter)
        session.headers["Authorization"] = cluster.access.authorization(demo.FULL)
        yield session


def test_it_answers_as_over_the_network(session):
    answer = session.get(f"{BASE}/version")

    assert (answer.status_code, answer.reason) == (200, "OK")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.json()["data"]["version"] == "9.1.7"


def test_it_can_be_streamed(session):
    with session.get(f"{BASE}/cluster/resources", stream=True) as answer:
        size = sum(len(piece) for piece in answer.iter_content(1024))

    assert size == int(answer.headers["Content-Length"])


def test_its_raw_body_can_be_read_in_pieces(session):
    with session.get(f"{BASE}/version", stream=True) as answer:
        head = answer.raw.read(8)
        rest = answer.raw.read()

    assert head + rest == session.get(f"{BASE}/version").content


def test_time_is_the_clocks(session, clock):
    path = f"{BASE}/nodes/pve1/qemu/100/status/current"
    before = session.get(path).json()["data"]["uptime"]
    clock.now += 60

    assert session.get(path).json()["data"]["uptime"] == before + 60


def test_forms_queries_and_encoded_segments_arrive(session, adapter, clock):
    upid = session.post(
        f"{BASE}/nodes/pve1/qemu/100/snapshot", data={"snapname": "clean", "description": "Zürich"}
    ).json()["data"]
    clock.now += 30
    task = session.get(f"{BASE}/nodes/pve1/tasks/{requests.utils.quote(upid, safe='')}/status")
    rows = session.get(f"{BASE}/nodes/pve1/qemu/100/snapshot").json()["data"]

    assert task.json()["data"]["exitstatus"] == "OK"
    assert rows[0]["description"] == "Zürich"
    assert [request.method for request in adapter.requests] == ["POST", "GET", "GET"]


def test_a_json_body_arrives_and_a_broken_one_is_refused(session):
    path = f"{BASE}/nodes/pve1/qemu/100/config"
    broken = {"data": "{", "headers": {"Content-Type": "application/json"}}

    assert session.put(path, json={"description": "x"}).status_code == 200
    assert session.put(path, **broken).status_code == 500


def test_a_reason_is_all_that_a_401_has(session):
    answer = session.get(f"{BASE}/version", headers={"Authorization": "PVEAPIToken=a@b!c=d"})

    assert (answer.status_code, answer.reason) == (401, "Authentication failed!")
    assert answer.content == b""
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    ("how", "error"),
    [(Dark.REFUSED, requests.ConnectionError), (Dark.TIMEOUT, requests.ConnectTimeout)],
)
def test_in_the_dark_there_is_no_connection(session, cluster, how, error):
    cluster.dark(how)
    with pytest.raises(error):
        session.get(f"{BASE}/version")

    cluster.light()
    assert session.get(f"{BASE}/version").ok


@pytest.mark.parametrize(
    ("timeout", "patient"), [(5, False), ((5, 7), False), ((1, 9), True), (None, True)]
)
def test_an_answer_slower_than_the_timeout_is_not_waited_for(
    session, cluster, clock, timeout, patient
):
    cluster.slow(8)
    if patient:
        assert session.get(f"{BASE}/version", timeout=timeout).ok
        assert clock.slept == [8]
    else:
        with pytest.raises(requests.ReadTimeout):
            session.get(f"{BASE}/version", timeout=timeout)
        assert clock.slept == []


def test_a_drip_comes_whole_in_the_end(session, cluster, clock):
    cluster.drip(30)
    answer = session.get(f"{BASE}/cluster/resources")

    assert answer.json()["data"]
    assert sum(clock.slept) == pytest.approx(30)
    assert len(clock.slept) > 20


def test_a_host_named_like_a_dead_node_does_not_answer(session, cluster):
    cluster.node_down("pve1")
    with pytest.raises(requests.ConnectionError):
        session.get("https://pve1.example.org:8006/api2/json/version")

    assert session.get("https://pve2.example.org:8006/api2/json/version").ok


def test_without_any_node_nobody_answers(session, cluster):
    for name in cluster.nodes:
        cluster.node_down(name)

    with pytest.raises(requests.ConnectionError):
        session.get(f"{BASE}/version")


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("timeout", requests.exceptions.ReadTimeout),
        ("broken", requests.exceptions.ConnectionError),
    ],
)
def test_a_call_can_be_carried_out_without_an_answer(session, cluster, clock, how, error):
    cluster.accept_silently("POST", "status/stop", how=how)

    with pytest.raises(error) as raised:
        session.post(f"{BASE}/nodes/pve1/qemu/100/status/stop", timeout=5)

    assert not isinstance(raised.value, requests.exceptions.ConnectTimeout)
    cluster.advance(clock() + 10)
    assert not cluster.guest(100).running
