"""Whoever changes a server and its action at once locks the server first: of two who do not agree
on that, MariaDB ends one, and a person would be told that the panel failed."""

import threading
import time

import pytest
from django.db import OperationalError, connection

from accounts.audit import Actor
from accounts.models import Source
from servers import actions, inventory, operations, outcomes, steps
from servers.models import Action

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it has one writer at a time"),
]


@pytest.fixture
def meeting(monkeypatch):
    """Each stops after what it does first, until the other did too or cannot."""
    barrier = threading.Barrier(2)

    def after(module, name):
        original = getattr(module, name)

        def stops(*args, **kwargs):
            result = original(*args, **kwargs)
            try:
                barrier.wait(2)
            except threading.BrokenBarrierError:
                pass
            return result

        monkeypatch.setattr(module, name, stops)

    return after


def at_once(*works):
    failures = []

    def carry_out(work):
        try:
            work()
        except (actions.Busy, operations.NotPossible):
            pass
        except OperationalError as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=carry_out, args=[work]) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    return failures


def test_power_off_as_the_shutdown_ends(server, ask, clock, alice, meeting):
    shutdown = ask(server, "shutdown")
    Action.objects.update(status="running", sent_at=clock(), upid="x")
    shutdown = Action.objects.select_related("server").get()
    meeting(inventory, "observe")
    meeting(actions, "fail")
    assert not at_once(
        lambda: outcomes.arrived(shutdown, now=clock()),
        lambda: operations.change_power(
            server, "stop", actor=Actor(alice, Source.WEB), now=clock()
        ),
    )


def test_a_wish_as_the_deletion_ends(server, ask, clock, alice, meeting):
    ask(server, "stop")
    Action.objects.update(
        type="delete", step=steps.DESTROY, status="running", sent_at=clock(), upid="x"
    )
    deletion = Action.objects.select_related("server").get()
    meeting(outcomes, "succeed")

    def wish():
        time.sleep(0.5)
        operations.change_power(server, "reset", actor=Actor(alice, Source.WEB), now=clock())

    assert not at_once(lambda: outcomes.arrived(deletion, now=clock()), wish)
