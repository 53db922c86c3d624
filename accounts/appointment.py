"""Giving people roles, and taking them away."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, roles
from accounts.audit import Actor
from accounts.models import ApiSession, User


class NotThis(Exception):
    """It would leave nobody who can put things right; `str()` says so."""


def appoint(
    person: User, role: str, *, actor: Actor, now: datetime, tell: Callable[[int], object]
) -> bool:
    """The person has this role from now on; False where they had it. Raises NotThis.

    Who loses rights loses the API's sessions, and `tell` is called with their id, so that sockets
    are looked at anew. Pages ask at each request.
    """
    if person.role == role and agrees(person):
        return False
    with transaction.atomic():
        if person.role == roles.ADMIN:
            check_may_lose(person, actor)
        changed = User.objects.filter(pk=person.pk, role=person.role).update(
            role=role, **roles.flags(role)
        )
        if not changed:
            return False
        audit.record(
            "person.role_changed",
            actor=actor,
            now=now,
            object_type="person",
            object_id=person.pk,
            details={"from": person.role, "to": role},
        )
        if roles.is_less(role, person.role):
            ApiSession.objects.filter(user=person, ended_at=None).update(ended_at=now)
            tell(person.pk)
    person.role = role
    for name, value in roles.flags(role).items():
        setattr(person, name, value)
    return True


def check_may_lose(person: User, actor: Actor) -> None:
    """Whether an administrator may stop being one, or being let in. Asked in the transaction
    that changes it, the second of two at once, of each other, waits for the first. Raises NotThis."""
    if actor.hand is not None and actor.hand.pk == person.pk:
        raise NotThis(_("This is your own account: another administrator can do that."))
    administrators = User.objects.select_for_update().filter(role=roles.ADMIN, is_active=True)
    with transaction.atomic():
        others = set(administrators.values_list("pk", flat=True)) - {person.pk}
    if not others:
        raise NotThis(_("This is the last administrator: make somebody else one first."))


def agrees(person: User) -> bool:
    """Whether Django's own marks are those of the role."""
    return all(getattr(person, name) == value for name, value in roles.flags(person.role).items())


def disagreeing() -> list[User]:
    """People whose marks are not those of their role, as after a change by hand."""
    suspects = User.objects.only("email", "role", "is_staff", "is_superuser")
    return [
        person
        for person in suspects.exclude(role="", is_staff=False, is_superuser=False)
        if not agrees(person)
    ]
