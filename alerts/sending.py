"""A notification on its way: whether it may still go, what goes, and by which channel."""

from datetime import datetime

from alerts import destinations, failings, letters
from alerts.channels import CHANNELS, MAIL
from alerts.channels.base import Channel, Hopeless, Message, Postponed
from alerts.models import Notification, NotificationChannel
from servers.secrets import LostSecret

Kind = Notification.Kind
LOST = failings.LOST_SECRET
TO_ONESELF = (Kind.NOTICE, Kind.INVITATION, Kind.PASSWORD)
# What follows upon one of these stands in one thread with it.
FOLLOWING = {
    Kind.REMINDER: (Kind.FIRED, Kind.FLAPPING),
    Kind.RECOVERED: (Kind.FIRED, Kind.FLAPPING),
    Kind.FAULT_OVER: (Kind.FAULT,),
    Kind.INCIDENT_OVER: (Kind.INCIDENT,),
}


def send(notification: Notification, *, now: datetime) -> str:
    """What was answered. Raises Hopeless, Postponed, or OSError where it may work another time."""
    check_recipient(notification)
    check_channel(notification)
    how = CHANNELS[notification.channel_kind]
    return how.send(message_of(notification, how, now))


def check_recipient(notification: Notification) -> None:
    recipient = notification.recipient
    if recipient is None or not recipient.is_active:
        raise Hopeless(failings.NO_ACCESS)


def check_channel(notification: Notification) -> None:
    channel = notification.channel
    if notification.channel_kind not in CHANNELS:
        raise Hopeless(failings.NO_SUCH_KIND)
    if channel is None:
        if not is_to_oneself(notification):
            raise Hopeless(failings.REMOVED)
        return
    if channel.owner_id != notification.recipient_id:
        raise Hopeless(failings.SOMEBODY_ELSES)
    if channel.confirmed_at is None and not asks_to_confirm(notification):
        raise Hopeless(failings.NOT_CONFIRMED)
    if notification.kind not in (Kind.TEST, Kind.NOTICE):
        check_open(channel)


def is_to_oneself(notification: Notification) -> bool:
    """Notices and ways in alone go to an address without a channel: to the person's own, and to none that a
    channel had which was removed meanwhile."""
    recipient = notification.recipient
    return (
        recipient is not None
        and notification.kind in TO_ONESELF
        and notification.channel_kind == MAIL
        and notification.address == recipient.email
    )


def check_open(channel: NotificationChannel) -> None:
    """A test goes out all the same: it is how one sees whether the channel works again."""
    if not channel.enabled:
        raise Hopeless(failings.SWITCHED_OFF)
    if channel.failed_at is not None:
        raise Hopeless(failings.REFUSED_BEFORE % {"why": channel.failure})


def asks_to_confirm(notification: Notification) -> bool:
    channel = notification.channel
    return (
        notification.kind == Kind.NOTICE and channel is not None and channel.confirmed_at is None
    )


def message_of(notification: Notification, how: Channel, now: datetime) -> Message:
    channel = notification.channel
    secret = destinations.secret_of(channel) if channel else ""
    if isinstance(secret, LostSecret):
        # Once the key is back, so is the channel.
        raise Postponed(LOST)
    dress = letters.dress(notification) if how.is_dressed else letters.UNDRESSED
    return Message(
        notification,
        event=event_of(notification),
        target=destinations.target_of(channel) if channel else notification.address,
        secret=secret,
        now=now,
        answers=answered_by(notification),
        footer=dress.footer,
        html=dress.html,
        picture=dress.picture,
        unsubscribe=dress.unsubscribe,
    )


def event_of(notification: Notification) -> str:
    """With the time, as numbers begin anew in a new database."""
    return f"notification.{notification.pk}.{int(notification.created_at.timestamp())}"


def answered_by(notification: Notification) -> str:
    """The event that this one follows upon, at the same channel."""
    if notification.after is not None:
        return event_of(notification.after)
    firsts = FOLLOWING.get(Kind(notification.kind), ())
    if not firsts or notification.channel is None:
        return ""
    before = Notification.objects.filter(
        channel=notification.channel, kind__in=firsts, pk__lt=notification.pk
    )
    if notification.incident_id:
        before = before.filter(incident=notification.incident_id)
    else:
        before = before.filter(alerts__in=notification.alerts.all())
    first = before.order_by("pk").first()
    return event_of(first) if first else ""
