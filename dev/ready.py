"""Whether a program answers."""

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path

SECONDS = 2


def redis(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SECONDS)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def port(host: str, number: int) -> bool:
    try:
        with socket.create_connection((host, number), timeout=SECONDS):
            return True
    except OSError:
        return False


def web(host: str, number: int, path: str, *, headers: Mapping[str, str] | None = None) -> bool:
    connection = http.client.HTTPConnection(host, number, timeout=SECONDS)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
