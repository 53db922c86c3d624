"""Actions in the processes of production: a web server, one worker for actions, beat, a simulator.

Two things: how fast (click, end, calls to Proxmox), and whether it stays true while the worker is
killed and Redis forgets. Tasks of the simulator end at moments that it notes to the millisecond.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from bench.cycles import clear, make_cluster
from bench.place import ROOT, Place, free_port
from monitoring import cycle, look
from servers.models import Action, Cluster, Server

# Simulated guests for each action at once: containers, Windows and odd ones stay out of it.
GUESTS_PER_ACTION = 2.1
AT_REST = 12
PASSWORD = "a password for the bench"
OVER = ("success", "failed", "lost")
PATIENCE = 400.0


@dataclass
class Result:
    at_once: int
    clicks: list[float] = field(default_factory=list)
    rest: list[float] = field(default_factory=list)
    crowd: list[float] = field(default_factory=list)
    calls_a_second: float = 0.0
    calls_an_action: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    flushes: int = 0
    doubled: int = 0
    lies: list[str] = field(default_factory=list)
    slowest_end: float = 0.0


class Programs:
    """Web server, worker and beat, as docker-compose.yml runs them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.env = {**os.environ, "PYTHONWARNINGS": "ignore", "ALLOWED_HOSTS": "127.0.0.1", "API_RATE_LIMIT": "10000000",
                    "PANEL_URL": f"http://127.0.0.1:{port}"}  # fmt: skip
        self.running: list[subprocess.Popen[bytes]] = []
        self.worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Programs":
        daphne = [sys.executable, "-m", "daphne", "--bind=127.0.0.1", f"--port={self.port}",
                  "--verbosity=0", "panel.asgi:application"]  # fmt: skip
        beat = [sys.executable, "-m", "celery", "--quiet", "--app=panel", "beat",
                f"--schedule={os.environ['PANEL_VAR']}/beat", "--loglevel=ERROR"]  # fmt: skip
        self.running = [self.start(daphne), self.start(beat)]
        self.start_worker()
        wait_for(lambda: answers(f"http://127.0.0.1:{self.port}/health/live"), "the web server")
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.running, self.worker]:
            if process is not None:
                process.terminate()
        for process in [*self.running, self.worker]:
            if process is not None:
                process.wait(30)

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=self.env)

    def start_worker(self) -> None:
        self.worker = self.start(
            [sys.executable, "-m", "celery", "--quiet", "--app=panel", "worker",
             "--hostname=actions@bench", "--queues=actions", "--pool=threads", "--concurrency=8",
             "--without-gossip", "--without-mingle", "--loglevel=CRITICAL"]
        )  # fmt: skip

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.send_signal(signal.SIGKILL)
        self.worker.wait()
        self.start_worker()


