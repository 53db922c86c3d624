"""Actions of several steps: what is done before one fails stays done, and is said."""

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from servers import action_words, operations, ownership
from servers.models import Action, Server

Status = Action.Status


@pytest.fixture
def deletion(server, alice, committed, clock, worker):
    """Alice has asked for her running server to be deleted."""
    Server.objects.filter(pk=server.pk).update(protected=False)
    server.refresh_from_db()
    with committed():
        return operations.delete(
            server, confirm=server.name, stop_first=True, actor=Actor(alice, Source.WEB),
            now=clock(),
        )  # fmt: skip


class TestBetweenTwoSteps:
    def test_the_host_goes_away(self, deletion, world, guest, worker, now_of):
        world.fail_next("DELETE", "/qemu/", status=595, reason="No route to host", times=99)
        worker.run(120)
        action = now_of(deletion)
        assert (action.status, action.error_code) == (Status.FAILED, "unreachable_midway")
        assert action_words.sentence(action) == (
            "The server was powered off. Then the host could not be reached: the rest was not done."
        )
        assert guest.vmid in world.guests

    def test_it_says_what_was_done_before_it_failed(
        self, deletion, server, world, guest, worker, now_of, monkeypatch
    ):
        self.stop_after_the_first(deletion, worker, now_of, monkeypatch)
        Server.objects.filter(pk=server.pk).update(protected=True)
        worker.run(60)
        assert action_words.sentence(now_of(deletion)) == (
            "The server was powered off. The server is protected from being deleted."
        )

    def test_the_panel_goes_away(self, deletion, world, guest, worker, now_of, monkeypatch):
        self.stop_after_the_first(deletion, worker, now_of, monkeypatch)
        worker.clock.pass_by(3600)
        worker.run(60)
        action = now_of(deletion)
        assert (action.status, action.error_code) == (Status.FAILED, "never_sent_midway")
        assert "powered off. Then the panel did not get to" in action_words.sentence(action)
        assert guest.vmid in world.guests

    def test_the_server_changes_hands(
        self, deletion, server, bob, world, guest, worker, now_of, monkeypatch, clock
    ):
        self.stop_after_the_first(deletion, worker, now_of, monkeypatch)
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        Server.objects.filter(pk=server.pk).update(protected=False)
        worker.run(60)
        action = now_of(deletion)
        assert (action.status, action.error_code) == (Status.FAILED, "no_access")
        assert guest.vmid in world.guests

    def stop_after_the_first(self, deletion, worker, now_of, monkeypatch):
        """What would begin the second step is lost."""
        with monkeypatch.context() as patched:
            patched.setattr("servers.actions.wake", lambda *args, **kwargs: None)
            worker.run(9, beat=False)
        assert [over["step"] for over in now_of(deletion).steps] == ["stop"]
        assert now_of(deletion).sent_at is None
