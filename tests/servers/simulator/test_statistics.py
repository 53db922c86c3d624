"""What pvestatd measures, when it shows, and how numbers move."""

from itertools import pairwise

import pytest

from servers.simulator.world import SimulatedCluster

COUNTERS = ("netin", "netout", "diskread", "diskwrite")


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("vmid", [100, 103, 112])
def test_counters_only_rise(api, vmid, counter):
    seen = []
    for _ in range(200):
        api.pass_time(30)
        seen.append(api.row(vmid)[counter])

    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_nothing_changes_between_two_refreshes(api):
    before = api.get("/cluster/resources")
    api.pass_time(9.9)

    assert api.get("/cluster/resources") == before


def test_uptime_advances_by_a_refresh(api):
    before = api.row(100)["uptime"]
    api.pass_time(10)

    assert api.row(100)["uptime"] == before + 10


def test_the_node_itself_shows_the_moment(api):
    before = api.get(f"{api.base(100)}/status/current")["uptime"]
    api.pass_time(3)

    assert api.get(f"{api.base(100)}/status/current")["uptime"] == before + 3


def test_load_rises_and_falls_smoothly(api):
    loads = []
    for _ in range(500):
        api.pass_time(30)
        loads.append(api.row(100)["cpu"])

    steps = [abs(after - before) for before, after in pairwise(loads)]
    assert max(loads) > 1.3 * min(loads)
    assert max(steps) < 0.1
    assert min(loads) > 0


def test_counters_agree_with_the_load(api):
    """More is moved while more is done: the rate follows the same waves."""
    cluster, vmid = api.cluster, 100
    moved = []
    for _ in range(100):
        before = api.row(vmid)["netout"]
        api.pass_time(60)
        moved.append((api.row(vmid)["netout"] - before, cluster.guest(vmid).measure(cluster.now)))

    busiest = max(moved, key=lambda pair: pair[1].cpu)
    idlest = min(moved, key=lambda pair: pair[1].cpu)
    assert busiest[0] > idlest[0]


def test_equal_seeds_and_times_give_equal_clusters(api):
    twin = SimulatedCluster()
    twin.advance(api.cluster.now)
    other = SimulatedCluster(seed=2)

    assert [*map(str, twin.samples())] == [*map(str, api.cluster.samples())]
    assert twin.guest(100).uuid != other.guest(100).uuid


def test_a_busy_guest_shows_from_the_next_refresh(api):
    api.cluster.busy(100)
    before = api.row(100)["cpu"]
    api.pass_time(10)

    assert before < 0.9
    assert api.row(100)["cpu"] == pytest.approx(0.97, abs=0.02)


@pytest.mark.parametrize("vmid", [100, 103])
def test_disk_use_is_known_of_containers_alone(api, vmid):
    row = api.row(vmid)

    assert (row["disk"] > 0) == (row["type"] == "lxc")
    assert (row["memhost"] > row["mem"]) == (row["type"] == "qemu")
