"""Rules as people make them: checked, stored, and taken up by the next cycle."""

import math
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from alerts import episodes, rulebook
from alerts.metrics import FLAGS, KINDS, MEASURED, TOLD_BY_GUEST, Metric, Trust
from alerts.models import Alert, AlertRule, NotificationChannel
from servers import labels
from servers.models import Server
from servers.operations import Invalid

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

Condition = AlertRule.Condition
MOST_RULES = 200
LONGEST_DURATION = 7 * 86400
# Only one way round makes sense for these.
CONDITIONS: dict[Metric, Condition] = {
    Metric.SNAPSHOT_AGE: Condition.GREATER_THAN,
    Metric.DISK_FULL_IN: Condition.LESS_THAN,
}
# What a rule is about; another metric, file system or scope makes it another rule.
ABOUT = ("metric", "mountpoint", "server", "label", "condition", "trust")
FIELDS = (
    *ABOUT, "threshold", "clear_at", "duration", "severity", "no_data", "even_intended",
    "tell_recovery", "remind_every", "enabled",
)  # fmt: skip


class NotAllowed(Exception):
    """It is not this person's to change: `str()` says why, and what to do instead."""


def rule_for(user: "User | AnonymousUser", rule_id: int) -> AlertRule:
    """The rule if this person may see it, else AlertRule.DoesNotExist, which is a 404."""
    return AlertRule.objects.visible_to(user).select_related("server", "owner").get(pk=rule_id)


def create(
    owner: User | None,
    wish: Mapping[str, Any],
    *,
    replaces: AlertRule | None = None,
    channels: Collection[NotificationChannel] = (),
    actor: Actor,
    now: datetime,
) -> AlertRule:
    """A new rule; without an owner a default. Raises Invalid or NotAllowed.

    `wish` holds FIELDS; what it leaves out is as the model has it, or as what it `replaces`.
    """
    rule = draft(owner, wish, replaces=replaces)
    allow(rule, actor)
    with transaction.atomic():
        check_number(owner)
        check_twin(rule)
        rule.created_at = rule.updated_at = now
        rule.save()
        rule.channels.set(own(owner, channels))
        rulebook.changed()
        note(rule, "alert_rule.created", actor, now)
    return rule


def draft(
    owner: User | None, wish: Mapping[str, Any], *, replaces: AlertRule | None = None
) -> AlertRule:
    """A rule as it would be, checked and not saved. Raises Invalid."""
    rule = AlertRule(owner=owner, replaces=replaces)
    if replaces is not None:
        check_replaced(rule, replaces)
        for name in FIELDS:
            if name not in ("server", "label", "enabled"):
                setattr(rule, name, getattr(replaces, name))
    take(rule, wish)
    check(rule)
    return rule


def change(
    rule: AlertRule,
    wish: Mapping[str, Any],
    *,
    channels: Collection[NotificationChannel] | None = None,
    actor: Actor,
    now: datetime,
) -> AlertRule:
    """What the wish names is changed. What fires goes on, unless it is another rule by now."""
    allow(rule, actor)
    before = {name: getattr(rule, name) for name in FIELDS}
    take(rule, wish)
    check(rule)
    if rule.metric != before["metric"] and rule.replaced_by.exists():
        raise Invalid("metric", _("Rules of customers stand instead of this one: make a new one."))
    with transaction.atomic():
        check_twin(rule)
        rule.updated_at = now
        rule.save()
        if channels is not None:
            rule.channels.set(own(rule.owner, channels))
        if any(before[name] != getattr(rule, name) for name in ABOUT):
            episodes.end_of_rule([rule.pk], now=now)
        elif before["remind_every"] != rule.remind_every:
            episodes.decide_again(Alert.objects.firing().filter(rule=rule), now=now)
        rulebook.changed()
        note(rule, "alert_rule.changed", actor, now)
    return rule


def delete(rule: AlertRule, *, actor: Actor, now: datetime) -> None:
    """What fires by it is over. One that replaced a default lets that apply again."""
    allow(rule, actor)
    with transaction.atomic():
        replacing = list(rule.replaced_by.values_list("pk", flat=True))
        episodes.end_of_rule([rule.pk, *replacing], now=now)
        note(rule, "alert_rule.deleted", actor, now)
        rule.delete()
        rulebook.changed()


def allow(rule: AlertRule, actor: Actor) -> None:
    """One's own are one's own; the defaults, and those of others, take a right of the staff."""
    person = actor.user
    if person is None or rule.owner_id == person.pk:
        return
    if person.is_staff and person.has_perm("alerts.change_alertrule"):
        return
    if rule.owner_id is None:
        raise NotAllowed(_("This is a default rule. Make one of your own that replaces it."))
    raise NotAllowed(_("This is a rule of somebody else's."))


def take(rule: AlertRule, wish: Mapping[str, Any]) -> None:
    for name in FIELDS:
        if name in wish:
            setattr(rule, name, wish[name])


def check(rule: AlertRule) -> None:
    if rule.metric not in KINDS:
        raise Invalid("metric", _("There is no such metric."))
    check_scope(rule)
    check_numbers(rule)
    check_duration(rule)
    check_options(rule)
    check_replaced(rule, rule.replaces)


