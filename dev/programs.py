"""The programs of the panel as one machine runs them for a demo."""

import os

from dev import PYTHON
from dev.config import HOST, Config
from dev.supervisor import Program
from panel import embedded

# Every queue that the settings route to, see CELERY_TASK_ROUTES.
QUEUES = "poll,guests,actions,deliver,default"
MANAGE = (str(PYTHON), "manage.py")
CELERY = (str(PYTHON), "-m", "celery", "--quiet", "--app", "panel")


def environment(config: Config) -> dict[str, str]:
    """What the programs get to see: our own environment, and what was decided from it."""
    return {
        **os.environ,
        "PANEL_PORT": str(config.panel_port),
        "SIMULATOR_PORT": str(config.simulator_port),
        "PANEL_VAR": str(config.var),
        "PYTHONUNBUFFERED": "1",
        # Celery asks root to think twice; in a container or on a test machine root is who we are.
        "PYTHONWARNINGS": "ignore::UserWarning:celery.platforms",
    }


def redis(config: Config) -> Program:
    command = tuple(embedded.redis_command(embedded.redis_socket(config.var)))
    return Program("redis", command, stops_last=True, is_quiet=True)


def simulator(config: Config) -> Program:
    port = str(config.simulator_port)
    return Program("simulator", (*MANAGE, "simulate_proxmox", "--port", port))


def web(config: Config) -> Program:
    listen = ("--bind", HOST, "--port", str(config.panel_port))
    # A browser that vanished is noticed by its missing pong. No line for each request.
    alive = (
        *("--ping-interval", "20", "--ping-timeout", "30"),
        *("--websocket_connect_timeout", "60"),
    )
    quiet = ("--verbosity", "0", "--no-server-name")
    daphne = (str(PYTHON), "-m", "daphne")
    return Program("web", (*daphne, *listen, *alive, *quiet, "panel.asgi:application"))


def worker() -> Program:
    # Threads: prefork would take a process and 80 MB for each of them. Up to eight of them may wait
    # for a mail server and for receivers of webhooks (alerts/delivery.py).
    pool = ("--pool", "threads", "--concurrency", "16")
    calm = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
    return Program("worker", (*CELERY, "worker", *pool, "--queues", QUEUES, *calm))


def beat(config: Config) -> Program:
    schedule = str(config.var / "celerybeat-schedule")
    return Program("beat", (*CELERY, "beat", "--schedule", schedule, "--loglevel", "WARNING"))
