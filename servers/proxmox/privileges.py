"""What a token must be allowed, what it lacks, and the commands that would mend it. Pure.

Privileges by call: Proxmox's API viewer. PVE 9 split VM.Monitor into VM.GuestAgent.*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    READ = "read"
    ACT = "act"
    RESET = "reset"


@dataclass(frozen=True)
class Need:
    privilege: str
    purpose: Purpose
    loss: str
    places: tuple[str, ...] = ("/vms", "/pool")
    # PVE 8 knows it by this name.
    before_9: str = ""

    def name(self, major: int) -> str:
        return self.before_9 if major < 9 and self.before_9 else self.privilege


NEEDS = (
    Need("VM.Audit", Purpose.READ, "no guest can be seen at all"),
    Need(
        "VM.GuestAgent.Audit",
        Purpose.READ,
        "disk use and addresses of virtual machines are not known",
        before_9="VM.Monitor",
    ),
    Need("Sys.Audit", Purpose.READ, "the load of nodes is not shown", places=("/nodes",)),
    Need("Datastore.Audit", Purpose.READ, "storages are not shown", places=("/storage",)),
    Need("VM.PowerMgmt", Purpose.ACT, "servers cannot be started or stopped"),
    Need("VM.Console", Purpose.ACT, "consoles do not open"),
    Need("VM.Snapshot", Purpose.ACT, "snapshots cannot be taken"),
    Need("VM.Snapshot.Rollback", Purpose.ACT, "snapshots cannot be rolled back"),
    Need("VM.Config.Cloudinit", Purpose.ACT, "no root password can be set for the next boot"),
    Need("VM.Allocate", Purpose.ACT, "servers cannot be deleted"),
    Need(
        "VM.GuestAgent.Unrestricted",
        Purpose.RESET,
        "the root password of a running server cannot be reset",
        before_9="VM.Monitor",
    ),
)
INDISPENSABLE = "VM.Audit"

ROLES = {Purpose.READ: "PanelRead", Purpose.ACT: "PanelAct", Purpose.RESET: "PanelReset"}


def holds(permissions: Mapping[str, frozenset[str]], need: Need, major: int) -> bool:
    """Whether the token has it anywhere that counts: on /, or on what it is needed for."""
    name = need.name(major)
    return any(
        name in privileges
        and (path == "/" or any(path == p or path.startswith(p + "/") for p in need.places))
        for path, privileges in permissions.items()
    )


def missing(
    permissions: Mapping[str, frozenset[str]], purposes: Iterable[Purpose], major: int
) -> list[Need]:
    wanted = set(purposes)
    return [
        need for need in NEEDS if need.purpose in wanted and not holds(permissions, need, major)
    ]


def mending(token_id: str, lacking: Iterable[Need], major: int) -> list[str]:
    """The pveum lines, to be run as root on any node, that grant what is lacking.

    Rights of a token with privilege separation are those of its user that it was given too, so
    both get the role.
    """
    user = token_id.split("!")[0]
    lines: list[str] = []
    for purpose in dict.fromkeys(need.purpose for need in lacking):
        role = ROLES[purpose]
        names = dict.fromkeys(need.name(major) for need in NEEDS if need.purpose == purpose)
        lines += [
            f'pveum role add {role} --privs "{",".join(names)}"',
            f"pveum acl modify / --users '{user}' --roles {role}",
            f"pveum acl modify / --tokens '{token_id}' --roles {role}",
        ]
    return lines
