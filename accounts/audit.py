"""Writing the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from accounts.address import client_address
from accounts.models import AuditEntry, Source, User


@dataclass(frozen=True)
class Actor:
    """Who is behind a change: a person, or the panel itself, and the way they came.

    `user` is whose rights count. Where one of the staff acts on behalf of a customer, that is the
    customer, and `staff` is the one whose hand it is.
    """

    user: User | None
    source: Source
    address: str | None = None
    staff: User | None = None

    @property
    def hand(self) -> User | None:
        """Who really did it."""
        return self.staff or self.user

    @classmethod
    def of(cls, request: HttpRequest, source: Source) -> "Actor":
        user = request.user if isinstance(request.user, User) else None
        staff = getattr(request, "acting_staff", None)
        return cls(user, source, client_address(request), staff)


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
    hand, customer = actor.hand, actor.user if actor.staff else None
    AuditEntry.objects.create(
        at=now,
        actor=hand,
        actor_email=hand.email if hand else "",
        on_behalf_of=customer,
        on_behalf_of_email=customer.email if customer else "",
        source=actor.source,
        address=actor.address,
        event=event,
        object_type=object_type,
        object_id=object_id,
        details=details or {},
    )
