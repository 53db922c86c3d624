"""Under HA the task takes the wish and ends; the guest changes later, or never."""

import pytest

from servers.models import Action

Status = Action.Status


class TestHA:
    @pytest.fixture(autouse=True)
    def managed(self, world, server):
        world.manage_by_ha(server.vmid)

    @pytest.mark.parametrize("type", ["stop", "shutdown"])
    def test_the_task_ends_before_the_guest_changes(
        self, type, server, guest, ask, worker, now_of
    ):
        action = ask(server, type)
        worker.run(5)
        assert now_of(action).status == Status.RUNNING
        assert guest.power == "running"
        worker.run(60)
        assert now_of(action).status == Status.SUCCESS
        assert guest.power == "stopped"
        again = ask(server, "start")
        worker.run(60)
        assert now_of(again).status == Status.SUCCESS
        assert guest.power == "running"

    def test_a_reboot_is_followed_by_its_task(self, server, ask, worker, now_of):
        action = ask(server, "reboot")
        worker.run(30)
        assert now_of(action).status == Status.SUCCESS

    def test_an_error_of_ha(self, server, world, ask, worker, now_of):
        world.ha_error(server.vmid, later=True)
        action = ask(server, "stop")
        worker.run(120)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.FAILED, "ha_error")

    def test_ha_never_acts(self, server, world, ask, worker, now_of):
        world.slow_ha(10_000)
        action = ask(server, "stop")
        worker.run(600)
        action = now_of(action)
        assert (action.status, action.error_code) == (Status.LOST, "deadline")

    def test_power_off_after_a_shutdown(self, server, guest, world, ask, worker, now_of):
        guest.ignores_shutdown = True
        ask(server, "shutdown")
        worker.run(5)
        action = ask(server, "stop")
        worker.run(120)
        assert now_of(action).status == Status.SUCCESS
