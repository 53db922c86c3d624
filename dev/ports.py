"""Whether a port is free, and who has it if it is not."""

import errno
import os
import socket
from pathlib import Path

from dev import holders
from dev.commands import Failure

LISTENING = "0A"


def require_free(host: str, port: int, *, variable: str) -> None:
    """Raises Failure that names the port, its user and the variable that changes it."""
    try:
        _bind(host, port)
    except OSError as error:
        raise Failure(_explain(host, port, variable=variable, error=error)) from error


def _bind(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a connection that has just ended does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _explain(host: str, port: int, *, variable: str, error: OSError) -> str:
    if error.errno == errno.EACCES:
        reason = f"Port {port} may be used by root alone."
    elif error.errno == errno.EADDRINUSE:
        reason = f"Port {port} is taken by {_user_of(port) or 'another program'}."
    else:
        reason = f"Port {port} cannot be used: {error.strerror}."
    free = _free_port(host, above=max(port, 1023))
    return f"{reason}\nEnd that program, or choose another port:  {variable}={free} make run"


def _free_port(host: str, *, above: int) -> int:
    for port in range(above + 1, min(above + 100, 65536)):
        try:
            _bind(host, port)
        except OSError:
            continue
        return port
    return 8080


def _user_of(port: int) -> str:
    """`nginx (process 812)`, where the kernel lets us see it."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in _rows(Path(table))
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    for pid, target in holders.open_files():
        if target in inodes:
            return f"{holders.name_of(pid)} (process {pid})"
    return ""


def _rows(table: Path) -> list[list[str]]:
    if not os.access(table, os.R_OK):
        return []
    return [line.split() for line in table.read_text().splitlines()[1:]]
