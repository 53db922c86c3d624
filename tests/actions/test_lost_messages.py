"""A Redis that forgets, messages that come twice, and a clock that jumps."""

import pytest

from servers.models import Action

Status = Action.Status


def sent(verbs, verb="stop"):
    return verbs().count(("POST", verb))


class TestRedis:
    @pytest.mark.parametrize("after", [0, 0.2, 0.7, 2, 4])
    def test_it_forgets_everything(self, after, server, guest, ask, worker, now_of, verbs):
        action = ask(server, "shutdown")
        worker.run(after, beat=False)
        worker.lose()
        worker.run(60)
        assert now_of(action).status == Status.SUCCESS
        assert sent(verbs, "shutdown") == 1

    def test_messages_come_twice(self, server, ask, worker, now_of, verbs):
        action = ask(server, "reboot")
        for _ in range(3):
            worker.messages += [*worker.messages]
            worker.run(1)
        worker.run(30)
        assert now_of(action).status == Status.SUCCESS
        assert sent(verbs, "reboot") == 1


class TestClock:
    """Of the panel: NTP, a suspended hypervisor, a hand."""

    @pytest.mark.parametrize("jump", [-7200, -60, 60, 7200])
    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_it_jumps(self, jump, after, server, world, ask, worker, now_of, verbs, monkeypatch):
        action = ask(server, "shutdown")
        worker.run(after)
        # The worker's messages wait by its own timer, which knows no wall clock.
        worker.clock.seconds += jump
        for message in worker.messages:
            message.due += jump
            message.expires = None
        monkeypatch.setattr(type(world), "advance", steady(world, jump))
        worker.run(60)
        assert now_of(action).status == Status.SUCCESS
        assert sent(verbs, "shutdown") == 1


def steady(world, jump):
    """The cluster's own clock goes on as before."""
    advance = type(world).advance
    return lambda self, now: advance(self, now - jump)
