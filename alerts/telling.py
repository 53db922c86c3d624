"""Telling people of their alerts: what is due is decided, owner by owner, and put into the outbox.

The cycle only marks an alert as to be decided (`tell_at`); nothing that is slow here keeps it
waiting, and whatever dies on the way is found by the next pass.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, connection, transaction
from django.db.models import Max

from alerts import incidents, letters, outbox
from alerts.decide import Decision, Drop, Hold, Message, Reason, Tell
from alerts.models import (
    Alert,
    AlertEvent,
    AlertPreferences,
    Incident,
    Notification,
    NotificationChannel,
)
from alerts.situation import Situation

logger = logging.getLogger(__name__)

AFTER_A_FAILURE = timedelta(minutes=1)
OWNERS_AT_ONCE = 5000
# Of one owner, in one transaction.
ALERTS_AT_ONCE = 1000
TOLD = {
    Message.RECOVERED: AlertEvent.Kind.TOLD_RECOVERY,
    Message.REMINDER: AlertEvent.Kind.REMINDED,
}
# Fields of an alert, by name, in an order: so that alike is the same.
Change = tuple[tuple[str, object], ...]


def tell_due(clock: Callable[[], datetime]) -> int:
    """Everything that is due but digests; returns of how many owners."""
    now = clock()
    for incident in incidents.due(now):
        unless_it_fails(
            partial(incidents.tell, incident, now=now),
            partial(incidents.put_off, incident, now=now),
        )
    leave_ownerless(now)
    due = Alert.objects.filter(tell_at__lte=now, owner__isnull=False, found_later=False)
    owners = due.order_by("owner_id").values_list("owner_id", flat=True).distinct()
    told = list(owners[:OWNERS_AT_ONCE])
    for owner in told:
        unless_it_fails(partial(tell_owner, owner, now=clock()), partial(put_off, owner, now=now))
    return len(told)


def unless_it_fails(tell: Callable[[], None], put_off: Callable[[], object]) -> None:
    """What is odd about one keeps nobody else waiting; it is tried again after a while."""
    try:
        with transaction.atomic():
            tell()
    except (DatabaseError, LookupError, ValueError):
        logger.exception("Somebody could not be told.")
        put_off()


def put_off(owner_id: int, *, now: datetime) -> None:
    Alert.objects.filter(owner=owner_id, tell_at__lte=now).update(tell_at=now + AFTER_A_FAILURE)


def leave_ownerless(now: datetime) -> None:
    """Of a server without owner, staff see the alerts, and nobody is told."""
    with transaction.atomic():
        ids = list(
            Alert.objects.filter(tell_at__lte=now, owner=None).values_list("pk", flat=True)[
                :ALERTS_AT_ONCE
            ]
        )
        if ids:
            Alert.objects.filter(pk__in=ids, owner=None).update(tell_at=None)
            AlertEvent.objects.bulk_create(
                AlertEvent(
                    alert_id=alert,
                    at=now,
                    kind=AlertEvent.Kind.NOT_TOLD,
                    reason=Reason.NO_OWNER.value,
                )
                for alert in ids
            )


def tell_owner(owner_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        # One at a time for each owner, so that of one rule one mail goes out.
        preferences = locked_preferences(owner_id)
        due = list(
            Alert.objects.filter(owner=owner_id, tell_at__lte=now, found_later=False)
            .select_related("server__cluster", "rule", "incident", "owner")
            .order_by("fired_at", "pk")[:ALERTS_AT_ONCE]
        )
        if due:
            Round(Situation(preferences.user, preferences, due, now)).tell()


def locked_preferences(owner_id: int) -> AlertPreferences:
    AlertPreferences.objects.get_or_create(user_id=owner_id)
    # Not the person's row with it, which others lock in another order.
    return AlertPreferences.objects.select_for_update().get(user_id=owner_id)


class Round:
    """What is decided for one owner at one time is carried out, alike alerts together."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.now = situation.now

    def tell(self) -> None:
        telling: dict[Message, list[Alert]] = defaultdict(list)
        kept_back: list[tuple[Alert, Hold | Drop]] = []
        for change, decided in self.alike().items():
            mine = still_as_read([alert for alert, _ in decided])
            Alert.objects.filter(pk__in=mine).update(**dict(change))
            for alert, decision in decided:
                if alert.pk not in mine:
                    # It changed meanwhile, which is a round of its own.
                    continue
                if isinstance(decision, Tell):
                    telling[decision.message].append(alert)
                else:
                    kept_back.append((alert, decision))
        self.note_silence(kept_back)
        for message, alerts in telling.items():
            SEND[message](self, sorted(alerts, key=lambda alert: (alert.fired_at, alert.pk)))

    def alike(self) -> Mapping[Change, list[tuple[Alert, Decision]]]:
        """What is due, by what changes of it."""
        found: dict[Change, list[tuple[Alert, Decision]]] = defaultdict(list)
        for alert in self.situation.due:
            decision = self.situation.decision(alert)
            if isinstance(decision, Tell):
                change = self.told(alert, decision.message)
            else:
                change = self.held(alert, decision)
            found[tuple(sorted(change.items()))].append((alert, decision))
        return found

    def told(self, alert: Alert, message: Message) -> dict[str, object]:
        if message == Message.RECOVERED:
            return {"tell_at": None}
        change: dict[str, object] = {"tell_at": None, "told_at": self.now}
        if message == Message.FAULT:
            cause = self.situation.cause(alert)
            return change | {"incident": cause.pk if cause else None}
        if alert.active and alert.rule and alert.rule.remind_every:
            change["tell_at"] = self.now + timedelta(seconds=alert.rule.remind_every)
        return change

    def held(self, alert: Alert, decision: Hold | Drop) -> dict[str, object]:
        change: dict[str, object] = {
            "tell_at": decision.until if isinstance(decision, Hold) else None
        }
        if alert.active and alert.told_at is None:
            # So that it is decided anew when the fault is over, and ends with it.
            cause = self.situation.cause(alert)
            change["incident"] = cause.pk if cause else None
        return change

    def note_silence(self, kept_back: Sequence[tuple[Alert, Hold | Drop]]) -> None:
        """Each with its reason; that nothing more is told of what was told needs no word."""
        silent = [
            (alert, decision)
            for alert, decision in kept_back
            if decision.reason != Reason.REMINDER and not (alert.told_at and alert.active)
        ]
        last = last_events(alert.pk for alert, _ in silent)
        new: list[AlertEvent] = []
        longer: dict[datetime | None, list[int]] = defaultdict(list)
        for alert, decision in silent:
            event = silence(alert, decision, self.now)
            before = last.get(alert.pk)
            if before and (before.kind, before.reason) == (event.kind, event.reason):
                longer[event.until].append(before.pk)
            else:
                new.append(event)
        AlertEvent.objects.bulk_create(new)
        for until, events in longer.items():
            AlertEvent.objects.filter(pk__in=events).update(until=until)

    # Sending

    def send_together(self, message: Message, alerts: Sequence[Alert]) -> None:
        """One message for each channel, of all that go there."""
        by_channel: dict[NotificationChannel, list[Alert]] = defaultdict(list)
        for alert in alerts:
            for channel in self.situation.destinations(alert, message):
                by_channel[channel].append(alert)
        for channel, of_channel in by_channel.items():
            self.put_out(message, channel, of_channel)

    def send_flapping(self, alerts: Sequence[Alert]) -> None:
        """Of a rule and server once, whichever of its episodes is asked about."""
        alike: dict[tuple[int, int | None], list[Alert]] = defaultdict(list)
        for alert in alerts:
            alike[alert.server_id, alert.rule_id].append(alert)
        for key, episodes in alike.items():
            count = self.situation.episodes[key].lately
            for channel in self.situation.destinations(episodes[-1], Message.FLAPPING):
                self.put_out(Message.FLAPPING, channel, episodes, count=count)

    def send_faults(self, alerts: Sequence[Alert]) -> None:
        together: dict[tuple[Incident, NotificationChannel], list[Alert]] = defaultdict(list)
        for alert in alerts:
            cause = self.situation.cause(alert)
            if cause is not None:
                for channel in self.situation.destinations(alert, Message.FAULT):
                    together[cause, channel].append(alert)
        for (cause, channel), of_cause in together.items():
            self.put_out(Message.FAULT, channel, of_cause, incident=cause)

    def send_recoveries(self, alerts: Sequence[Alert]) -> None:
        """To where it was told that they fire, and after that. What waits for one that may yet be
        given up waits alone: of the others it was told."""
        together: dict[
            tuple[NotificationChannel, int | None], list[tuple[Alert, Notification]]
        ] = defaultdict(list)
        for alert in alerts:
            for first in self.situation.firsts.get(alert.pk, ()):
                if first.channel:
                    is_sent = first.status == Notification.Status.SENT
                    together[first.channel, None if is_sent else first.pk].append((alert, first))
        for (channel, _waited_for), pairs in together.items():
            newest = max((first for _, first in pairs), key=lambda first: first.pk)
            over = list({alert.pk: alert for alert, _ in pairs}.values())
            self.put_out(Message.RECOVERED, channel, over, after=newest)

    def put_out(
        self,
        message: Message,
        channel: NotificationChannel,
        alerts: Sequence[Alert],
        *,
        incident: Incident | None = None,
        after: Notification | None = None,
        count: int = 0,
    ) -> None:
        kind = Notification.Kind(message.value)
        letter = letters.compose(
            kind, self.situation.owner, alerts=alerts, incident=incident, now=self.now, count=count
        )
        notification = outbox.tell(
            self.situation.owner,
            subject=letter.subject,
            body=letter.body,
            # Of a fault, each is told once, whenever what comes of it fires.
            key=f"fault-{incident.pk}-{self.situation.owner.pk}-{channel.pk}"
            if incident
            else None,
            kind=kind,
            channel=channel,
            alerts=alerts,
            incident=incident,
            after=after,
            server=alerts[0].server if len(alerts) == 1 else None,
            now=self.now,
        )
        told = TOLD.get(message, AlertEvent.Kind.TOLD)
        AlertEvent.objects.bulk_create(
            AlertEvent(alert=alert, at=self.now, kind=told, notification=notification)
            for alert in alerts
        )


