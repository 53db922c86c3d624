"""Storing what the judge found: standings, alerts that begin and end, what is pushed to pages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.audit import Actor
from alerts import judge
from alerts.events import alert_event
from alerts.judge import State
from alerts.judging import Turn
from alerts.models import Alert, AlertEvent, AlertRule, AlertStanding
from servers import live
from servers.queue import enqueue

AT_ONCE = 500


class Over(Exception):
    """The alert does not fire any more."""


def apply(
    turns: Sequence[Turn], *, now: datetime, details: Mapping[tuple[int, int], str] | None = None
) -> None:
    """Stores what changed. Nothing, not even a query, where nothing did.

    `details` by server and rule: what a number does not tell. Call it in a transaction that holds
    the cluster's row, so that nobody judges the same meanwhile.
    """
    if not turns:
        return
    store_standings(turns)
    ended = [turn for turn in turns if is_end(turn)]
    begun = [turn for turn in turns if is_begin(turn)]
    if ended:
        end(ended, now=now)
    if begun:
        begin(begun, details or {}, now=now)


def is_begin(turn: Turn) -> bool:
    return judge.is_told_of(turn.after.state) and turn.after.state != turn.before.state


def is_end(turn: Turn) -> bool:
    return judge.is_told_of(turn.before.state) and turn.after.state != turn.before.state


def store_standings(turns: Sequence[Turn]) -> None:
    over: dict[int, list[int]] = defaultdict(list)
    for turn in turns:
        if turn.after.state == State.OK:
            over[turn.rule_id].append(turn.server)
    for rule_id, servers in over.items():
        for chunk in chunks(servers):
            AlertStanding.objects.filter(rule_id=rule_id, server__in=chunk).delete()
    # MySQL goes by whichever unique key is hit, and wants none named.
    by = connection.features.supports_update_conflicts_with_target
    AlertStanding.objects.bulk_create(
        [
            AlertStanding(
                rule_id=turn.rule_id,
                server_id=turn.server,
                owner_id=turn.owner,
                state=turn.after.state.value,
                since=turn.after.since,
                missing_since=turn.after.missing_since,
            )
            for turn in turns
            if turn.after.state != State.OK
        ],
        batch_size=AT_ONCE,
        update_conflicts=True,
        update_fields=["owner_id", "state", "since", "missing_since"],
        unique_fields=["server", "rule"] if by else None,
    )


def begin(turns: Sequence[Turn], details: Mapping[tuple[int, int], str], *, now: datetime) -> None:
    end_left_behind(turns, now=now)
    rules = AlertRule.objects.in_bulk({turn.rule_id for turn in turns})
    alerts = [
        alert_of(turn, rules[turn.rule_id], details.get((turn.server, turn.rule_id), ""), now)
        for turn in turns
        if turn.rule_id in rules
    ]
    Alert.objects.bulk_create(alerts, batch_size=AT_ONCE)
    note(fresh(alerts), AlertEvent.Kind.FIRED, now=now)


def end_left_behind(turns: Sequence[Turn], *, now: datetime) -> None:
    """A rule that is changed while a cycle stores may leave an alert without its standing."""
    by_rule: dict[int, list[int]] = defaultdict(list)
    for turn in turns:
        by_rule[turn.rule_id].append(turn.server)
    for rule, servers in by_rule.items():
        for chunk in chunks(servers):
            left = list(Alert.objects.firing().filter(rule=rule, server__in=chunk))
            if left:
                finish(left, Alert.End.RULE_CHANGED, now=now)


def fresh(alerts: Sequence[Alert]) -> list[Alert]:
    """As they are stored: MySQL tells no numbers of rows that are inserted together."""
    found: list[Alert] = []
    by_rule: dict[int | None, list[int]] = defaultdict(list)
    for alert in alerts:
        by_rule[alert.rule_id].append(alert.server_id)
    for rule, servers in by_rule.items():
        for chunk in chunks(servers):
            found += Alert.objects.firing().filter(rule=rule, server__in=chunk)
    return found


def alert_of(turn: Turn, rule: AlertRule, detail: str, now: datetime) -> Alert:
    no_data = turn.after.state == State.NO_DATA
    return Alert(
        rule=rule,
        server_id=turn.server,
        owner_id=turn.owner,
        kind=Alert.Kind.NO_DATA if no_data else Alert.Kind.THRESHOLD,
        metric=rule.metric,
        severity=rule.severity,
        condition=rule.condition,
        mountpoint=rule.mountpoint,
        threshold=rule.threshold,
        clear_at=rule.clear_at,
        duration=turn.rule.patience if no_data and turn.rule else rule.duration,
        since=datetime.fromtimestamp(turn.after.since, UTC),
        fired_at=now,
        value=turn.number,
        detail=detail[:255],
        tell_at=now,
    )


def end(turns: Sequence[Turn], *, now: datetime) -> None:
    alike: dict[tuple[int, str], dict[int, float | None]] = defaultdict(dict)
    for turn in turns:
        alike[turn.rule_id, reason_of(turn)][turn.server] = turn.number
    for (rule_id, reason), numbers in alike.items():
        for chunk in chunks(list(numbers)):
            firing = Alert.objects.firing().filter(rule=rule_id, server__in=chunk)
            finish(list(firing), reason, numbers=numbers, now=now)


def finish(
    alerts: Sequence[Alert],
    reason: str,
    *,
    numbers: Mapping[int, float | None] | None = None,
    now: datetime,
) -> None:
    """These are over. Whether anybody is told is decided afterwards.

    `numbers`: what was measured then, by server.
    """
    Alert.objects.firing().filter(pk__in=[alert.pk for alert in alerts]).update(
        active=None, ended_at=now, end_reason=reason, tell_at=now
    )
    for alert in alerts:
        alert.active, alert.ended_at, alert.end_reason, alert.tell_at = None, now, reason, now
        alert.end_value = numbers.get(alert.server_id) if numbers else None
    measured = [alert for alert in alerts if alert.end_value is not None]
    if measured:
        Alert.objects.bulk_update(measured, ["end_value"], batch_size=AT_ONCE)
    note(alerts, AlertEvent.Kind.ENDED, now=now)


def reason_of(turn: Turn) -> str:
    if turn.dismissed:
        return turn.dismissed
    return Alert.End.VOID if turn.number is None else Alert.End.RECOVERED


def note(alerts: Sequence[Alert], kind: AlertEvent.Kind, *, now: datetime) -> None:
    AlertEvent.objects.bulk_create(
        [AlertEvent(alert=alert, at=now, kind=kind) for alert in alerts], batch_size=AT_ONCE
    )
    live.publish([alert_event(alert) for alert in alerts])
    if alerts:
        enqueue("alerts.tell")


def decide_again(alerts: QuerySet[Alert], *, now: datetime) -> None:
    """Whether anybody is told of these is decided anew."""
    if alerts.update(tell_at=now):
        enqueue("alerts.tell")


def end_of_rule(rule_ids: Iterable[int], *, now: datetime) -> None:
    """Rules are changed beyond recognition, or go: what fires by them is over, quietly."""
    ids = list(rule_ids)
    firing = list(Alert.objects.firing().filter(rule__in=ids))
    if firing:
        finish(firing, Alert.End.RULE_CHANGED, now=now)
    AlertStanding.objects.filter(rule__in=ids).delete()


def acknowledge(alert: Alert, *, actor: Actor, now: datetime) -> bool:
    """Somebody has seen it and is at it: no reminders. False where it was, or is over."""
    return mark(alert, Q(acknowledged_at=None), AlertEvent.Kind.ACKNOWLEDGED, actor, now)


def unacknowledge(alert: Alert, *, actor: Actor, now: datetime) -> bool:
    taken = Q(acknowledged_at__isnull=False)
    return mark(alert, taken, AlertEvent.Kind.UNACKNOWLEDGED, actor, now)


def mark(alert: Alert, where: Q, kind: AlertEvent.Kind, actor: Actor, now: datetime) -> bool:
    seen = kind == AlertEvent.Kind.ACKNOWLEDGED
    with transaction.atomic():
        changed = (
            Alert.objects.firing()
            .filter(where, pk=alert.pk)
            .update(
                acknowledged_at=now if seen else None,
                acknowledged_by=actor.user if seen else None,
                tell_at=now,
            )
        )
        if changed:
            alert.refresh_from_db()
            note([alert], kind, now=now)
            audit.record(
                f"alert.{kind.value}",
                actor=actor,
                now=now,
                object_type="server",
                object_id=alert.server_id,
                details={"alert": alert.pk, "metric": alert.metric},
            )
    return bool(changed)


def chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
