"""The first two people of an installation: who runs it, and who has servers in it."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit, roles
from accounts.audit import Actor
from accounts.models import Source, User
from alerts import invitations
from panel.first_run import key
from servers import ownership
from servers.models import Server


def first_administrator(
    email: str, password: str, *, language: str, address: str | None, now: datetime
) -> User | None:
    """None where there is an administrator by now, or somebody of this mail address."""
    try:
        with transaction.atomic():
            if not key.is_wanted():
                return None
            user = User.objects.create_user(email, password, role=roles.ADMIN, language=language)
            audit.record(
                "person.first_administrator",
                actor=Actor(user, Source.WEB, address),
                now=now,
                object_type="user",
                object_id=user.pk,
            )
    except IntegrityError:
        return None
    return user


def add_customer(
    email: str, servers: Iterable[Server], *, language: str, actor: Actor, now: datetime
) -> User | None:
    """With these servers, and invited by mail. None where there is somebody of this address."""
    try:
        with transaction.atomic():
            customer = User.objects.create_user(email, None, language=language)
            audit.record(
                "person.added", actor=actor, now=now, object_type="user", object_id=customer.pk
            )
            ownership.assign(servers, customer, actor=actor, now=now)
            invitations.invite(customer, actor=actor, now=now)
    except IntegrityError:
        return None
    return customer
