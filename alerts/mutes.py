"""Silence that people ask for, and take back."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from alerts import episodes
from alerts.models import Alert, AlertRule, Mute
from servers.models import Server
from servers.operations import Invalid

MOST_MUTES = 200


def mute(
    owner: User,
    *,
    rule: AlertRule | None,
    server: Server | None,
    until: datetime | None,
    actor: Actor,
    now: datetime,
) -> Mute:
    """Nobody is told until then; None is until it is taken back. Raises Invalid.

    Of the same once: asked for again, it lasts as long as was said last.
    """
    if until is not None and until <= now:
        raise Invalid("until", _("This is over already."))
    if server is not None and server.owner_id != owner.pk:
        raise Invalid("server", _("There is no such server."))
    if rule is not None and rule.owner_id not in (None, owner.pk):
        raise Invalid("rule", _("There is no such rule."))
    with transaction.atomic():
        # Two at once: the second waits for the first, and changes what that one made.
        User.objects.select_for_update().only("pk").get(pk=owner.pk)
        made = Mute.objects.filter(owner=owner, rule=rule, server=server).first()
        if made is None:
            if in_force(now).filter(owner=owner).count() >= MOST_MUTES:
                raise Invalid("until", _("That would be more than anybody may mute."))
            made = Mute(owner=owner, rule=rule, server=server)
        made.until, made.created_at = until, now
        made.save()
        decide_again(made, now=now)
        note(made, "alerts.muted", actor, now)
    return made


def unmute(made: Mute, *, actor: Actor, now: datetime) -> None:
    """What still fires is told of now."""
    with transaction.atomic():
        note(made, "alerts.unmuted", actor, now)
        decide_again(made, now=now)
        made.delete()


def decide_again(made: Mute, *, now: datetime) -> None:
    """What it held back may be told by now, or at another time than was thought."""
    reminders = Q(
        tell_at=None, rule__remind_every__isnull=False, acknowledged_at=None, incident=None
    )
    waiting = Alert.objects.firing().filter(Q(told_at=None) | reminders, owner=made.owner_id)
    if made.rule_id:
        waiting = waiting.filter(Q(rule=made.rule_id) | Q(rule__replaces=made.rule_id))
    if made.server_id:
        waiting = waiting.filter(server=made.server_id)
    episodes.decide_again(waiting, now=now)


def in_force(now: datetime) -> QuerySet[Mute]:
    return Mute.objects.filter(Q(until=None) | Q(until__gt=now))


def note(made: Mute, event: str, actor: Actor, now: datetime) -> None:
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="server" if made.server_id else "alert_rule",
        object_id=made.server_id or made.rule_id,
        details={
            "owner": made.owner_id,
            "rule": made.rule_id,
            "server": made.server_id,
            "until": made.until.isoformat() if made.until else None,
        },
    )
