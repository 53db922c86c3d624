"""Writing the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from accounts.address import client_address
from accounts.models import AuditEntry, Source, User


@dataclass(frozen=True)
class Actor:
    """Who is behind a change: a person, or the panel itself, and the way they came."""

    user: User | None
    source: Source
    address: str | None = None

    @classmethod
    def of(cls, request: HttpRequest, source: Source) -> "Actor":
        user = request.user if isinstance(request.user, User) else None
        return cls(user, source, client_address(request))


SYSTEM = Actor(None, Source.SYSTEM)
COMMAND = Actor(None, Source.COMMAND)


def record(
    event: str,
    *,
    actor: Actor,
    now: datetime,
    object_type: str,
    object_id: int | None = None,
    details: dict[str, object] | None = None,
) -> None:
    """Add one entry. Call it in the transaction of the change that it tells of."""
    AuditEntry.objects.create(
        at=now,
        actor=actor.user,
        actor_email=actor.user.email if actor.user else "",
        source=actor.source,
        address=actor.address,
        event=event,
        object_type=object_type,
        object_id=object_id,
        details=details or {},
    )
