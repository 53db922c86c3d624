"""Telling people by mail how they get in: an invitation, or a link to a new password."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from alerts import letters, outbox
from alerts.models import Notification

Kind = Notification.Kind
# Whoever asks again and again fills nobody's mailbox.
NOT_AGAIN_FOR = timedelta(minutes=5)


def invite(user: User, *, actor: Actor, now: datetime) -> Notification:
    """By a mail with a link to choose a password, sent as any other: see it in notifications."""
    letter = letters.of_invitation(user)
    with transaction.atomic():
        told = outbox.tell(
            user,
            subject=letter.subject,
            body=letter.body,
            key=None,
            kind=Kind.INVITATION,
            now=now,
        )
        audit.record("person.invited", actor=actor, now=now, object_type="user", object_id=user.pk)
    return told


def send_password_link(email: str, *, actor: Actor, now: datetime) -> None:
    """To the person of this address, if there is one who may sign in, and did not ask just now."""
    user = User.objects.filter(email=User.objects.normalize_email(email), is_active=True).first()
    if user is None or was_sent_lately(user, now):
        return
    letter = letters.of_password(user)
    with transaction.atomic():
        outbox.tell(
            user, subject=letter.subject, body=letter.body, key=None, kind=Kind.PASSWORD, now=now
        )
        audit.record(
            "account.password_link_asked",
            actor=actor,
            now=now,
            object_type="user",
            object_id=user.pk,
        )


def was_sent_lately(user: User, now: datetime) -> bool:
    sent = Notification.objects.filter(recipient=user, kind=Kind.PASSWORD)
    return sent.filter(created_at__gt=now - NOT_AGAIN_FOR, created_at__lte=now).exists()
