"""All that counts for what one owner is told at one time, read once for all their alerts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import User
from alerts import destinations, incidents, mutes
from alerts.decide import (
    Decision,
    Drop,
    Facts,
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
    AlertPreferences,
    Incident,
    MaintenanceWindow,
    Mute,
    NotificationChannel,
    Severity,
)

# When it is asked again whether a cluster that staff do not have polled is back.
TAKEN_OUT = timedelta(minutes=10)
ENDED_WELL = ("", Alert.End.RECOVERED, Alert.End.VOID)


class Situation:
    """Of one owner, whose preferences are locked; `due` are the alerts that it is read for."""

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
