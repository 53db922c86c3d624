"""What a person may choose about a start."""

import pytest

from dev import config
from dev.commands import Failure


def test_the_defaults_are_the_embedded_panel_on_loopback():
    chosen = config.parse({})

    assert chosen.address == "http://127.0.0.1:8000"
    assert chosen.simulator_address == "https://127.0.0.1:18006"
    assert chosen.uses_own_database
    assert chosen.uses_own_redis
    assert chosen.uses_simulator


def test_a_database_and_a_redis_of_ones_own_replace_the_embedded_ones():
    chosen = config.parse(
        {"DATABASE_URL": "mysql://panel@db/panel", "REDIS_URL": "redis://redis/0"}
    )

    assert not chosen.uses_own_database
    assert not chosen.uses_own_redis


@pytest.mark.parametrize(
    "variable", ["DATABASE_URL=mysql://db/panel", "PROXMOX_API_URL=https://pve.example.com:8006"]
)
def test_the_simulated_cluster_is_for_the_demo_alone(variable):
    assert not config.parse(dict([variable.split("=", 1)])).uses_simulator


@pytest.mark.parametrize("text", ["x", "0", "-1", "65536", "80.0", "８０"])
def test_a_port_is_a_number_that_ports_have(text):
    with pytest.raises(Failure, match=r"PANEL_PORT is .*1 to 65535"):
        config.parse({"PANEL_PORT": text})


def test_the_two_ports_differ():
    with pytest.raises(Failure, match="have to differ"):
        config.parse({"PANEL_PORT": "9000", "SIMULATOR_PORT": "9000"})
