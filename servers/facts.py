"""What a guest's configuration says that pages and decisions need, kept beside the server.

Read whenever its configuration is read anyway: when its identity is looked at, before an action,
and when somebody opens a page that offers what depends on it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from servers.models import Server
from servers.proxmox.types import GuestConfig


@dataclass(frozen=True)
class Facts:
    agent_enabled: bool = False
    has_screen: bool = False
    has_serial: bool = False
    has_cloud_init: bool = False
    cloud_init_user: str = ""
    is_windows: bool = False
    is_protected: bool = False
    # Those that its disks are on.
    storages: Sequence[str] = ()


NAMES = frozenset(Facts.__dataclass_fields__)


def facts_of(server: Server) -> Facts | None:
    """None where its configuration has not been read yet."""
    if server.facts_at is None:
        return None
    return Facts(**{name: value for name, value in server.facts.items() if name in NAMES})


# What was read so lately and says the same needs not be written again.
STILL_NEW = timedelta(minutes=5)


def note(server_id: int, config: GuestConfig, *, now: datetime) -> None:
    Server.objects.filter(pk=server_id, present=True).update(facts=values_of(config), facts_at=now)


def refresh(server: Server, config: GuestConfig, *, now: datetime) -> None:
    """As `note`, unless the server bears the same, and newly."""
    is_new = server.facts_at is not None and abs(now - server.facts_at) < STILL_NEW
    if not (is_new and server.facts == values_of(config)):
        note(server.pk, config, now=now)


def values_of(config: GuestConfig) -> dict[str, object]:
    values = {name: value for name, value in asdict(config).items() if name in NAMES}
    return values | {"storages": sorted({disk.storage for disk in config.disks if disk.storage})}
