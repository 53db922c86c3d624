"""Telling people something: a row now, a message as soon as a worker gets to it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import User
from alerts.channels import CHANNELS
from alerts.models import Alert, Incident, Notification, NotificationChannel
from alerts.plain import one_line, plain
from servers.models import Server
from servers.queue import enqueue

LONGEST_KEY = 128


def tell(
    user: User,
    *,
    subject: str,
    body: str,
    key: str | None,
    now: datetime,
    server: Server | None = None,
    kind: str = Notification.Kind.NOTICE,
    channel: NotificationChannel | None = None,
    alerts: Sequence[Alert] = (),
    incident: Incident | None = None,
    after: Notification | None = None,
) -> Notification:
    """Have a message sent to this person, in plain text; without a channel by mail.

    `key` names what it tells of, in up to 128 ASCII characters, the person with it where several
    are told. The same is told once: whoever comes second gets the notification that is there.
    `after`: it waits until that one is through.
    """
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii()):
        raise ValueError(f"{key!r} cannot be the key of a notification.")
    with transaction.atomic():
        fields = {
            "recipient": user,
            "kind": kind,
            "channel": channel,
            "channel_kind": channel.kind if channel else "mail",
            "address": address_of(user, channel),
            "incident": incident,
            "after": after,
            "subject": one_line(subject),
            "body": plain(body),
            "server": server,
            "created_at": now,
            "next_attempt_at": now,
        }
        if key is None:
            notification, made = Notification.objects.create(**fields), True
        else:
            notification, made = Notification.objects.get_or_create(key=key, defaults=fields)
        if alerts:
            notification.alerts.add(*alerts)
        if made:
            enqueue("alerts.deliver", notification_id=notification.pk)
    return notification


def address_of(user: User, channel: NotificationChannel | None) -> str:
    """As people and the log may see it: what some targets hold is a secret."""
    if channel is None or channel.own_address:
        return user.email
    return CHANNELS[channel.kind].shown(channel.target)
