"""Start production by hand, as docker-compose.yml does, look whether it works, and stop it.

Takes what `.env` would hold from the environment: DATABASE_URL, REDIS_URL, PANEL_URL and the
secrets. CI runs this; a simulated Proxmox over TLS is the cluster.
"""

import http.client
import json
import os
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dev import PYTHON, ROOT, VENV, compose, ready
from dev.commands import Failure, run
from dev.config import HOST
from dev.instance import Instance
from dev.progress import Steps
from dev.supervisor import Program, Supervisor

MANAGE = (str(PYTHON), "manage.py")
SECONDS_TO_CYCLE = 90
# The service that ends when its work is done.
ONCE = "migrate"


@dataclass(frozen=True)
class Place:
    """Where it runs on this machine, for a short while."""

    var: Path
    port: int
    simulator_port: int
    env: dict[str, str]

    def command(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return compose.on_this_machine(words, port=self.port, var=self.var)

    def manage(self, *words: str) -> None:
        run([*MANAGE, *words], env=self.env)


def main() -> int:
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="panel-production-") as folder:
        try:
            _try_out(_place(Path(folder)))
        except Failure as failure:
            print(f"\n{failure}", file=sys.stderr)
            return 1
    return 0


def _place(var: Path) -> Place:
    env = {
        **os.environ,
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOSTNAME": socket.gethostname(),
        "PANEL_VAR": str(var),
        "POLL_INTERVAL": "5",
        "PYTHONUNBUFFERED": "1",
        "TRUSTED_PROXIES": "1",
    }
    return Place(var, port=_free_port(), simulator_port=_free_port(), env=env)


def _try_out(place: Place) -> None:
    steps = Steps(total=6)
    services = {service.name: service for service in compose.services()}
    with steps.step("Deployment check"):
        place.manage("check", "--deploy", "--fail-level", "WARNING")
    with steps.step("Migrations and static files"):
        run(place.command(services.pop(ONCE).command), env=place.env)
    with Instance(place.var) as instance:
        instance.claim(address=f"http://{HOST}:{place.port}")
        with instance.inherit() as inherited:
            supervisor = Supervisor(env=place.env, inherited=inherited)
            try:
                _try_services(place, supervisor, list(services.values()), steps)
            finally:
                supervisor.stop()


def _try_services(
    place: Place, supervisor: Supervisor, services: list[compose.Service], steps: Steps
) -> None:
    with steps.step("A cluster, simulated, over TLS"):
        _add_cluster(place, supervisor)
    with steps.step(", ".join(service.name for service in services)):
        for service in services:
            supervisor.start(Program(service.name, place.command(service.command)))
        supervisor.wait_until(lambda: _is_up(place), name="web", seconds=60)
    with steps.step("A cycle through beat, broker, worker and database"):
        supervisor.wait_until(
            lambda: _has_cycled(place), name="worker-poll", seconds=SECONDS_TO_CYCLE
        )
    with steps.step("Health checks and pages"):
        for service in services:
            if service.healthcheck:
                run(place.command(service.healthcheck), env=place.env)
        _require_pages(place)
        supervisor.check()


def _add_cluster(place: Place, supervisor: Supervisor) -> None:
    port = str(place.simulator_port)
    supervisor.start(Program("simulator", (*MANAGE, "simulate_proxmox", "--port", port)))
    supervisor.wait_until(
        lambda: ready.port(HOST, place.simulator_port), name="simulator", seconds=30
    )
    state = place.var / "simulator"
    token = json.loads((state / "token.json").read_text())
    secret = {"PROXMOX_TOKEN_SECRET": token["secret"]}
    where = ["--url", f"https://{HOST}:{port}", "--ca", str(state / "ca.pem")]
    name = ["--name", "simulated", "--token-id", token["token_id"]]
    run([*MANAGE, "add_cluster", *name, *where], env={**place.env, **secret})


def _is_up(place: Place) -> bool:
    return ready.web(HOST, place.port, "/health/live", headers=_from_proxy(place))


def _has_cycled(place: Place) -> bool:
    """Whether everything is ready, a fresh cycle of every cluster included."""
    status, body = _get(place, "/health/ready", _from_proxy(place))
    health: dict[str, Any] = json.loads(body) if status == http.HTTPStatus.OK else {}
    ages = [cluster["age_seconds"] for cluster in health.get("cycles", [])]
    return health.get("status") == "ok" and bool(ages) and None not in ages


def _require_pages(place: Place) -> None:
    """The first page of an installation without people, by HTTPS and for our own host alone."""
    proxied = _from_proxy(place)
    for what, headers, expected in (
        ("behind the proxy", proxied, http.HTTPStatus.OK),
        ("without HTTPS", {"Host": proxied["Host"]}, http.HTTPStatus.MOVED_PERMANENTLY),
        ("for another host", {**proxied, "Host": "example.org"}, http.HTTPStatus.BAD_REQUEST),
    ):
        status, _ = _get(place, "/setup/", headers)
        if status != expected:
            raise Failure(f"The first page {what} answers {status}, not {expected}.")


def _from_proxy(place: Place) -> dict[str, str]:
    host = urlsplit(place.env["PANEL_URL"]).hostname or ""
    return {"Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def _get(place: Place, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, place.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError as error:
        raise Failure(f"{path} does not answer: {error}") from error
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
