"""A worker that is killed at any instruction: before and after each call to Proxmox and each write.

The action ends with the truth, and its verb is sent once at most.
"""

from contextlib import contextmanager

import pytest
from django.db import connection

from servers.models import Action, Server
from servers.simulator.adapter import SimulatedAdapter

# More moments than a run has: the test below tells if one day it has more.
MOMENTS = 64
OVER = {Action.Status.SUCCESS, Action.Status.FAILED, Action.Status.LOST}


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


class Moments:
    """Counts the moments at which a worker could be killed, and kills it at one of them."""

    def __init__(self):
        self.passed = 0
        self.fatal = None

    def pass_one(self):
        self.passed += 1
        if self.passed == self.fatal:
            raise Killed

    def execute(self, execute, sql, params, many, context):
        if sql.lstrip().upper().startswith("SELECT"):
            return execute(sql, params, many, context)
        self.pass_one()
        result = execute(sql, params, many, context)
        self.pass_one()
        return result

    @contextmanager
    def counted(self):
        with connection.execute_wrapper(self.execute):
            yield


@pytest.fixture
def moments(worker, monkeypatch):
    return deadly(worker, monkeypatch)


def deadly(worker, monkeypatch):
    """Has the worker die at one moment, whatever it is at."""
    made = Moments()
    send, carry_out = SimulatedAdapter.send, worker.carry_out

    def send_and_count(adapter, request, **options):
        made.pass_one()
        answer = send(adapter, request, **options)
        made.pass_one()
        return answer

    def carry_out_and_die(message):
        try:
            with made.counted():
                carry_out(message)
        except Killed:
            made.fatal = None

    monkeypatch.setattr(SimulatedAdapter, "send", send_and_count)
    monkeypatch.setattr(worker, "carry_out", carry_out_and_die)
    return made


def test_there_are_no_more_moments(server, ask, worker, moments):
    ask(server, "stop")
    worker.run(10)
    assert 30 < moments.passed < MOMENTS


@pytest.mark.parametrize("moment", range(1, MOMENTS))
def test_killed(moment, server, guest, ask, worker, moments, now_of, verbs):
    action = ask(server, "stop")
    moments.fatal = moment
    worker.run(300)
    action = now_of(action)
    sent = verbs().count(("POST", "stop"))
    assert action.status in OVER
    assert sent <= 1
    if action.status == Action.Status.SUCCESS:
        assert sent == 1
        assert guest.power == "stopped"
        assert Server.objects.get(pk=server.pk).status == "stopped"
    else:
        # Between the note that it is being sent and the sending: nothing can tell.
        assert (action.status, action.error_code, sent) == ("lost", "no_trace", 0)
        assert guest.power == "running"


@pytest.mark.parametrize("moment", range(1, 110, 3))
def test_killed_while_deleting_a_running_server(
    moment, server, guest, world, alice, worker, moments, now_of, verbs, committed, clock
):
    action = delete(server, alice, committed, clock)
    moments.fatal = moment
    worker.run(300)
    action = now_of(action)
    assert action.status in OVER
    assert verbs().count(("POST", "stop")) <= 1
    assert sum(method == "DELETE" for method, _ in verbs()) <= 1
    is_there = server.vmid in world.guests
    assert is_there == (action.status != Action.Status.SUCCESS)
    if action.status != Action.Status.SUCCESS:
        assert (action.status, action.error_code) == ("lost", "no_trace")


def delete(server, person, committed, clock):
    from accounts.audit import Actor
    from accounts.models import Source
    from servers import operations

    Server.objects.filter(pk=server.pk).update(protected=False)
    server.refresh_from_db()
    with committed():
        return operations.delete(
            server,
            confirm=server.name,
            stop_first=True,
            actor=Actor(person, Source.API),
            now=clock(),
        )
