"""What a link in a mail permits: looked up anew each time, for the one thing that it names."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts.audit import Actor
from accounts.models import User
from alerts import destinations, links, mutes, wording
from alerts.models import AlertRule, Mute, NotificationChannel
from servers.models import Server


@dataclass(frozen=True)
class Muting:
    owner: User
    rule: AlertRule
    server: Server
    hours: int


@dataclass(frozen=True)
class Subscription:
    owner: User
    channel: NotificationChannel


@dataclass(frozen=True)
class Confirmation:
    owner: User
    channel: NotificationChannel
    token: str


Grant = Muting | Subscription | Confirmation


def of(token: str) -> Grant:
    """Raises BadLink, also where what it names is gone, or somebody else's by now."""
    link = links.read(token)
    owner = User.objects.filter(pk=link.numbers[0], is_active=True).first()
    if owner is None:
        raise links.BadLink
    match link.what:
        case links.MUTE:
            return muting(owner, *link.numbers[1:])
        case links.UNSUBSCRIBE:
            return Subscription(owner, channel_of(owner, link.numbers[1]))
        case links.CONFIRM:
            return Confirmation(owner, destinations.confirmable(link), token)
    raise links.BadLink


def muting(owner: User, rule_id: int, server_id: int, hours: int) -> Muting:
    rule = AlertRule.objects.filter(pk=rule_id).first()
    server = Server.objects.filter(pk=server_id, owner=owner).first()
    if rule is None or server is None or rule.owner_id not in (None, owner.pk):
        raise links.BadLink
    return Muting(owner, rule, server, hours)


def channel_of(owner: User, channel_id: int) -> NotificationChannel:
    found = NotificationChannel.objects.filter(pk=channel_id, owner=owner).first()
    if found is None:
        raise links.BadLink
    return found


def use(grant: Grant, *, undo: bool, actor: Actor, now: datetime) -> None:
    match grant:
        case Muting() if undo:
            for mute in mutes_of(grant):
                mutes.unmute(mute, actor=actor, now=now)
        case Muting():
            until = now + timedelta(hours=grant.hours)
            mutes.mute(
                grant.owner,
                rule=grant.rule,
                server=grant.server,
                until=until,
                actor=actor,
                now=now,
            )
        case Subscription():
            switch = destinations.enable if undo else destinations.disable
            switch(grant.channel, actor=actor, now=now)
        case Confirmation() if not undo:
            destinations.confirm(grant.token, now=now)


def mutes_of(grant: Muting) -> list[Mute]:
    return list(Mute.objects.filter(owner=grant.owner, rule=grant.rule, server=grant.server))


def shown(grant: Grant, *, now: datetime) -> dict[str, object]:
    """What the page says: what the link is for, and whether it is done."""
    match grant:
        case Muting():
            return muting_shown(grant, now)
        case Subscription(channel=channel):
            where = destinations.shown(channel)
            return {
                "heading": _("Alerts to %(where)s") % {"where": where},
                "done": not channel.enabled,
                "question": _("Shall no more alerts be sent there?"),
                "button": _("Send no more"),
                "answer": _("No more alerts are sent there."),
                "undo": _("Send them again"),
            }
        case Confirmation(channel=channel):
            channel.refresh_from_db()
            return {
                "heading": _("Alerts to %(where)s") % {"where": destinations.shown(channel)},
                "done": channel.confirmed_at is not None,
                "question": _("Shall alerts of %(person)s be sent to this address?")
                % {"person": grant.owner.email},
                "button": _("Yes, send them here"),
                "answer": _("It is confirmed. Alerts are sent here from now on."),
                "undo": "",
            }


def muting_shown(grant: Muting, now: datetime) -> dict[str, object]:
    what = f"{grant.server.name}: {wording.condition_of(grant.rule)}"
    lasting = [mute for mute in mutes_of(grant) if mute.until is None or mute.until > now]
    until = lasting[0].until if lasting else None
    return {
        "heading": what,
        "done": bool(lasting),
        "question": _("Shall this be muted for %(duration)s?")
        % {"duration": wording.duration(grant.hours * 3600)},
        "button": _("Mute"),
        "answer": _("It is muted until %(time)s.") % {"time": wording.moment(until, grant.owner)}
        if until
        else _("It is muted."),
        "undo": _("Unmute"),
    }
