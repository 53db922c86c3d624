"""The hoster that stands in the simulated cluster from the start."""

import re

import pytest

from servers.simulator.guests import GIB, Agent, Power
from servers.simulator.world import SimulatedCluster

NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")


def test_there_is_some_of_everything(cluster):
    guests = cluster.guests.values()

    assert len(guests) == 36
    assert {guest.node for guest in guests} == {"pve1", "pve2", "pve3"}
    assert {guest.kind for guest in guests} == {"qemu", "lxc"}
    assert {guest.power for guest in guests} == set(Power)
    assert {guest.agent for guest in guests} == set(Agent)
    assert sum(guest.template for guest in guests) == 1
    assert sum(guest.running for guest in guests) > 30
    assert {guest.pool for guest in guests} == {"customers", "infrastructure", ""}


def test_sizes_are_a_hosters(cluster):
    for guest in cluster.guests.values():
        assert GIB <= guest.memory <= 32 * GIB
        assert 1 <= guest.cores <= 16
        assert 10 * GIB <= guest.maxdisk <= 500 * GIB


def test_names_are_names_and_descriptions_are_hostile(cluster):
    guests = cluster.guests.values()

    assert all(NAME.match(guest.name) for guest in guests)
    assert any("<script>" in guest.description for guest in guests)


@pytest.mark.parametrize("guests", [0, 1, 3, 12])
def test_small_clusters_are_ordinary(guests):
    cluster = SimulatedCluster(nodes=1, guests=guests)

    assert len(cluster.guests) == guests
    assert all(not guest.template for guest in cluster.guests.values())


def test_ten_thousand_guests_are_there_and_answer(api):
    api.cluster = SimulatedCluster(nodes=25, guests=10_000)
    api.pass_time(30)
    rows = api.get("/cluster/resources", type="vm")

    assert len({row["vmid"] for row in rows}) == 10_000
    assert sum(row["status"] == "running" for row in rows) > 9_000


def test_one_is_managed_and_one_does_not_listen(cluster):
    guests = cluster.guests.values()

    assert [guest.name for guest in guests if guest.ha] == ["web3"]
    assert [guest.name for guest in guests if guest.ignores_shutdown] == ["old-forum"]
