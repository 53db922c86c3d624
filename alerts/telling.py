"""Telling people of their alerts: what is due is decided, owner by owner, and put into the outbox.

The cycle only marks an alert as to be decided (`tell_at`); nothing that is slow here keeps it
waiting, and whatever dies on the way is found by the next pass.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import User
from alerts import destinations, incidents, letters, mutes, outbox
from alerts.decide import (
    Decision,
    Drop,
    Facts,
    Hold,
    Message,
    Reason,
    Silence,
    Tell,
    decide,
    quiet_until,
)
from alerts.lately import Episodes, episodes_of, firsts_of, is_of_fault, later
from alerts.models import (
    Alert,
    AlertEvent,
    AlertPreferences,
    Incident,
    MaintenanceWindow,
    Mute,
    Notification,
    NotificationChannel,
    Severity,
)

logger = logging.getLogger(__name__)

# When it is asked again whether a cluster that staff do not have polled is back.
TAKEN_OUT = timedelta(minutes=10)
AFTER_A_FAILURE = timedelta(minutes=1)
OWNERS_AT_ONCE = 5000
# Of one owner, in one transaction.
ALERTS_AT_ONCE = 1000
ENDED_WELL = ("", Alert.End.RECOVERED, Alert.End.VOID)
TOLD = {
    Message.RECOVERED: AlertEvent.Kind.TOLD_RECOVERY,
    Message.REMINDER: AlertEvent.Kind.REMINDED,
}


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
    owners = list(due.values_list("owner_id", flat=True).distinct()[:OWNERS_AT_ONCE])
    for owner in owners:
        unless_it_fails(partial(tell_owner, owner, now=clock()), partial(put_off, owner, now=now))
    return len(owners)


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
            Round(preferences.user, preferences, due, now).tell()


def locked_preferences(owner_id: int) -> AlertPreferences:
    AlertPreferences.objects.get_or_create(user_id=owner_id)
    # Not the person's row with it, which others lock in another order.
    return AlertPreferences.objects.select_for_update().get(user_id=owner_id)


class Round:
    """What is decided for one owner at one time."""

    def __init__(
        self, owner: User, preferences: AlertPreferences, due: Sequence[Alert], now: datetime
    ) -> None:
        self.owner = owner
        self.preferences = preferences
        self.due = due
        self.now = now
        servers = {alert.server_id for alert in due}
        self.episodes = episodes_of(owner, servers, now)
        self.mutes = list(mutes.in_force(now).filter(owner=owner))
        self.windows = list(incidents.open_windows(now))
        self.incidents = incidents.covering(servers)
        self.quiet_until = quiet_until(
            preferences.quiet_from, preferences.quiet_until, owner.time_zone, now
        )
        self.channels: dict[int | None, list[NotificationChannel]] = {}
        self.faults_told: dict[int, datetime | None] = {}
        self.firsts = firsts_of(alert.pk for alert in due if not alert.active and alert.told_at)

    def tell(self) -> None:
        telling: dict[Message, list[Alert]] = defaultdict(list)
        for alert in self.due:
            decision = self.decision(alert)
            if isinstance(decision, Tell):
                if self.take(alert, decision.message):
                    telling[decision.message].append(alert)
            else:
                self.keep_back(alert, decision)
        for message, alerts in telling.items():
            SEND[message](self, alerts)

    # Deciding

    def decision(self, alert: Alert) -> Decision:
        if alert.server.owner_id != alert.owner_id and alert.end_reason in ENDED_WELL:
            # No cycle has seen yet that it changed hands.
            return Drop(Reason.OWNER_CHANGED)
        cooldown = timedelta(seconds=settings.ALERT_MAIL_INTERVAL)
        decision = decide(self.facts(alert), cooldown=cooldown, now=self.now)
        if isinstance(decision, Tell) and not self.destinations(alert, decision.message):
            return Drop(Reason.NO_CHANNEL)
        return decision

    def facts(self, alert: Alert) -> Facts:
        rule = alert.rule
        episodes = self.episodes.get((alert.server_id, alert.rule_id), Episodes())
        remind = rule.remind_every if rule else None
        ended = not alert.active
        cause = None if ended else self.cause(alert)
        return Facts(
            ended=ended,
            ended_well=alert.end_reason in ENDED_WELL,
            told_at=alert.told_at,
            last_told=later(episodes.last_told, self.last_fault(cause)),
            lately=episodes.lately,
            acknowledged=alert.acknowledged_at is not None,
            critical=alert.severity == Severity.CRITICAL,
            tell_recovery=rule.tell_recovery if rule else True,
            remind_every=timedelta(seconds=remind) if remind else None,
            maintenance=self.maintenance(alert),
            mute=self.mute(alert),
            quiet_until=self.quiet_until,
            critical_anyway=self.preferences.critical_anyway,
            fault=is_of_fault(alert) if ended else cause is not None,
        )

    def maintenance(self, alert: Alert) -> Silence | None:
        ends = [window.ends_at for window in self.windows if concerns(window, alert)]
        if alert.active and not alert.server.cluster.enabled:
            # Staff have taken it out: what was true when it was polled last tells nothing now.
            ends.append(self.now + TAKEN_OUT)
        return Silence(max(ends)) if ends else None

    def mute(self, alert: Alert) -> Silence | None:
        covering = [mute for mute in self.mutes if silences(mute, alert)]
        if not covering:
            return None
        ends = [mute.until for mute in covering if mute.until]
        return Silence(max(ends) if len(ends) == len(covering) else None)

    def cause(self, alert: Alert) -> Incident | None:
        return incidents.cause_of(alert, self.incidents.get(alert.server_id, ()))

    def last_fault(self, cause: Incident | None) -> datetime | None:
        """When its owner was told of an earlier fault of the same host."""
        if cause is None:
            return None
        if cause.pk not in self.faults_told:
            self.faults_told[cause.pk] = incidents.told_lately(cause, self.owner, self.now)
        return self.faults_told[cause.pk]

    def destinations(self, alert: Alert, message: Message) -> list[NotificationChannel]:
        if message == Message.RECOVERED:
            return [first.channel for first in self.firsts.get(alert.pk, ()) if first.channel]
        if alert.rule_id not in self.channels:
            chosen = list(alert.rule.channels.all()) if alert.rule and alert.rule.owner_id else []
            self.channels[alert.rule_id] = destinations.usable(self.owner, chosen, now=self.now)
        return self.channels[alert.rule_id]

    # Storing

    def take(self, alert: Alert, message: Message) -> bool:
        """False where it changed meanwhile, which is a round of its own."""
        changes: dict[str, object] = {"tell_at": None}
        if message != Message.RECOVERED:
            changes["told_at"] = self.now
            if alert.active and alert.rule and alert.rule.remind_every:
                changes["tell_at"] = self.now + timedelta(seconds=alert.rule.remind_every)
        if message == Message.FAULT:
            changes["incident"] = self.cause(alert)
            changes["tell_at"] = None
        return self.change(alert, changes)

    def change(self, alert: Alert, changes: dict[str, object]) -> bool:
        as_read = Alert.objects.filter(
            pk=alert.pk,
            active=alert.active,
            tell_at=alert.tell_at,
            acknowledged_at=alert.acknowledged_at,
        )
        if alert.active is None:
            as_read = Alert.objects.filter(pk=alert.pk, active__isnull=True, tell_at=alert.tell_at)
        return bool(as_read.update(**changes))

    def keep_back(self, alert: Alert, decision: Hold | Drop) -> None:
        until = decision.until if isinstance(decision, Hold) else None
        changes: dict[str, object] = {"tell_at": until}
        if alert.active and alert.told_at is None:
            # So that it is decided anew when the fault is over, and ends with it.
            changes["incident"] = self.cause(alert)
        if not self.change(alert, changes):
            return
        if decision.reason == Reason.REMINDER or (alert.told_at and alert.active):
            # It was told; that nothing more is told needs no word.
            return
        kind = AlertEvent.Kind.HELD if isinstance(decision, Hold) else AlertEvent.Kind.NOT_TOLD
        last = alert.events.last()
        if last and (last.kind, last.reason) == (kind.value, decision.reason.value):
            # For the same reason, for longer.
            AlertEvent.objects.filter(pk=last.pk).update(until=until)
            return
        AlertEvent.objects.create(
            alert=alert, at=self.now, kind=kind, reason=decision.reason.value, until=until
        )

    # Sending

    def send_together(self, message: Message, alerts: Sequence[Alert]) -> None:
        """One message for each channel, of all that go there."""
        by_channel: dict[NotificationChannel, list[Alert]] = defaultdict(list)
        for alert in alerts:
            for channel in self.destinations(alert, message):
                by_channel[channel].append(alert)
        for channel, of_channel in by_channel.items():
            self.put_out(message, channel, of_channel)

    def send_flapping(self, alerts: Sequence[Alert]) -> None:
        """Of a rule and server once, whichever of its episodes is asked about."""
        alike: dict[tuple[int, int | None], list[Alert]] = defaultdict(list)
        for alert in alerts:
            alike[alert.server_id, alert.rule_id].append(alert)
        for key, episodes in alike.items():
            count = self.episodes[key].lately
            for channel in self.destinations(episodes[-1], Message.FLAPPING):
                self.put_out(Message.FLAPPING, channel, episodes, count=count)

    def send_faults(self, alerts: Sequence[Alert]) -> None:
        together: dict[tuple[Incident, NotificationChannel], list[Alert]] = defaultdict(list)
        for alert in alerts:
            cause = self.cause(alert)
            if cause is not None:
                for channel in self.destinations(alert, Message.FAULT):
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
            for first in self.firsts.get(alert.pk, ()):
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
            kind, self.owner, alerts=alerts, incident=incident, now=self.now, count=count
        )
        notification = outbox.tell(
            self.owner,
            subject=letter.subject,
            body=letter.body,
            # Of a fault, each is told once, whenever what comes of it fires.
            key=f"fault-{incident.pk}-{self.owner.pk}-{channel.pk}" if incident else None,
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


def concerns(window: MaintenanceWindow, alert: Alert) -> bool:
    server = alert.server
    return (
        (window.server_id is not None and window.server_id == server.pk)
        or (window.node_id is not None and window.node_id == server.node_id)
        or (window.cluster_id is not None and window.cluster_id == server.cluster_id)
    )


def silences(mute: Mute, alert: Alert) -> bool:
    """A mute of a default rule is one of what replaces it, too."""
    if mute.server_id is not None and mute.server_id != alert.server_id:
        return False
    base = alert.rule.replaces_id if alert.rule else None
    return mute.rule_id is None or mute.rule_id in (alert.rule_id, base)
