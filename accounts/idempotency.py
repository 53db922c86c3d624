"""Idempotency-Key: a request that is repeated is answered as before and does nothing again."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from accounts.models import IdempotentReply, User

LONGEST_KEY = 128
KEPT_FOR = timedelta(hours=24)

Reply = tuple[int, dict[str, Any]]


class KeyReused(Exception):
    """The key came before, with another request."""


class InProgress(Exception):
    """The same request is being carried out at this moment."""


def once(
    user: User,
    key: str,
    *,
    request: Mapping[str, object],
    act: Callable[[], Reply],
    now: datetime,
    secrets: tuple[str, ...] = (),
) -> Reply:
    """Status and body of `act`, or of the time before with this key.

    Only what was carried out is kept: a request that was refused may be repeated and then be
    taken. `secrets` are the fields of the body that are answered once and null from then on.
    Raises KeyReused, InProgress.
    """
    if not key:
        return act()
    key = hash_of(key)
    fingerprint = fingerprint_of(request)
    try:
        # The key is taken in the transaction of what it stands for: both or neither.
        with transaction.atomic():
            kept = IdempotentReply.objects.create(
                user=user, key=key, fingerprint=fingerprint, created_at=now
            )
            status, body = act()
            kept.status = status
            kept.body = {name: None if name in secrets else value for name, value in body.items()}
            kept.save(update_fields=["status", "body"])
            return status, body
    except IntegrityError:
        before = kept_of(user, key, fingerprint)
        if before is None:
            raise
    return before


def replay(user: User, key: str, *, request: Mapping[str, object]) -> Reply | None:
    """What was answered to this request before; None where it did not come yet.

    For one that took away what it names, and cannot be begun again. Raises as `once`.
    """
    return kept_of(user, hash_of(key), fingerprint_of(request)) if key else None


def kept_of(user: User, hashed_key: str, fingerprint: str) -> Reply | None:
    kept = IdempotentReply.objects.filter(user=user, key=hashed_key).first()
    if kept is None:
        return None
    if kept.fingerprint != fingerprint:
        raise KeyReused
    if not kept.status:
        raise InProgress
    return kept.status, kept.body


def hash_of(key: str) -> str:
    """To MariaDB two keys that differ by case or accents alone, or by blanks at the end, are the
    same: what one of them stands for would be answered to the other, and not be done."""
    return sha256(key.encode()).hexdigest()


def fingerprint_of(request: Mapping[str, object]) -> str:
    """A keyed hash, since the body may hold a password that was chosen."""
    text = json.dumps(request, sort_keys=True, default=str)
    return salted_hmac("accounts.idempotency", text, algorithm="sha256").hexdigest()


def forget(now: datetime) -> int:
    deleted, _ = IdempotentReply.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return deleted
