"""A port that is taken gets a message that helps."""

import os
import socket
import sys

import pytest

from dev import ports
from dev.commands import Failure

HOST = "127.0.0.1"


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_is_free():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]

    ports.require_free(HOST, port, variable="PANEL_PORT")


def test_the_message_names_port_and_variable_and_a_port_that_is_free(taken):
    with pytest.raises(Failure) as failure:
        ports.require_free(HOST, taken, variable="SIMULATOR_PORT")

    message = str(failure.value)
    assert f"Port {taken} is taken by" in message
    suggested = int(message.partition("SIMULATOR_PORT=")[2].split()[0])
    ports.require_free(HOST, suggested, variable="SIMULATOR_PORT")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_the_message_names_who_listens(taken):
    with pytest.raises(Failure, match=rf"\(process {os.getpid()}\)"):
        ports.require_free(HOST, taken, variable="PANEL_PORT")
