"""A worker outlives a Redis that is killed under load. Celery 5.7.0's did not: it ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from panel import embedded

ROOT = Path(__file__).resolve().parents[2]
TASK = "monitoring.start_cycles"
SECONDS = 40


def until(true, what):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if true():
                return
        except (RedisError, OSError, OperationalError):
            pass
        time.sleep(0.1)
    pytest.fail(f"{what} within {SECONDS} s")


class Machine:
    """A Redis and a worker in a data folder of their own."""

    def __init__(self, folder):
        self.socket = embedded.redis_socket(folder)
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}}
        self.env = {**kept, "PANEL_VAR": str(folder), "LOG_LEVEL": "ERROR"}
        self.run("manage.py", "migrate", "--verbosity=0")
        self.redis = self.start_redis()
        self.broker = Celery(broker=f"redis+socket://{self.socket}", set_as_current=False)
        self.worker = subprocess.Popen(
            [
                sys.executable, "-m", "celery", "--quiet", "--app=panel", "worker",
                "--pool=threads", "--concurrency=4", "--queues=poll", "--loglevel=ERROR",
            ],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, *arguments):
        subprocess.run([sys.executable, *arguments], cwd=ROOT, env=self.env, check=True)

    def start_redis(self):
        server = subprocess.Popen(
            embedded.redis_command(self.socket),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: self.client().ping(), "Redis did not answer")
        return server

    def client(self):
        return Redis(unix_socket_path=str(self.socket))

    def send(self, count):
        for _ in range(count):
            self.broker.send_task(TASK, queue="poll")

    def has_worked_off(self):
        with self.client() as client:
            return client.llen("poll") == 0 and client.hlen("unacked") == 0

    def end(self):
        self.worker.terminate()
        try:
            self.worker.wait(20)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()
        self.broker.close()
        self.redis.kill()
        self.redis.wait()


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.end()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_goes_on_when_redis_is_back(machine):
    machine.send(20)
    until(machine.has_worked_off, "The first tasks were not worked off")
    for _ in range(2):
        machine.send(200)
        machine.redis.kill()
        machine.redis.wait()
        time.sleep(1)
        machine.redis = machine.start_redis()
        assert machine.worker.poll() is None, "the worker ended with Redis"
        until(lambda: machine.send(5) is None, "Nothing could be sent")
        until(machine.has_worked_off, "The worker did not take up its work again")
    assert machine.worker.poll() is None
