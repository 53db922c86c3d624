"""A worker that lives by the test's clock: it runs what is sent, when it is due."""

from dataclasses import dataclass, field

import pytest

from accounts.audit import Actor
from accounts.models import Source
from servers import dispatch, follow, operations, queue, sweep
from servers.models import Action, Server
from servers.simulator.guests import Kind


@dataclass(order=True)
class Message:
    due: float
    order: int
    name: str = field(compare=False)
    arguments: dict[str, object] = field(compare=False)
    expires: float | None = field(compare=False, default=None)


class Worker:
    """Celery in the test's own time. `lose()` is a Redis that forgets, `beat` sweeps."""

    def __init__(self, clock, committed):
        self.clock = clock
        self.committed = committed
        self.messages = []
        self.count = 0
        self.tasks = {
            "servers.run_action": self.run_action,
            "servers.follow_actions": self.follow_actions,
        }

    def send(self, name, arguments, **options):
        self.count += 1
        due = self.clock.seconds + options.get("countdown", 0)
        expires = options.get("expires")
        ends = None if expires is None else self.clock.seconds + expires
        self.messages.append(Message(due, self.count, name, arguments, ends))

    def lose(self):
        self.messages.clear()

    def run(self, seconds=0.0, *, beat=True):
        """Everything that is due within so many seconds, with a sweep every ten."""
        until = self.clock.seconds + seconds
        sweep_at = self.clock.seconds + 10
        while True:
            self.messages.sort()
            following = self.messages[0].due if self.messages else until + 1
            if beat and sweep_at <= min(following, until):
                self.clock.seconds = max(self.clock.seconds, sweep_at)
                with self.committed():
                    sweep.sweep(self.clock())
                sweep_at += 10
            elif following <= until:
                self.carry_out(self.messages.pop(0))
            else:
                self.clock.seconds = max(self.clock.seconds, until)
                return

    def carry_out(self, message):
        self.clock.seconds = max(self.clock.seconds, message.due)
        if message.expires is not None and self.clock.seconds > message.expires:
            return
        task = self.tasks.get(message.name)
        if task is not None:
            with self.committed():
                task(**message.arguments)

    def run_action(self, action_id, sealed=""):
        dispatch.run(action_id, clock=self.clock, sealed=sealed)

    def follow_actions(self, cluster_id):
        follow.follow(cluster_id, clock=self.clock)


@pytest.fixture
def worker(clock, committed, monkeypatch):
    made = Worker(clock, committed)
    monkeypatch.setattr(queue, "send", made.send)
    return made


@pytest.fixture
def container(polled, alice, clock):
    """A running container of Alice's."""
    return owned(Server.Kind.LXC, alice)


def owned(kind, owner):
    found = Server.objects.filter(status=Server.Status.RUNNING, kind=kind).earliest("vmid")
    Server.objects.filter(pk=found.pk).update(owner=owner)
    found.refresh_from_db()
    return found


@pytest.fixture
def guest(server, world):
    """Alice's server as Proxmox has it."""
    return world.guest(server.vmid)


@pytest.fixture
def ask(committed, clock, alice):
    """Asks for a change of power as Alice does."""

    def run(server, type, *, person=None):
        server.refresh_from_db()
        actor = Actor(person or alice, Source.WEB)
        with committed():
            return operations.change_power(server, type, actor=actor, now=clock())

    return run


@pytest.fixture
def now_of():
    """An action as the database has it now."""
    return lambda action: Action.objects.get(pk=action.pk)


@pytest.fixture
def verbs(wire):
    """What was asked of Proxmox that changes something: its last words, in order."""

    def found():
        return [
            (request.method, request.path.rpartition("/")[2])
            for request in wire.requests
            if request.method != "GET"
        ]

    return found


def is_qemu(server):
    return server.kind == Kind.QEMU
