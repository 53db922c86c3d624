import pytest

from monitoring import sizes
from monitoring.history import Range, history
from monitoring.models import GuestDisk, Size
from monitoring.sizes import Sized, at
from servers.models import Server

GIB = 2**30
KNOWN = [Sized(100, 1, 10), Sized(200, 2, 20)]


@pytest.mark.parametrize(("time", "memory"), [(50, 1), (100, 1), (199, 1), (200, 2), (10_000, 2)])
def test_the_size_in_effect(time, memory):
    assert at(KNOWN, time).memory_total == memory


def test_none_is_known():
    assert at([], 100) is None


def rows(server):
    return list(
        Size.objects.filter(server=server).order_by("since").values_list("since", flat=True)
    )


@pytest.mark.django_db
class TestNoted:
    def test_once_for_many_cycles(self, server, pass_cycle):
        Size.objects.all().delete()
        Server.objects.update(identity_due=False)
        for _ in range(4):
            pass_cycle()
        assert len(rows(server)) <= 1

    def test_a_first_sample_notes_it(self, server):
        first = Size.objects.filter(server=server).earliest("since")
        assert first.memory_total == server.last_sample.memory_total

    def test_a_resize_is_noted_though_it_takes_a_restart(self, server, world, pass_cycle, clock):
        guest = world.guests[server.vmid]
        before = len(rows(server))
        world.set_power(server.vmid, "stopped")
        pass_cycle()
        guest.memory = 64 * GIB
        world.touch(guest)
        world.set_power(server.vmid, "running")
        for _ in range(4):
            pass_cycle()
        latest = Size.objects.filter(server=server).latest("since")
        assert latest.memory_total == 64 * GIB
        assert len(rows(server)) == before + 1

    def test_a_restart_without_one_is_not(self, server, world, pass_cycle):
        pass_cycle()
        before = rows(server)
        world.set_power(server.vmid, "stopped")
        pass_cycle()
        world.set_power(server.vmid, "running")
        for _ in range(4):
            pass_cycle()
        assert rows(server) == before

    def test_a_cycle_without_one_asks_nothing(self, polled, clock, django_assert_num_queries):
        with django_assert_num_queries(0):
            sizes.note({}, taken_at=5)

    def test_an_agent_that_comes_and_goes_is_no_new_disk(self, server, world, pass_cycle):
        for agent in ("up", "dead") * 3:
            world.set_agent(server.vmid, agent)
            GuestDisk.objects.update(next_look_at=0, measured_at=None, used=None)
            pass_cycle()
            pass_cycle()
        assert len(rows(server)) <= 3

    def test_what_no_chart_reaches_any_more_goes(self, server):
        Size.objects.all().delete()
        for since in (10, 20, 30, 1000):
            Size.objects.create(server=server, since=since)
        assert sizes.prune(before=500) == 2
        assert rows(server) == [30, 1000]
        assert sizes.prune(before=500) == 0

    def test_the_chart_has_it_as_a_line(self, server):
        Size.objects.filter(server=server).delete()
        start = 1_795_176_000
        Size.objects.create(server=server, since=start - 90, memory_total=4, disk_total=None)
        Size.objects.create(server=server, since=start + 60, memory_total=8, disk_total=9)
        found = history(server.pk, Range(start, start + 120, 30))
        assert [point[1] for point in found.series["memory_total"]][:2] == [4, 4]
        assert found.series["memory_total"][-1][1:] == (8, 8, 8)
        assert found.series["disk_total"][0][1] is None