def check_scope(rule: AlertRule) -> None:
    if rule.server is not None and rule.label:
        raise Invalid("scope", _("A rule is for a server, or for a label, or for all."))
    if rule.owner is None and (rule.server or rule.label):
        raise Invalid("scope", _("A default rule is for all servers."))
    if rule.server is not None and rule.server.owner_id != rule.owner_id:
        raise Invalid("server", _("There is no such server."))
    if rule.label:
        try:
            labels.parse(rule.label)
        except labels.BadLabel as error:
            raise Invalid("label", str(error)) from error


def check_numbers(rule: AlertRule) -> None:
    metric = Metric(rule.metric)
    if metric in FLAGS:
        if rule.threshold is not None or rule.clear_at is not None:
            raise Invalid("threshold", _("This is so or it is not: there is no threshold."))
        rule.condition = Condition.GREATER_THAN
        return
    if rule.threshold is None:
        raise Invalid("threshold", _("A threshold is missing."))
    for name in ("threshold", "clear_at"):
        check_number_in_range(name, getattr(rule, name), KINDS[metric].highest)
    only = CONDITIONS.get(metric)
    if only is not None and rule.condition != only:
        raise Invalid("condition", _("Of this metric, only the other condition makes sense."))
    check_sides(rule, rule.threshold)


def check_number_in_range(name: str, number: float | None, highest: float) -> None:
    if number is None:
        return
    if not math.isfinite(number) or not 0 <= number <= highest:
        raise Invalid(name, _("It must be from 0 to %(highest)s.") % {"highest": f"{highest:g}"})


def check_sides(rule: AlertRule, threshold: float) -> None:
    if rule.clear_at is None:
        return
    if rule.condition == Condition.GREATER_THAN and rule.clear_at > threshold:
        raise Invalid("clear_at", _("It recovers at the threshold or below."))
    if rule.condition == Condition.LESS_THAN and rule.clear_at < threshold:
        raise Invalid("clear_at", _("It recovers at the threshold or above."))


def check_duration(rule: AlertRule) -> None:
    if not 0 <= rule.duration <= LONGEST_DURATION:
        raise Invalid("duration", _("It must be from 0 to 604800 seconds, which is a week."))
    if rule.duration and Metric(rule.metric) in NOT_HELD:
        raise Invalid("duration", _("Of this metric, it fires at once."))
    least = int(settings.ALERT_MAIL_INTERVAL)
    if rule.remind_every is not None and not least <= rule.remind_every <= LONGEST_DURATION:
        raise Invalid(
            "remind_every",
            _("It must be from %(least)s to 604800 seconds.") % {"least": least},
        )


# A fault that is told once, and ages that are their own duration.
NOT_HELD = frozenset((Metric.SNAPSHOT_FAILED, Metric.SNAPSHOT_AGE, Metric.DISK_FULL_IN))


def check_options(rule: AlertRule) -> None:
    metric = Metric(rule.metric)
    if rule.mountpoint and metric != Metric.DISK:
        raise Invalid("mountpoint", _("Only of the disk can one file system be named."))
    if len(rule.mountpoint) > 255:
        raise Invalid("mountpoint", _("This is too long."))
    if rule.trust == Trust.GUEST and metric not in TOLD_BY_GUEST:
        raise Invalid("trust", _("No guest tells of this metric."))
    if rule.no_data and metric not in MEASURED:
        raise Invalid("no_data", _("This is not measured, so it cannot be missing."))


def check_replaced(rule: AlertRule, replaced: AlertRule | None) -> None:
    if replaced is None:
        return
    if replaced.owner_id is not None or rule.owner is None:
        raise Invalid("replaces", _("Only a default rule can be replaced, by one of your own."))
    if rule.metric and rule.metric != replaced.metric:
        raise Invalid("metric", _("What replaces a rule is about the same metric."))


def check_twin(rule: AlertRule) -> None:
    """Of those that replace one rule for the same servers there is one."""
    if rule.replaces is None:
        return
    twins = AlertRule.objects.filter(
        owner=rule.owner, replaces=rule.replaces, server=rule.server, label=rule.label
    )
    if twins.exclude(pk=rule.pk).exists():
        raise Invalid("replaces", _("You have a rule instead of this one already: change that."))


def check_number(owner: User | None) -> None:
    if owner is None:
        return
    # Two at once: the second waits for the first.
    User.objects.select_for_update().only("pk").get(pk=owner.pk)
    if AlertRule.objects.filter(owner=owner).count() >= MOST_RULES:
        raise Invalid("scope", _("That would be more rules than anybody may have."))


def own(
    owner: User | None, channels: Collection[NotificationChannel]
) -> Collection[NotificationChannel]:
    if any(channel.owner_id != (owner.pk if owner else None) for channel in channels):
        raise Invalid("channels", _("There is no such channel."))
    return channels


def note(rule: AlertRule, event: str, actor: Actor, now: datetime) -> None:
    about = {name: getattr(rule, name) for name in FIELDS if name not in ("server", "channels")}
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="alert_rule",
        object_id=rule.pk,
        details={**about, "server": rule.server_id, "owner": rule.owner_id},
    )


def applying_to(server: Server) -> list[AlertRule]:
    """The rules that apply to a server now, the defaults' first."""
    book = rulebook.book()
    labelled = rulebook.labels_of(book, [server.owner_id])
    ids = [rule.id for rule in book.of(server.pk, server.owner_id, labelled).rules]
    found = AlertRule.objects.select_related("server", "replaces").in_bulk(ids)
    return [found[rule_id] for rule_id in ids if rule_id in found]
