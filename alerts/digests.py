"""What happened while nobody looked, found out afterwards: one message for each owner, no more."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from accounts.models import User
from alerts import destinations, letters, mutes, outbox
from alerts.decide import Reason, quiet_until
from alerts.episodes import AT_ONCE, chunks
from alerts.models import Alert, AlertEvent, AlertPreferences, Notification, Severity
from alerts.situation import silences
from alerts.telling import locked_preferences, put_off, unless_it_fails

# So that what several clusters find is one message.
GRACE = timedelta(minutes=2)
OWNERS_AT_ONCE = 1000
# In one message, which names the first and counts the rest.
MOST_ALERTS = 20_000
UNASKED_SECONDS = 6 * 3600


def store(alerts: Sequence[Alert], *, now: datetime) -> None:
    """Episodes that are over already, to be told of together. Call it in a transaction."""
    tell_at = now + GRACE
    for alert in alerts:
        alert.active, alert.found_later, alert.tell_at = None, True, tell_at
    Alert.objects.bulk_create(alerts, batch_size=AT_ONCE)
    servers = list({alert.server_id for alert in alerts})
    for some in chunks(servers):
        # MySQL tells no numbers of rows that are inserted together.
        stored = Alert.objects.filter(server__in=some, found_later=True, tell_at=tell_at)
        AlertEvent.objects.bulk_create(
            [
                AlertEvent(alert_id=pk, at=at or now, kind=kind)
                for pk, fired_at, ended_at in stored.values_list("pk", "fired_at", "ended_at")
                for at, kind in (
                    (fired_at, AlertEvent.Kind.FIRED),
                    (ended_at, AlertEvent.Kind.ENDED),
                )
            ],
            batch_size=AT_ONCE,
        )


def note_unasked(servers: Mapping[int, int]) -> None:
    """By owner, of how many servers it could not be found out. Without Redis nobody says so."""
    try:
        for owner, count in servers.items():
            cache.set(key_of(owner), unasked(owner) + count, UNASKED_SECONDS)
    except (RedisError, OSError):
        return


def unasked(owner_id: int) -> int:
    try:
        return int(cache.get(key_of(owner_id)) or 0)
    except (RedisError, OSError):
        return 0


def key_of(owner_id: int) -> str:
    return f"alerts:unasked:{owner_id}"


def tell_due(clock: Callable[[], datetime]) -> int:
    """Everything that is due; returns of how many owners."""
    now = clock()
    due = Alert.objects.filter(tell_at__lte=now, found_later=True, owner__isnull=False)
    owners = list(due.order_by("owner").values_list("owner_id", flat=True).distinct())
    for owner in owners[:OWNERS_AT_ONCE]:
        unless_it_fails(partial(tell_owner, owner, now=clock()), partial(put_off, owner, now=now))
    return len(owners)


def tell_owner(owner_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        preferences = locked_preferences(owner_id)
        due = list(
            Alert.objects.filter(owner=owner_id, tell_at__lte=now, found_later=True)
            .select_related("server", "rule")
            .order_by("fired_at", "pk")[:MOST_ALERTS]
        )
        if not due:
            return
        until = held_until(preferences, due, now)
        if until is not None:
            hold(due, until, now)
            return
        tell(preferences.user, due, now=now)


def held_until(
    preferences: AlertPreferences, due: Sequence[Alert], now: datetime
) -> datetime | None:
    """The end of the quiet hours, unless something critical is among them."""
    until = quiet_until(
        preferences.quiet_from, preferences.quiet_until, preferences.user.time_zone, now
    )
    critical = any(alert.severity == Severity.CRITICAL for alert in due)
    return None if critical and preferences.critical_anyway else until


def hold(due: Sequence[Alert], until: datetime, now: datetime) -> None:
    put_at([alert.pk for alert in due], until)
    note(due, AlertEvent.Kind.HELD, now, reason=Reason.QUIET, until=until)


def put_at(ids: Sequence[int], tell_at: datetime | None) -> None:
    for some in chunks(ids):
        Alert.objects.filter(pk__in=some).update(tell_at=tell_at)


def tell(person: User, due: Sequence[Alert], *, now: datetime) -> None:
    put_at([alert.pk for alert in due], None)
    # What a server did is nothing to whose it is not any more.
    lost = [alert for alert in due if alert.server.owner_id != person.pk]
    theirs = [alert for alert in due if alert.server.owner_id == person.pk]
    silent = list(mutes.in_force(now).filter(owner=person))
    muted = {alert.pk for alert in theirs if any(silences(mute, alert) for mute in silent)}
    left = [alert for alert in theirs if alert.pk not in muted]
    note(lost, AlertEvent.Kind.NOT_TOLD, now, reason=Reason.OWNER_CHANGED)
    note(
        [alert for alert in theirs if alert.pk in muted],
        AlertEvent.Kind.NOT_TOLD, now, reason=Reason.MUTED,
    )  # fmt: skip
    channels = destinations.usable(person, [], now=now) if left else []
    if left and not channels:
        note(left, AlertEvent.Kind.NOT_TOLD, now, reason=Reason.NO_CHANNEL)
    for channel in channels:
        letter = letters.compose(
            Notification.Kind.DIGEST,
            person,
            alerts=left,
            now=now,
            count=unasked(person.pk),
        )
        notification = outbox.tell(
            person,
            subject=letter.subject,
            body=letter.body,
            # The same alerts are in no other digest.
            key=f"digest-{person.pk}-{left[0].pk}-{channel.pk}",
            kind=Notification.Kind.DIGEST,
            channel=channel,
            alerts=left,
            now=now,
        )
        note(left, AlertEvent.Kind.TOLD, now, notification=notification)


def note(
    alerts: Sequence[Alert],
    kind: AlertEvent.Kind,
    now: datetime,
    *,
    reason: Reason | None = None,
    until: datetime | None = None,
    notification: Notification | None = None,
) -> None:
    AlertEvent.objects.bulk_create(
        [
            AlertEvent(
                alert=alert,
                at=now,
                kind=kind,
                reason=reason.value if reason else "",
                until=until,
                notification=notification,
            )
            for alert in alerts
        ],
        batch_size=AT_ONCE,
    )
