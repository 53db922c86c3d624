"""The whole panel in the foreground, with a simulated Proxmox and demo data."""

import os
import signal
from typing import IO

from dev import ROOT, ports, programs, ready, static
from dev import config as configuration
from dev.commands import Failure, run
from dev.config import HOST, Config
from dev.instance import Instance
from dev.progress import Steps, say
from dev.setup import STEPS as STEPS_OF_SETUP
from dev.supervisor import Supervisor
from panel import embedded

STEPS = STEPS_OF_SETUP + 5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

PASSWORD = "demo"  # noqa: S105 - the demo listens on loopback alone
PEOPLE = (
    ("staff", "staff@example.com"),
    ("support", "support@example.com"),
    ("customer", "alice@example.com"),
    ("customer", "bob@example.com"),
)


def run_until_stopped() -> int:
    """Returns when a panel runs here already. Ctrl-C raises KeyboardInterrupt, TERM and HUP too."""
    os.chdir(ROOT)
    try:
        return _run(configuration.read())
    except embedded.EmbeddedError as error:
        raise Failure(str(error)) from error


def _run(config: Config) -> int:
    with Instance(config.var) as instance:
        if running := instance.claim(address=config.address):
            say(f"The panel runs already, at {running.address}. `make stop` stops it.")
            return 0
        ports.require_free(HOST, config.panel_port, variable="PANEL_PORT")
        if config.uses_simulator:
            ports.require_free(HOST, config.simulator_port, variable="SIMULATOR_PORT")
        with instance.inherit() as inherited:
            _run_programs(config, inherited)
    return 0


def _run_programs(config: Config, inherited: IO[str]) -> None:
    supervisor = Supervisor(env=programs.environment(config), inherited=inherited)
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.default_int_handler)
    try:
        _start(config, supervisor)
        supervisor.watch()
    finally:
        _stop(supervisor)


def _start(config: Config, supervisor: Supervisor) -> None:
    steps = Steps(total=STEPS, done=STEPS_OF_SETUP)
    # They need a moment to come up, and nothing from the steps below.
    if config.uses_own_redis:
        supervisor.start(programs.redis(config))
    if config.uses_simulator:
        supervisor.start(programs.simulator(config))
    with steps.step("Database"):
        _manage(config, "migrate", "--noinput")
    with steps.step("Static files"):
        if not static.is_collected(config.var):
            _manage(config, "collectstatic", "--noinput")
            static.was_collected(config.var)
    with steps.step("Proxmox") as remarks:
        remarks += _offer_cluster(config, supervisor)
    with steps.step("Demo data") as remarks:
        remarks += _seed(config)
    with steps.step("Panel"):
        if config.uses_own_redis:
            socket = embedded.redis_socket(config.var)
            supervisor.wait_until(lambda: ready.redis(socket), name="redis", seconds=20)
        for program in (programs.web(config), programs.worker(), programs.beat(config)):
            supervisor.start(program)
        answers = lambda: ready.web(HOST, config.panel_port, "/health/live")  # noqa: E731
        supervisor.wait_until(answers, name="web", seconds=60)
    supervisor.show_output()
    say(_welcome(config))


def _offer_cluster(config: Config, supervisor: Supervisor) -> list[str]:
    """A cluster to look after: one that the environment names, the database's, the simulated."""
    if config.names_cluster:
        _manage(config, "add_cluster")
        return ["the cluster of PROXMOX_API_URL, no simulator"]
    if not config.uses_own_database:
        return ["the clusters that your database knows, no simulator"]
    answers = lambda: ready.port(HOST, config.simulator_port)  # noqa: E731
    supervisor.wait_until(answers, name="simulator", seconds=60)
    return []


def _seed(config: Config) -> list[str]:
    if not config.uses_own_database:
        return ["left out, as DATABASE_URL is set"]
    if config.is_empty:
        return ["left out, as DEMO says so"]
    servers = ["--simulator-url", config.simulator_address] if config.uses_simulator else []
    _manage(config, "seed_demo", *servers)
    return []


def _manage(config: Config, *command: str) -> None:
    run([*programs.MANAGE, *command], env=programs.environment(config))


def _stop(supervisor: Supervisor) -> None:
    """Calmly; at a second Ctrl-C at once."""
    say("\nStopping …")
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: supervisor.hurry())
    supervisor.stop()


def _welcome(config: Config) -> str:
    lines = [f"The panel is at {config.address}", ""]
    if config.uses_own_database and not config.is_empty:
        lines += [f"{email:<18} {PASSWORD}   {role}" for role, email in PEOPLE]
    else:
        lines += [
            "Sign in as a person of your database; where there is nobody yet, it says there",
            "how to begin: `manage.py setup_link` prints the address.",
        ]
    lines += ["", "Ctrl-C stops all of it."]
    width = max(len(line) for line in lines)
    edge = "─" * (width + 4)
    rows = [f"│  {line:<{width}}  │" for line in lines]
    return "\n".join(["", f"┌{edge}┐", *rows, f"└{edge}┘", ""])
