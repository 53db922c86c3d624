"""Power: from the request to the true end, on VMs and containers."""

import pytest

from accounts.models import AuditEntry
from monitoring import look
from servers import action_words, actions, power
from servers.actions import Busy
from servers.models import Action, Server
from servers.operations import NotPossible

Status = Action.Status


@pytest.mark.parametrize(
    ("type", "leads_to"),
    [("shutdown", "stopped"), ("stop", "stopped"), ("reboot", "running"), ("reset", "running"),
     ("suspend", "paused")],
)  # fmt: skip
def test_a_running_vm(type, leads_to, server, guest, ask, worker, now_of, verbs):
    action = ask(server, type)
    assert now_of(action).status == Status.PENDING
    worker.run(30)
    action = now_of(action)
    assert (action.status, action.error_message) == (Status.SUCCESS, "")
    verb = {"suspend": "suspend"}.get(type, type)
    assert verbs() == [("POST", verb)]
    server.refresh_from_db()
    assert server.status == leads_to
    assert guest.power == leads_to
    assert action.active is None
    assert action.finished_at >= action.started_at >= action.requested_at
    assert [step["step"] for step in action.steps] == [type]


@pytest.mark.parametrize("type", ["shutdown", "stop", "reboot"])
def test_a_running_container(type, container, ask, worker, now_of):
    action = ask(container, type)
    worker.run(30)
    assert now_of(action).status == Status.SUCCESS
    container.refresh_from_db()
    assert container.status == power.VERBS[type].leads_to


@pytest.mark.parametrize("kind", ["server", "container"])
def test_start_after_stop(kind, request, ask, worker, now_of):
    server = request.getfixturevalue(kind)
    ask(server, "stop")
    worker.run(10)
    action = ask(server, "start")
    worker.run(10)
    assert now_of(action).status == Status.SUCCESS
    server.refresh_from_db()
    assert server.status == Server.Status.RUNNING


def test_pause_and_resume(server, ask, worker, now_of, pass_cycle):
    ask(server, "suspend")
    worker.run(10)
    pass_cycle()
    server.refresh_from_db()
    assert server.status == Server.Status.PAUSED, "the list of guests calls it running"
    action = ask(server, "resume")
    worker.run(10)
    assert now_of(action).status == Status.SUCCESS
    server.refresh_from_db()
    assert server.status == Server.Status.RUNNING


def test_a_paused_one_is_not_reset(server, ask, worker):
    """It would stay paused, and look as if nothing had been done."""
    ask(server, "suspend")
    worker.run(10)
    with pytest.raises(NotPossible):
        ask(server, "reset")


def test_a_look_that_was_slow_tells_nothing_new(
    server, ask, worker, clock, monkeypatch, pass_cycle
):
    """It asked while the server was paused, and is heard after it was resumed."""
    ask(server, "suspend")
    worker.run(10)
    ask_all = look.ask

    def slowly(*args):
        answers = list(ask_all(*args))
        ask(server, "resume")
        worker.run(10)
        return answers

    monkeypatch.setattr(look, "ask", slowly)
    pass_cycle()
    server.refresh_from_db()
    assert server.status == Server.Status.RUNNING


def test_hibernated_starts_from_its_memory(server, guest, world, ask, worker, now_of):
    world.set_power(server.vmid, "stopped")
    world.lock_guest(server.vmid, "suspended")
    Server.objects.filter(pk=server.pk).update(status="suspended", lock="suspended")
    action = ask(server, "start")
    worker.run(10)
    assert now_of(action).status == Status.SUCCESS
    server.refresh_from_db()
    assert (server.status, server.lock) == (Server.Status.RUNNING, "")


def test_one_at_a_time(server, ask, worker, bob):
    first = ask(server, "reboot")
    with pytest.raises(Busy) as second:
        ask(server, "stop")
    assert second.value.action == first
    worker.run(30)
    assert ask(server, "stop").pk != first.pk
    assert Action.objects.filter(server=server, active=True).count() == 1


