"""The names of Proxmox's tasks. Pure.

`UPID:node:pid:pstart:starttime:type:id:user:`, the numbers in hexadecimal; a task that a token
started bears `user@realm!token`. UPID.pm of pve-common.
"""

import re
from dataclasses import dataclass

FORM = re.compile(
    r"UPID:(?P<node>[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)"
    r":[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:(?P<started>[0-9A-Fa-f]{8})"
    r":(?P<type>[A-Za-z0-9._-]{1,64}):(?P<subject>[^:/\s]{0,64}):(?P<identity>[^:/\s]{1,160}):"
)


@dataclass(frozen=True)
class Upid:
    """`started_at` is Unix seconds by the node's own clock."""

    text: str
    node: str
    started_at: int
    type: str
    subject: str
    identity: str

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Upid:
    """Raises ValueError where this is no UPID."""
    found = FORM.fullmatch(text)
    if found is None:
        raise ValueError("This is no UPID.")
    return Upid(
        text=text,
        node=found["node"],
        started_at=int(found["started"], 16),
        type=found["type"],
        subject=found["subject"],
        identity=found["identity"],
    )
