"""`manage.py simulate_proxmox` as a process: it says where it is, and ends in silence."""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[3]
LISTENS = re.compile(r"https://127\.0\.0\.1:(\d+), 2 nodes, 5 guests; CA (\S+), tokens (\S+)$")


def launch(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "manage.py", "simulate_proxmox", "--state-dir", str(folder)]
    return subprocess.Popen(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process(tmp_path):
    process = launch(tmp_path, "--port", "0", "--nodes", "2", "--guests", "5")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(process, number):
    found = LISTENS.search(process.stdout.readline().strip())
    port, ca, tokens = found.groups()
    known = json.loads(Path(tokens).read_text())
    with requests.Session() as session:
        session.trust_env = False
        session.verify = ca
        session.headers["Authorization"] = f"PVEAPIToken={known['token_id']}={known['secret']}"
        answer = session.get(
            f"https://127.0.0.1:{port}/api2/json/cluster/resources?type=vm", timeout=10
        )

    assert len(answer.json()["data"]) == 5
    process.send_signal(number)
    _, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_said_plainly(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, errors = (process := launch(tmp_path, "--port", str(port))).communicate(timeout=30)

    assert process.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken" in errors
    assert "Traceback" not in errors