def test_one_that_ends_at_this_moment(server, ask, worker, monkeypatch):
    """It held the place, and is over when it is looked at."""
    first = ask(server, "stop")
    monkeypatch.setattr(actions, "active_action", lambda server: None)
    with pytest.raises(Busy) as raised:
        ask(server, "reboot")
    assert raised.value.action == first


def test_what_the_state_does_not_allow(server, ask):
    with pytest.raises(NotPossible) as raised:
        ask(server, "start")
    assert raised.value.refusal == power.Refusal("state", "running")
    assert action_words.reason(raised.value.refusal) == "It is running."


def test_what_the_lock_does_not_allow(server, ask, world):
    Server.objects.filter(pk=server.pk).update(lock="backup")
    with pytest.raises(NotPossible) as raised:
        ask(server, "shutdown")
    assert action_words.reason(raised.value.refusal) == "A backup is running."


def test_a_lock_that_was_not_known_yet(server, ask, world, worker, now_of, verbs):
    world.lock_guest(server.vmid, "backup")
    action = ask(server, "stop")
    worker.run(10)
    action = now_of(action)
    assert (action.status, action.error_code) == (Status.FAILED, "locked")
    assert verbs() == []
    server.refresh_from_db()
    assert server.lock == "backup"


def test_a_container_is_not_paused(container, ask):
    with pytest.raises(NotPossible) as raised:
        ask(container, "suspend")
    assert raised.value.refusal.code == "kind"


def test_a_guest_that_ignores_it(server, guest, ask, worker, now_of):
    guest.ignores_shutdown = True
    action = ask(server, "shutdown")
    worker.run(30)
    assert now_of(action).status == Status.RUNNING
    worker.run(120)
    action = now_of(action)
    assert (action.status, action.error_code) == (Status.FAILED, "guest_ignored_it")
    assert action.error_message == "VM quit/powerdown failed - got timeout"
    assert "You can power it off" in action_words.sentence(action)
    server.refresh_from_db()
    assert server.status == Server.Status.RUNNING


def test_power_off_overrules_a_shutdown(server, guest, ask, worker, now_of, verbs, wire):
    guest.ignores_shutdown = True
    shutdown = ask(server, "shutdown")
    worker.run(10)
    stop = ask(server, "stop")
    assert (now_of(shutdown).status, now_of(shutdown).error_code) == (Status.FAILED, "overruled")
    worker.run(10)
    assert now_of(stop).status == Status.SUCCESS
    assert verbs() == [("POST", "shutdown"), ("POST", "stop")]
    assert wire.requests[-1].method == "GET"
    server.refresh_from_db()
    assert server.status == Server.Status.STOPPED


def test_warnings_are_success(server, guest, ask, worker, now_of):
    guest.start_warning = "Interface 'tap101i0' not attached to any bridge."
    ask(server, "stop")
    worker.run(10)
    action = ask(server, "start")
    worker.run(10)
    action = now_of(action)
    assert (action.status, action.warnings) == (Status.SUCCESS, 1)
    assert action_words.sentence(action) == "Started. The host gave 1 warning."
    assert "not attached to any bridge" in action.log


def test_more_warnings_than_can_be_counted(server, world, ask, worker, now_of):
    world.warn_task("qmstop", f"WARNINGS: {'9' * 30}")
    action = ask(server, "stop")
    worker.run(10)
    assert now_of(action).status == Status.SUCCESS


def test_proxmoxs_own_words(server, world, ask, worker, now_of):
    ask(server, "stop")
    worker.run(10)
    world.fail_task("qmstart", "bridge 'vmbr9' does not exist")
    action = ask(server, "start")
    worker.run(10)
    action = now_of(action)
    assert (action.status, action.error_code) == (Status.FAILED, "refused")
    assert action_words.sentence(action) == "bridge 'vmbr9' does not exist"
    assert "TASK ERROR" in action.log


def test_who_did_it_is_in_the_audit_log(server, ask, worker, alice):
    action = ask(server, "reset")
    worker.run(10)
    entries = AuditEntry.objects.filter(object_type="server", object_id=server.pk)
    requested = entries.get(event="action.requested")
    assert (requested.actor, requested.details) == (alice, {"action": action.pk, "type": "reset"})
    finished = entries.get(event="action.finished")
    assert finished.details["status"] == "success"