class Client:
    """Staff over the API, with a websocket that follows every server."""

    def __init__(self, port: int, servers: list[int]) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        self.http = requests.Session()
        body = {"email": "bench@example.com", "password": PASSWORD}
        tokens = self.http.post(f"{self.url}auth/token/", json=body, timeout=30).json()
        self.token = tokens["access"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.ended: dict[int, tuple[float, str]] = {}
        self.socket: ClientConnection = connect(f"ws://127.0.0.1:{port}/ws/")
        self.say(type="auth", token=self.token)
        self.say(type="subscribe", servers=servers)
        threading.Thread(target=self.listen, daemon=True).start()

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def listen(self) -> None:
        with suppress(ConnectionClosed):
            for text in self.socket:
                self.hear(json.loads(text))

    def hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "action" and event["action"]["status"] in OVER:
            action = event["action"]
            self.ended.setdefault(action["id"], (time.time(), action["status"]))

    def act(self, server: int, type: str) -> tuple[int, float]:
        """The action's id, and how long the answer took."""
        started = time.perf_counter()
        answer = self.http.post(
            f"{self.url}servers/{server}/actions/", json={"type": type}, timeout=60
        )
        took = time.perf_counter() - started
        if answer.status_code != 202:
            raise RuntimeError(answer.text)
        return answer.json()["id"], took


class Proxmox:
    """The simulator, asked past the panel."""

    def __init__(self, port: int, state: Path) -> None:
        token = json.loads((state / "token.json").read_text())
        self.base = f"https://127.0.0.1:{port}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = str(state / "ca.pem")
        self.http.headers["Authorization"] = f"PVEAPIToken={token['token_id']}={token['secret']}"
        self.nodes = [row["node"] for row in self.get("nodes")]

    def get(self, path: str) -> Any:
        return self.http.get(f"{self.base}/api2/json/{path}", timeout=30).json()["data"]

    def calls(self) -> int:
        """Those of others: ours are not worth counting, so they are not made meanwhile."""
        return int(self.http.get(f"{self.base}/simulator/calls", timeout=30).json()["calls"])

    def tasks(self, type: str) -> list[dict[str, Any]]:
        query = f"source=all&limit=5000&typefilter={type}"
        return [row for node in self.nodes for row in self.get(f"nodes/{node}/tasks?{query}")]


def measure(place: Place, at_once: int) -> Result:
    result = Result(at_once)
    guests = int(at_once * GUESTS_PER_ACTION) + 40
    cluster = make_cluster(place, guests)
    proxmox = Proxmox(place.port, place.folder / f"simulator-{guests}")
    User.objects.create_superuser("bench@example.com", PASSWORD)
    identify(cluster)
    ids = list(
        Server.objects.filter(kind="qemu", status="running", lock="").exclude(identity="")
        .values_list("pk", flat=True)[:at_once]
    )  # fmt: skip
    with Programs(free_port()) as programs:
        client = Client(programs.port, ids)
        time.sleep(3)
        at_rest(client, ids, result)
        in_a_crowd(client, proxmox, ids, result)
        time.sleep(5)
        under_fire(programs, client, proxmox, ids[: at_once * 3 // 5], result)
    clear(cluster)
    return result


def identify(cluster: Cluster) -> None:
    """Servers are there, and it is known which guest each is."""
    for _ in range(2):
        Cluster.objects.filter(pk=cluster.pk).update(last_cycle_at=None)
        cycle.poll(cluster.pk, clock=lambda: datetime.now(UTC))
        look.look_into(cluster.pk, clock=lambda: datetime.now(UTC))
        time.sleep(1)


def at_rest(client: Client, ids: list[int], result: Result) -> None:
    """One action at a time. A reboot takes the simulator four seconds from the call."""
    for server in ids[:AT_REST]:
        action, took = client.act(server, "reboot")
        result.clicks.append(took)
        wait_for(lambda action=action: action in client.ended, f"action {action}")
    result.rest = delays(client, ids[:AT_REST], "reboot", 4.0)


def in_a_crowd(client: Client, proxmox: Proxmox, ids: list[int], result: Result) -> None:
    """All of them at once: shutdowns, which take the simulator four seconds each."""
    before, started = proxmox.calls(), time.time()
    wanted = [client.act(server, "shutdown")[0] for server in ids]
    wait_for(lambda: all(action in client.ended for action in wanted), "the crowd")
    calls, seconds = proxmox.calls() - before, time.time() - started
    result.crowd = delays(client, ids, "shutdown", 4.0)
    result.calls_an_action = calls / len(ids)
    # Four of an action's calls send it; what is left has followed it.
    lives = Action.objects.filter(pk__in=wanted).values_list("sent_at", "finished_at")
    followed = sum((end - begin).total_seconds() for begin, end in lives if begin and end)
    result.calls_a_second = (calls - 4 * len(ids)) / followed if followed else seconds


def delays(client: Client, ids: list[int], type: str, takes: float) -> list[float]:
    """From a task's end in Proxmox to its event, seconds.

    A task ends so long after the call that began it, whose time is in the UPID to the hundredth of
    a second: the simulator's pstart is its clock in hundredths.
    """
    found = []
    for action in Action.objects.filter(server_id__in=ids, type=type, status="success"):
        began = moment_of(action)
        if action.pk in client.ended:
            found.append(client.ended[action.pk][0] - (began + takes))
    return found


def moment_of(action: Action) -> float:
    """When its task began, by the simulator's clock."""
    _, _, _, pstart, starttime, *_ = action.steps[-1]["upid"].split(":")
    seconds, hundredths = int(starttime, 16), int(pstart, 16) % 100
    # pstart is the clock in hundredths modulo 2^31-1; its last two digits shift with each wrap.
    exact = [
        at for at in (seconds + n / 100 for n in range(100))
        if int(at * 100) % 0x7FFFFFFF % 100 == hundredths
    ]  # fmt: skip
    return exact[0] if exact else seconds


def under_fire(
    programs: Programs, client: Client, proxmox: Proxmox, ids: list[int], result: Result
) -> None:
    """Starts of servers, while the worker is killed and Redis is emptied at random moments."""
    chance = random.Random(7)
    wanted: dict[int, int] = {}

    def ask() -> None:
        for server in ids:
            wanted[server] = client.act(server, "start")[0]
            time.sleep(0.25)

    asking = threading.Thread(target=ask)
    redis = Redis.from_url(os.environ["REDIS_URL"])
    earlier = Counter(row["id"] for row in proxmox.tasks("qmstart"))
    asking.start()
    while asking.is_alive():
        time.sleep(chance.uniform(0.5, 3))
        if chance.random() < 0.25:
            redis.flushdb()
            result.flushes += 1
        else:
            programs.kill_worker()
            result.kills += 1
    asking.join()
    started = time.time()
    wait_for(lambda: not Action.objects.filter(active=True).exists(), "the end of all")
    result.slowest_end = time.time() - started
    judge(proxmox, wanted, earlier, result)


def judge(proxmox: Proxmox, wanted: dict[int, int], earlier: Counter[str], result: Result) -> None:
    """Each ended; none was done twice; what is said is what Proxmox shows."""
    power = {row["vmid"]: row["status"] for row in proxmox.get("cluster/resources?type=vm")}
    tasks = Counter(row["id"] for row in proxmox.tasks("qmstart"))
    for server in Server.objects.filter(pk__in=wanted):
        action = Action.objects.get(pk=wanted[server.pk])
        result.killed[f"{action.status} {action.error_code}".strip()] += 1
        done = tasks[str(server.vmid)] - earlier[str(server.vmid)]
        result.doubled += done > 1
        runs = (
            proxmox.get(
                f"nodes/{server.node.name if server.node else ''}/qemu/{server.vmid}/status/current"
            )["status"]
            == "running"
        )
        is_true = {
            "success": done == 1 and runs,
            "failed": not done,
            "lost": True,
        }[action.status]
        if not is_true:
            result.lies.append(f"{action.pk}: {action.status}, {power.get(server.vmid)}, {done}")


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def wait_for(is_so: Any, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come within {PATIENCE:g} s")
        time.sleep(0.01)