SEND: dict[Message, Callable[[Round, Sequence[Alert]], None]] = {
    Message.FIRED: lambda round, alerts: round.send_together(Message.FIRED, alerts),
    Message.REMINDER: lambda round, alerts: round.send_together(Message.REMINDER, alerts),
    Message.RECOVERED: lambda round, alerts: round.send_recoveries(alerts),
    Message.FLAPPING: lambda round, alerts: round.send_flapping(alerts),
    Message.FAULT: lambda round, alerts: round.send_faults(alerts),
}


def still_as_read(alerts: Sequence[Alert]) -> set[int]:
    """Those that nobody has changed since, locked. What a cycle is just changing is left to the
    next round, where the database can tell: two that wait for each other would both lose time."""
    skip = connection.features.has_select_for_update_skip_locked
    found: set[int] = set()
    alike: dict[tuple[bool | None, datetime | None, datetime | None], list[int]]
    alike = defaultdict(list)
    for alert in alerts:
        # Who acknowledges what is over changes nothing.
        acknowledged_at = alert.acknowledged_at if alert.active else None
        alike[alert.active, alert.tell_at, acknowledged_at].append(alert.pk)
    for (active, tell_at, acknowledged_at), ids in alike.items():
        rows = Alert.objects.filter(pk__in=ids, active=active, tell_at=tell_at)
        if active:
            rows = rows.filter(acknowledged_at=acknowledged_at)
        rows = rows.order_by("pk").select_for_update(skip_locked=skip)
        found.update(rows.values_list("pk", flat=True))
    return found


def silence(alert: Alert, decision: Hold | Drop, now: datetime) -> AlertEvent:
    is_held = isinstance(decision, Hold)
    return AlertEvent(
        alert=alert,
        at=now,
        kind=(AlertEvent.Kind.HELD if is_held else AlertEvent.Kind.NOT_TOLD).value,
        reason=decision.reason.value,
        until=decision.until if isinstance(decision, Hold) else None,
    )


def last_events(alerts: Iterable[int]) -> dict[int, AlertEvent]:
    """The newest of each of these alerts."""
    rows = AlertEvent.objects.filter(alert__in=list(alerts)).order_by()
    newest = rows.values_list("alert").annotate(last=Max("pk")).values_list("last", flat=True)
    return {event.alert_id: event for event in AlertEvent.objects.filter(pk__in=list(newest))}
