"""The snapshot that may be taken before a change, as an app above this one offers it to pages."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from servers import power
from servers.models import Server
from servers.operations import MakePrelude

FIELD = "snapshot_first"
# What a snapshot makes safer: after it, the server can be had back as it was.
CHANGES = (power.REBOOT, power.RESET)


@dataclass(frozen=True)
class Safety:
    """`refused` says why none can be taken now, empty where one can; `prelude` raises Invalid."""

    prelude: MakePrelude
    refused: Callable[[Server], str]


def wished(request: HttpRequest, safety: Safety | None) -> MakePrelude | None:
    """What takes one first, if that box was ticked."""
    return safety.prelude if safety and request.POST.get(FIELD) else None
